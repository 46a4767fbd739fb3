/** The upload: its progress, a way to cancel it, and another try if it stalls. */

import { t } from "../shared/i18n.js";
import { remember } from "../shared/owner.js";
import { explain, loadServerWords } from "../shared/server-words.js";

/** Milliseconds without progress, and without an answer once all is sent, after which another try is offered. */
const STALLED = { sending: 6000, looking: 30000 };

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @type {XMLHttpRequest | null} */
let request = null;
/** @type {number | undefined} */
let stalling;

/** @param {string} text */
export function complain(text) {
  $("said").textContent = text;
}

/** @param {boolean} on */
function busy(on) {
  $("sending").hidden = !on;
  $("send").hidden = on;
  $("again").hidden = true;
  for (const id of ["photo", "choice"]) /** @type {HTMLInputElement | HTMLFieldSetElement} */ ($(id)).disabled = on;
}

/** @param {number} share of the photo that is sent, 0..1 */
function progress(share) {
  const line = $("progress");
  /** @type {HTMLElement} */ (line.firstElementChild).style.transform = `translateX(${share * 100 - 100}%)`;
  line.setAttribute("aria-valuenow", String(Math.round(share * 100)));
  line.dataset.words = share < 1 ? `${t("landing.sending")} ${Math.floor(share * 100)} %` : t("landing.looking");
  $("again").hidden = true;
  complain("");
  clearTimeout(stalling);
  stalling = window.setTimeout(
    () => {
      $("again").hidden = false;
      complain(t("landing.stalled"));
    },
    share < 1 ? STALLED.sending : STALLED.looking,
  );
}

/** Cancel the upload; the photo stays chosen. */
export function cancel() {
  clearTimeout(stalling);
  const was = request;
  request = null;
  if (was) was.abort();
  busy(false);
  complain("");
}

/** Find out what went wrong if the browser only says that something did. @param {File} photo */
async function cause(photo) {
  const readable = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(true);
    reader.onerror = () => resolve(false);
    reader.readAsArrayBuffer(photo.slice(0, 1));
  });
  // The photo was moved or changed after it was chosen.
  if (!readable) return t("landing.unreadable");
  const answer = await fetch("/api/kiosk").catch(() => null);
  return answer ? t("landing.broken") : t("landing.offline");
}

/**
 * @param {File} photo
 * @param {Record<string, string>} wish `style`, a name, or `dream_of`, words; empty for the kiosk's default
 */
export function send(photo, wish) {
  cancel();
  const form = new FormData();
  form.append("photo", photo);
  for (const name of Object.keys(wish)) if (wish[name]) form.append(name, wish[name]);
  const mine = new XMLHttpRequest();
  request = mine;
  mine.open("POST", "/api/photos");
  mine.responseType = "json";
  mine.upload.onprogress = (step) => {
    if (request === mine) progress(step.loaded / Math.max(1, step.total));
  };
  mine.onloadend = async () => {
    if (request !== mine) return;
    clearTimeout(stalling);
    request = null;
    const body = mine.response || {};
    if (mine.status === 201) {
      remember(body.token, body.owner_key);
      location.assign(`/v/${body.token}`);
      return;
    }
    busy(false);
    const why = body.error
      ? loadServerWords("errors").then(() => explain({ code: body.error, message: body.message }))
      : null;
    const text = mine.status ? await why : await cause(photo);
    if (!request) complain(text || t("landing.refused"));
  };
  busy(true);
  progress(0);
  mine.send(form);
}
