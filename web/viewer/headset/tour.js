/** What the one button of a headset does. */

import { run } from "../messages.js";
import { choose, enter } from "../modes.js";
import { app, available, chosen } from "../state.js";

/** On to the next picture, after the last one to Compare, then to Alive, and around again. */
export function next() {
  return run(async () => {
    const choices = available();
    const now = choices.indexOf(chosen());
    if (app.modeName) {
      await (await import("../modes/alive.js")).next();
      if (!app.modeName) choose(choices[0]);
    } else if (now > 0 && now + 1 === choices.length) enter("compare", (await import("../modes/compare.js")).start);
    else choose(choices[(now + 1) % choices.length]);
  });
}
