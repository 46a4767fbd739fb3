/** The photos that will be sent: taken or chosen, shown, and what will become of them. */

import { t } from "../shared/i18n.js";
import { complain } from "./send.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
/** Milliseconds to wait for the chosen photo and for what is said of it. */
const PATIENCE = 1000;
/** Width over height from which a picture is too low to have words on it, and the pixels of its height. */
const LOW = 2.6;
const LOWEST = 150;

/** Called when photos were chosen. @type {() => Promise<void>} */
let prepare = async () => undefined;
/** Largest photo allowed, megabytes. */
let most = Infinity;
/** @type {File[]} */
let photos = [];

/** The photos that will be sent, in the order in which they were chosen. */
export const picked = () => photos;

/** @param {number} megabytes */
export function allow(megabytes) {
  most = megabytes;
}

/** @param {HTMLInputElement} input */
async function choose(input) {
  const files = input.files ? [...input.files] : [];
  if (!files.length) return;
  const fit = files.filter((file) => file.size <= most * 1e6);
  complain(fit.length < files.length ? t("landing.large", { mb: most }) : "");
  if (!fit.length) return;
  await keep(fit);
  if (photos !== fit) return;
  const thumb = /** @type {HTMLLabelElement} */ ($("thumb"));
  thumb.htmlFor = input.id;
  $("chosen").prepend(input);
  $("chosen").scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
  $("send").focus({ preventScroll: true });
}

/** Show the photos, to be sent when the guest says so. @param {File[]} files */
export async function keep(files) {
  photos = files;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  // Then nothing moves any more under a finger.
  await Promise.race([Promise.all([sayForecast(files, show(files[0])), prepare()]), late]);
  if (photos !== files) return;
  $("several").hidden = files.length < 2;
  $("several").textContent = t("landing.several", { n: files.length });
  $("pick").hidden = true;
  $("chosen").hidden = false;
  $("send").hidden = false;
}

/** Begin anew: no photo is chosen. */
export function reset() {
  photos = [];
  for (const id of ["photo", "camera"]) {
    const input = /** @type {HTMLInputElement} */ ($(id));
    input.value = "";
    $("pick").insertBefore(input, document.querySelector(`#pick [for=${id}]`));
  }
  $("pick").hidden = false;
  $("chosen").hidden = true;
  $("send").hidden = true;
}

/**
 * Show a chosen photo, whole.
 * @param {File} file
 * @returns {Promise<[number, number] | null>} its size in pixels; null if this browser cannot show a photo that the
 *   kiosk can read
 */
function show(file) {
  const thumb = $("thumb");
  const image = /** @type {HTMLImageElement} */ (thumb.firstElementChild);
  URL.revokeObjectURL(image.src);
  thumb.className = "";
  thumb.dataset.name = file.name;
  image.src = URL.createObjectURL(file);
  return new Promise((resolve) => {
    image.onload = () => {
      const { naturalWidth, naturalHeight } = image;
      thumb.classList.toggle("low", naturalWidth > LOW * naturalHeight || naturalHeight < LOWEST);
      resolve([naturalWidth, naturalHeight]);
    };
    image.onerror = () => {
      thumb.className = "blind";
      resolve(null);
    };
  });
}

/** Say what will become of the first photo. @param {File[]} files @param {Promise<[number, number] | null>} shown */
async function sayForecast(files, shown) {
  const line = $("forecast");
  line.textContent = "";
  const told = await import("../forecast/forecast.js")
    .then((module) => module.forecast(files[0], shown))
    .catch(() => null);
  // A file that cannot be read says nothing, and sending it says why.
  if (!told || photos !== files) return;
  line.textContent = told.words;
  line.classList.toggle("no", !told.useful);
}

/**
 * Two ways to a photo. Android 14 and 15 offer no camera where a page asks for pictures, unless it asks for the camera:
 * so there is a button for each. A computer without a touch screen has only the second.
 * @param {() => Promise<void>} chosen called when photos were chosen, before they are shown
 */
export function wire(chosen) {
  prepare = chosen;
  $("take").hidden = !(navigator.maxTouchPoints > 0 || matchMedia("(pointer: coarse)").matches);
  $("camera").hidden = $("take").hidden;
  $("pick").classList.toggle("two", !$("take").hidden);
  for (const id of ["photo", "camera"]) {
    const input = /** @type {HTMLInputElement} */ ($(id));
    input.onchange = () => choose(input);
    // A browser may keep what was chosen before a reload.
    if (input.files && input.files.length) choose(input);
  }
}
