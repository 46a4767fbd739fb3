/** Where guests arrive: bring a photo, choose a dream, go and stand in it; or look at the dreams of others. */

import { t, translate } from "../shared/i18n.js";
import { explain, more } from "../shared/said.js";
import { follow } from "./gallery.js";
import { cancel, complain, send } from "./send.js";
import { offer, style } from "./styles.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const input = /** @type {HTMLInputElement} */ ($("photo"));
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const AGAIN = 4000;

/** Megabytes that a photo may have. */
let most = Infinity;

/**
 * The small windows that phones open on joining a Wi-Fi, or inside other apps: they block choosing a file, or close in
 * the middle of it. iOS leaves "Safari" out of their name, Android says "wv".
 */
function captive() {
  const name = navigator.userAgent;
  return /CaptiveNetworkSupport|; wv\)/.test(name) || (/iP(hone|ad|od)/.test(name) && !/Safari\//.test(name));
}

/** The photo that will be sent. @type {File | null} */
let photo = null;

function chosen() {
  const file = input.files && input.files[0];
  if (!file) return;
  complain("");
  if (file.size > most * 1e6) {
    complain(t("landing.large", { mb: most }));
    return;
  }
  photo = file;
  const thumb = $("thumb");
  const image = /** @type {HTMLImageElement} */ (thumb.firstElementChild);
  URL.revokeObjectURL(image.src);
  thumb.classList.remove("blind");
  // Not every photo that the kiosk reads is one that this browser can show.
  image.onerror = () => thumb.classList.add("blind");
  thumb.dataset.name = file.name;
  image.src = URL.createObjectURL(file);
  $("pick").hidden = true;
  $("chosen").hidden = false;
  $("send").hidden = false;
  $("chosen").prepend(input);
  $("chosen").scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
  $("send").focus({ preventScroll: true });
}

/** What the kiosk says, however long it takes until it does. @param {string} url @param {(body: any) => void} then */
async function ask(url, then) {
  const answer = await fetch(url).catch(() => null);
  const body = answer && answer.ok && (await answer.json().catch(() => null));
  if (body) then(body);
  else setTimeout(ask, AGAIN, url, then);
}

/** What guests have to expect before they bring anything. @param {{code: string, message: string}} trouble */
async function expect(trouble) {
  if (trouble.code === "camera") return;
  await more("errors");
  $("service").textContent = explain(trouble);
  $("service").hidden = false;
}

/** Wired before anything is asked for: a form that is not would leave the page. */
async function start() {
  input.onchange = chosen;
  $("bring").onsubmit = (event) => {
    event.preventDefault();
    if (photo) send(photo, style());
  };
  $("again").onclick = () => photo && send(photo, style());
  $("cancel").onclick = cancel;
  window.addEventListener("pageshow", (event) => {
    // Back from the dream, to the page as it was left: the same photo may dream again.
    if (!event.persisted) return;
    cancel();
  });
  await Promise.all([translate("landing"), more("styles")]);
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
