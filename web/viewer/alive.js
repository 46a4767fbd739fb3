/** The picture that is not still: each press goes on to the next way of living. */

import { t } from "../shared/i18n.js";
import { app } from "./app.js";
import { enter, leave, say } from "./viewer.js";

const KINDS = ["journey", "gaze"];
let kind = "";

export async function next() {
  const at = app.modeName === "alive" ? KINDS.indexOf(kind) + 1 : 0;
  if (at >= KINDS.length) {
    leave();
    say("", 0);
    return;
  }
  kind = KINDS[at];
  const { start } = await import(`./${kind}.js`);
  enter("alive", start);
  say(t(`alive.${kind}`), 6);
}
