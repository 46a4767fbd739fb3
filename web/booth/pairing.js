/**
 * A booth's page on another device becomes a screen of the kiosk, which may use its camera: opened as /booth?pair=1, it
 * shows six digits until the operator has typed them on the operator's page.
 */

import { t } from "../shared/i18n.js";

/** Milliseconds between two looks at whether it was done. */
const LOOK = 2000;
/** Milliseconds after which it is tried again when the kiosk refuses or does not answer. */
const AGAIN = 10000;

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Show the digits in `place` until the page is paired; then open the booth. @param {HTMLElement} place */
export async function pair(place) {
  for (;;) {
    try {
      if (await askOnce(place)) break;
    } catch {
      await pause(AGAIN);
    }
  }
  location.replace("/booth");
}

/** @param {HTMLElement} place @returns {Promise<boolean>} false if the code is no longer good */
async function askOnce(place) {
  const answer = await fetch("/api/screens", { method: "POST" });
  if (!answer.ok) throw new Error(String(answer.status));
  const { code, secret } = await answer.json();
  place.textContent = t("booth.pair", { code: `${code.slice(0, 3)}\u00a0${code.slice(3)}` });
  place.hidden = false;
  for (;;) {
    await pause(LOOK);
    const told = await fetch(`/api/screens/${secret}`);
    if (told.status === 404) return false;
    if (told.ok && (await told.json()).paired) return true;
  }
}
