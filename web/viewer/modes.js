/** Which picture is on the sphere, and the mode (compare, alive) that is on: one at a time. */

import { $, app, chosen, pictureOf } from "./state.js";

/** Show the chosen picture, and mark it in the switch. */
export function show() {
  const choice = chosen();
  const name = pictureOf(choice);
  if (name) app.stage.show(name);
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-show]"))) {
    const mine = button.dataset.show || "";
    button.disabled = !pictureOf(mine);
    button.setAttribute("aria-checked", String(mine === choice));
    button.tabIndex = mine === choice ? 0 : -1;
  }
}

/** @param {string} choice */
export function choose(choice) {
  app.choice = choice;
  show();
}

/** Turn a mode on in place of the one that is on. @param {string} name id of its button @param {() => {stop: () => void}} start */
export function enter(name, start) {
  leave();
  app.modeName = name;
  $(name).setAttribute("aria-pressed", "true");
  app.mode = start();
}

/** Turn the mode off that is on. */
export function leave() {
  if (app.mode) app.mode.stop();
  if (app.modeName) $(app.modeName).setAttribute("aria-pressed", "false");
  app.mode = null;
  app.modeName = "";
  app.stage.use(null);
}
