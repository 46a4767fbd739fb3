/** Where guests arrive: bring a photo, choose a dream, go and stand in it; or look at the dreams of others. */

import { t, translate } from "../shared/i18n.js";
import { cancel, complain, send } from "./send.js";
import { offer, style } from "./styles.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const input = /** @type {HTMLInputElement} */ ($("photo"));
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const GALLERY = 8;
const AGAIN = 4000;

/** Megabytes that a photo may have. */
let most = Infinity;
let turning = false;

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

/** @param {import("../viewer/app.js").Status[]} photos */
function hang(photos) {
  const list = /** @type {HTMLElement} */ ($("gallery").querySelector("ul"));
  list.textContent = "";
  for (const photo of photos) {
    const { images } = photo;
    const url = images.levels[0] || images.dream || images.original;
    if (!url) continue;
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = `/v/${photo.token}`;
    const image = document.createElement("img");
    image.loading = "lazy";
    image.decoding = "async";
    image.alt = "";
    image.src = url;
    const title = document.createElement("span");
    title.textContent = photo.title || t("viewer.dream");
    link.append(image, title);
    item.append(link);
    list.append(item);
  }
  $("gallery").hidden = !list.children.length;
}

/** The newest dream turns behind the title. @param {import("../viewer/app.js").Status} photo */
async function turn(photo) {
  const { images } = photo;
  const url = images.dream || images.upscaled;
  const level = images.pyramid.filter((each) => !each.tile && each.width <= 2048).pop() || (url && { width: 0, url });
  if (!level) return;
  turning = true;
  const host = $("sphere");
  try {
    const { Stage } = await import("../shared/stage.js");
    const stage = new Stage(host, { still: true, sharpness: 1.25, budget: 24 * 2 ** 20 });
    stage.set("latest", [level]);
    stage.show("latest");
    stage.view.fov = 1.7;
    stage.view.pitch = 0.05;
    stage.onsharper = () => host.classList.add("on");
    if (!still) {
      stage.before_frame.push((dt) => {
        stage.view.turn(dt * 0.04, 0);
        return window.scrollY < host.clientHeight;
      });
    }
  } catch {
    // Without WebGL, or without a connection, the page has its plain background.
  }
}

/** The wall of dreams and the one behind the title; again when the page comes back. */
function latest() {
  ask(`/api/photos?limit=${GALLERY}`, ({ photos }) => {
    hang(photos);
    if (photos.length && !turning) turn(photos[0]);
  });
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
    latest();
  });
  await translate("landing");
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
  });
  latest();
  if (input.files && input.files.length) chosen();
}

start();
