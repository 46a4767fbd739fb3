/** The guests' first page: send a photo, choose a style, and see the gallery. */

import { t, translate } from "../shared/i18n.js";
import { explain, loadServerWords } from "../shared/server-words.js";
import { follow } from "./gallery.js";
import { cancel, complain, send } from "./send.js";
import { offer, style } from "./styles.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const input = /** @type {HTMLInputElement} */ ($("photo"));
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const AGAIN = 4000;
/** Milliseconds to wait for the chosen photo and for what is said of it. */
const PATIENCE = 1000;
/** Width over height from which a picture is too low to have words on it, and the pixels of its height. */
const LOW = 2.6;
const LOWEST = 150;

/** Largest photo allowed, megabytes. */
let most = Infinity;

/**
 * Whether this is the small window that phones open when they join a Wi-Fi, or one inside another app: they cannot
 * choose a file, or close while one is chosen. iOS leaves "Safari" out of their user agent, Android adds "wv".
 */
function captive() {
  const name = navigator.userAgent;
  return /CaptiveNetworkSupport|; wv\)/.test(name) || (/iP(hone|ad|od)/.test(name) && !/Safari\//.test(name));
}

/** The photo that will be sent. @type {File | null} */
let photo = null;

async function chosen() {
  const file = input.files && input.files[0];
  if (!file) return;
  complain("");
  if (file.size > most * 1e6) {
    complain(t("landing.large", { mb: most }));
    return;
  }
  photo = file;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  // Then nothing moves any more under a finger.
  await Promise.race([sayForecast(file, show(file)), late]);
  if (photo !== file) return;
  $("pick").hidden = true;
  $("chosen").hidden = false;
  $("send").hidden = false;
  $("chosen").prepend(input);
  $("chosen").scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
  $("send").focus({ preventScroll: true });
}

/**
 * Show the chosen photo, whole.
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

/** Say what will become of the chosen photo. @param {File} file @param {Promise<[number, number] | null>} shown */
async function sayForecast(file, shown) {
  const line = $("forecast");
  line.textContent = "";
  const told = await import("../forecast/forecast.js").then((module) => module.forecast(file, shown)).catch(() => null);
  // A file that cannot be read says nothing, and sending it says why.
  if (!told || photo !== file) return;
  line.textContent = told.words;
  line.classList.toggle("no", !told.useful);
}

/** Ask until there is an answer. @param {string} url @param {(body: any) => void} then */
async function ask(url, then) {
  const answer = await fetch(url).catch(() => null);
  const body = answer && answer.ok && (await answer.json().catch(() => null));
  if (body) then(body);
  else setTimeout(ask, AGAIN, url, then);
}

/** Say that something is wrong before guests send a photo. @param {{code: string, message: string}} trouble */
async function expect(trouble) {
  if (trouble.code === "camera") return;
  await loadServerWords("errors");
  $("service").textContent = explain(trouble);
  $("service").hidden = false;
}

/** What a guest types or taps to dream of; loaded when it is opened. @type {typeof import("./words.js") | null} */
let words = null;

async function openWords() {
  words = words || (await import("./words.js").catch(() => null));
  if (!words || !(await words.toggle())) complain(t("landing.offline"));
}

async function dream() {
  if (!photo) return;
  const dream_of = words ? await words.wish() : "";
  if (dream_of !== null) send(photo, dream_of ? { dream_of } : { style: style() });
}

/** Wires the form before it waits for anything: else a submit would leave the page. */
async function start() {
  input.onchange = chosen;
  $("bring").onsubmit = (event) => {
    event.preventDefault();
    dream();
  };
  $("again").onclick = dream;
  $("word").onclick = openWords;
  $("cancel").onclick = cancel;
  window.addEventListener("pageshow", (event) => {
    // Back from the viewer, to the page as it was left: the same photo can be sent again.
    if (!event.persisted) return;
    cancel();
  });
  await Promise.all([translate("landing"), loadServerWords("styles")]);
  if (captive()) {
    const box = $("captive");
    box.hidden = false;
    box.textContent = t("landing.captive");
    const strong = document.createElement("strong");
    strong.textContent = location.host;
    box.append(strong);
  }
  ask("/api/kiosk", (about) => {
    most = about.upload_mb;
    $("name").textContent = about.name;
    offer(about.styles, about.style);
    if (about.out_of_service) expect(about.out_of_service);
  });
  follow();
  if (input.files && input.files.length) chosen();
}

start();
