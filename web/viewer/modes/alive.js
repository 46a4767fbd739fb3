/** The dream alive: each press goes on to the next way of being alive, and then back to a still picture. */

import { moreWords, t } from "../../shared/i18n.js";
import { say } from "../messages.js";
import { enter, leave } from "../modes.js";
import { app } from "../state.js";

/** @type {[string, () => Promise<{start: () => {stop: () => void}}>][]} */
const KINDS = [
  ["journey", () => import("./journey.js")],
  ["gaze", () => import("./gaze.js")],
];
/** Index into KINDS of the one that is on, or was on last. */
let at = -1;

export async function next() {
  at = app.modeName === "alive" ? at + 1 : 0;
  if (at >= KINDS.length) {
    leave();
    say("", 0);
    return;
  }
  const [name, load] = KINDS[at];
  const { start } = await load();
  enter("alive", start);
  await moreWords("viewer");
  say(t(`alive.${name}`), 6);
}
