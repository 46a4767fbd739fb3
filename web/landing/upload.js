/** One upload, and what is known of it when its answer does not come. */

import { broughtBy, keyOf } from "../shared/owner.js";

/** Milliseconds until the kiosk is asked whether it is there, after the first failure and after the others. */
const WAITS = [1000, 2000, 4000, 8000];
/** Milliseconds to wait for one answer about what arrived, and between two questions. */
const PATIENCE = 5000;
const PAUSE = 2000;
/** How often it is asked for a photo that was sent to its last byte: the kiosk may still be looking at it. */
const QUESTIONS = 4;

/** Not of promises.js, which is sent together with the sphere. @param {number} time milliseconds @returns {Promise<any>} */
const after = (time) => new Promise((resolve) => setTimeout(resolve, time));

/**
 * @typedef {object} Answer
 * @property {number} status of HTTP; 0 if none came
 * @property {any} body
 * @property {boolean} whole whether all of the photo was sent
 */

/**
 * Send a form.
 * @param {FormData} form @param {(share: number) => void} progress 0..1
 * @param {(request: XMLHttpRequest) => void} begun
 * @returns {Promise<Answer>} never rejects
 */
export function post(form, progress, begun) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    let whole = false;
    request.open("POST", "/api/photos");
    request.responseType = "json";
    request.upload.onprogress = (step) => progress(step.loaded / Math.max(1, step.total));
    request.upload.onload = () => {
      whole = true;
    };
    request.onloadend = () => resolve({ status: request.status, body: request.response || {}, whole });
    begun(request);
    request.send(form);
  });
}

/** Whether the file is still there: it may have been moved or changed after it was chosen. @param {File} photo */
export function readable(photo) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(true);
    reader.onerror = () => resolve(false);
    reader.readAsArrayBuffer(photo.slice(0, 1));
  });
}

/** Whether the kiosk answers at all. */
export const answers = () =>
  fetch("/api/kiosk").then(
    (answer) => answer.ok,
    () => false,
  );

/**
 * Wait until there is a connection: the kiosk answers when it is asked after a while, when the browser says that it is
 * online again, or when the page comes back into view, as after the phone was unlocked.
 * @param {number} tries so far @param {() => boolean} over whether nobody waits any more
 * @param {(at_once: () => void) => void} hurry is given a function that ends the wait
 * @returns {Promise<void>}
 */
export function connection(tries, over, hurry) {
  return new Promise((resolve) => {
    const wait = WAITS[Math.min(tries, WAITS.length - 1)];
    /** @type {number | undefined} */
    let timer;
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener("online", ask);
      document.removeEventListener("visibilitychange", ask);
      resolve();
    };
    const ask = async () => {
      clearTimeout(timer);
      if (over() || (await answers())) done();
      else timer = window.setTimeout(ask, wait);
    };
    window.addEventListener("online", ask);
    document.addEventListener("visibilitychange", ask);
    timer = window.setTimeout(ask, wait);
    hurry(done);
  });
}

/**
 * The photo whose answer was lost, if it arrived nevertheless: one of this phone's key that this phone knows nothing of.
 * @param {string} key @param {File | null} photo null if it is not known any more @param {boolean} whole
 * @returns {Promise<string>} its token, or an empty string
 */
export async function arrived(key, photo, whole) {
  const size = photo && (await sizeOf(photo));
  for (let question = 0; question < (whole ? QUESTIONS : 1); question++) {
    if (question) await after(PAUSE);
    const all = await Promise.race([broughtBy(key), after(PATIENCE)]);
    const found = (all || []).find((/** @type {any} */ one) => !keyOf(one.token) && fits(one, size));
    if (found) return found.token;
  }
  return "";
}

/** Whether a photo may be of this size: one that was placed on a sphere has another. @param {any} status @param {[number, number] | null} size */
function fits({ width, height, kind, images }, size) {
  const itself = kind === "sphere" || kind === "stereo" || !images.original;
  return !size || !itself || (width === size[0] && height === size[1]);
}

/** @param {File} photo @returns {Promise<[number, number] | null>} null if this browser cannot show it */
function sizeOf(photo) {
  const image = new Image();
  const url = URL.createObjectURL(photo);
  return new Promise((resolve) => {
    image.onload = () => resolve([image.naturalWidth, image.naturalHeight]);
    image.onerror = () => resolve(null);
    image.src = url;
  }).then((size) => {
    URL.revokeObjectURL(url);
    return /** @type {[number, number] | null} */ (size);
  });
}
