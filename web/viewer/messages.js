/** What the page says: a sentence at the lower edge, or a notice over the picture. */

import { t } from "../shared/i18n.js";
import { $ } from "./state.js";

/** @type {number | undefined} */
let timer;

/** Show a sentence at the lower edge for a while. @param {string} text @param {number} [seconds] 0 keeps it */
export function say(text, seconds = 4.5) {
  const live = $("live");
  if (live.textContent !== text) live.textContent = text;
  clearTimeout(timer);
  if (seconds) timer = setTimeout(() => (live.textContent = ""), seconds * 1000);
}

/** Say whether there is a connection. @param {boolean} connected */
export function sayConnected(connected) {
  const lost = t("error.connection");
  if (!connected) say(lost, 0);
  else if ($("live").textContent === lost) say("", 0);
}

/**
 * Show a notice over the dimmed picture.
 * @param {string} headline empty to remove the notice
 * @param {string} sentence
 * @param {boolean} [final] whether there is nothing more to expect here: offers the way to another dream
 */
export function notice(headline, sentence, final = false) {
  $("notice").hidden = !headline;
  document.body.classList.toggle("noticed", Boolean(headline));
  $("headline").textContent = headline;
  $("sentence").textContent = sentence;
  $("way-out").hidden = !final;
}

/** Run an action whose code is loaded on demand, and say so if that fails. @param {() => Promise<void>} action */
export function run(action) {
  return action().catch(() => say(t("error.connection"), 5));
}
