/** Sends photos one after the other: progress, a way to cancel, and as many tries as a bad connection needs. */

import { t } from "../shared/i18n.js";
import { makeKey, ownKey, random, remember } from "../shared/owner.js";
import { explain, loadServerWords } from "../shared/server-words.js";
import { answers, arrived, connection, post, readable } from "./upload.js";

/** Milliseconds without progress, and without an answer once all is sent, after which another try is offered. */
const STALLED = { sending: 6000, looking: 30000 };
/** Where it is noted that a photo is on its way, for the page after a reload. */
const NOTE = "dreamkiosk.sending";
/** Answers that say something of one photo; others concern all of them. */
const OF_THE_PHOTO = [400, 413, 415];

/**
 * @typedef {object} Round photos that are sent one after the other
 * @property {File[]} photos
 * @property {number} at index of the one that is being sent
 * @property {XMLHttpRequest | null} request
 * @property {boolean} again the guest asked for another try
 * @property {() => void} hurry ends a wait for the connection
 */

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @type {Round | null} */
let round = null;
/** @type {number | undefined} */
let stalling;

/** @param {string} text */
export function complain(text) {
  $("said").textContent = text;
}

/** Note in this tab whether a photo is on its way. @param {boolean} on */
function note(on) {
  try {
    if (on) sessionStorage.setItem(NOTE, "1");
    else sessionStorage.removeItem(NOTE);
  } catch {
    // Disabled: then nothing is said after a reload.
  }
}

/** Say after a reload that a photo was not sent, unless it was. */
export async function sayUnsent() {
  try {
    if (!sessionStorage.getItem(NOTE)) return;
  } catch {
    return;
  }
  note(false);
  const token = await arrived(ownKey(), null, false);
  if (token) remember(token, ownKey());
  else if (!round && !$("said").textContent) complain(t("landing.unsent"));
}

/** @param {boolean} on */
function busy(on) {
  note(on);
  $("sending").hidden = !on;
  $("send").hidden = on;
  $("again").hidden = true;
  for (const id of ["photo", "camera", "choice", "show"]) {
    /** @type {HTMLInputElement | HTMLFieldSetElement} */ ($(id)).disabled = on;
  }
}

/** @param {string} words @param {number} share of the photo that is sent, 0..1 */
function tell(words, share) {
  const line = $("progress");
  const { photos, at } = /** @type {Round} */ (round);
  /** @type {HTMLElement} */ (line.firstElementChild).style.transform = `translateX(${share * 100 - 100}%)`;
  line.setAttribute("aria-valuenow", String(Math.round(share * 100)));
  const nth = photos.length > 1 ? `${t("landing.nth", { n: at + 1, all: photos.length })} · ` : "";
  line.dataset.words = nth + words;
}

/** @param {number} share of the photo that is sent, 0..1 */
function progress(share) {
  tell(share < 1 ? `${t("landing.sending")} ${Math.floor(share * 100)} %` : t("landing.looking"), share);
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

/** Cancel the upload. @returns {File[]} the photos that were not sent */
export function cancel() {
  clearTimeout(stalling);
  const was = round;
  round = null;
  if (was && was.request) was.request.abort();
  busy(false);
  complain("");
  return was ? was.photos.slice(was.at) : [];
}

/** Try again at once. */
export function again() {
  if (!round) return;
  round.again = true;
  if (round.request) round.request.abort();
  else round.hurry();
}

/**
 * Send one photo until it is there or refused. It never comes twice: the kiosk knows the upload by its ID, and is asked
 * whether only the answer was lost before all of the photo is sent again.
 * @param {Round} mine @param {FormData} form @param {File} photo
 * @returns {Promise<{token?: string, why?: string, status?: number}>} empty if the round was canceled
 */
async function bring(mine, form, photo) {
  const key = makeKey();
  form.append("owner_key", key);
  form.append("upload", random());
  for (let tries = 0; ; tries++) {
    mine.again = false;
    progress(0);
    const answer = await post(
      form,
      (share) => round === mine && progress(share),
      (request) => {
        mine.request = request;
      },
    );
    if (round !== mine) return {};
    clearTimeout(stalling);
    mine.request = null;
    const { status, body } = answer;
    if (status === 201) return { token: body.token };
    if (body.error) {
      await loadServerWords("errors");
      return { status, why: explain({ code: body.error, message: body.message }) };
    }
    if (status) return { status, why: t("landing.refused") };
    if (!(await readable(photo))) return { why: t("landing.unreadable") };
    if (!mine.again) await wait(mine, tries);
    const token = round === mine ? await arrived(key, photo, answer.whole) : "";
    if (round !== mine) return {};
    if (token) return { token };
  }
}

/** Say that the connection is lost, and wait for it. @param {Round} mine @param {number} tries so far */
async function wait(mine, tries) {
  tell(t("landing.waits"), 0);
  $("again").hidden = false;
  const there = await answers();
  if (round !== mine || mine.again) return;
  complain(there ? t("landing.broken") : t("landing.offline"));
  await connection(
    tries,
    () => round !== mine,
    (at_once) => {
      mine.hurry = at_once;
    },
  );
}

/**
 * Send photos.
 * @param {File[]} photos
 * @param {Record<string, string>} wish `style`, a name, or `dream_of`, words; and `show`, yes or no
 * @returns {Promise<{tokens: string[], left: File[]} | null>} what was brought, and what may be sent again; null if it
 *   was canceled
 */
export async function send(photos, wish) {
  cancel();
  /** @type {Round} */
  const mine = { photos, at: 0, request: null, again: false, hurry: () => undefined };
  round = mine;
  busy(true);
  const tokens = [];
  const left = [];
  const whys = [];
  for (; mine.at < photos.length; mine.at++) {
    const photo = photos[mine.at];
    const form = new FormData();
    form.append("photo", photo);
    for (const name of Object.keys(wish)) if (wish[name]) form.append(name, wish[name]);
    const { token, why, status } = await bring(mine, form, photo);
    if (round !== mine) return null;
    if (token) {
      remember(token, ownKey());
      tokens.push(token);
      continue;
    }
    left.push(photo);
    whys.push(photos.length > 1 ? `${photo.name}: ${why}` : why);
    if (!status || OF_THE_PHOTO.indexOf(status) >= 0) continue;
    left.push(...photos.slice(mine.at + 1));
    break;
  }
  round = null;
  note(false);
  if (left.length || photos.length > 1) busy(false);
  complain(whys.join(" "));
  return { tokens, left };
}
