/** Where guests arrive: bring a photo, choose a dream, go and stand in it; or look at the dreams of others. */

import { t, translate } from "../shared/i18n.js";
import { remember } from "../shared/owner.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const input = /** @type {HTMLInputElement} */ ($("photo"));
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const GALLERY = 8;

/** @type {{upload_mb: number, guest_url: string} | null} */
let kiosk = null;
let style = "";

/**
 * The small windows that phones open on joining a Wi-Fi, or inside other apps: they block choosing a file, or close in
 * the middle of it. iOS leaves "Safari" out of their name, Android says "wv".
 */
function captive() {
  const name = navigator.userAgent;
  return /CaptiveNetworkSupport|; wv\)/.test(name) || (/iP(hone|ad|od)/.test(name) && !/Safari\//.test(name));
}

/** @param {string} text */
function complain(text) {
  $("said").textContent = text;
}

/** @param {{name: string, title: string, line: string}[]} styles */
function offer(styles) {
  const box = $("styles");
  box.textContent = "";
  for (const each of styles) {
    const label = document.createElement("label");
    const radio = document.createElement("input");
    radio.type = "radio";
    radio.name = "style";
    radio.value = each.name;
    radio.checked = each.name === style;
    label.classList.toggle("on", radio.checked);
    const title = document.createElement("b");
    title.textContent = each.title;
    label.append(radio, title, each.line);
    box.append(label);
  }
  box.onchange = (event) => {
    style = /** @type {HTMLInputElement} */ (event.target).value;
    for (const label of box.children) {
      label.classList.toggle("on", /** @type {HTMLInputElement} */ (label.firstChild).checked);
    }
  };
}

function chosen() {
  const file = input.files && input.files[0];
  if (!file) return;
  complain("");
  if (kiosk && file.size > kiosk.upload_mb * 1e6) {
    complain(t("landing.large", { mb: kiosk.upload_mb }));
    return;
  }
  const image = /** @type {HTMLImageElement} */ ($("thumb").firstElementChild);
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(file);
  $("pick").hidden = true;
  $("chosen").hidden = false;
  $("chosen").prepend(input);
  $("chosen").scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
  $("send").focus({ preventScroll: true });
}

/** @param {Event} event */
function send(event) {
  event.preventDefault();
  const file = input.files && input.files[0];
  if (!file) return;
  complain("");
  const progress = $("progress");
  const bar = /** @type {HTMLElement} */ (progress.firstElementChild);
  const busy = (/** @type {boolean} */ on) => {
    $("send").hidden = on;
    progress.hidden = !on;
  };
  const words = (/** @type {number} */ share) => {
    bar.style.transform = `translateX(${share * 100 - 100}%)`;
    progress.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    progress.dataset.words = share < 1 ? `${t("landing.sending")} ${Math.round(share * 100)} %` : t("landing.looking");
  };
  const form = new FormData();
  form.append("photo", file);
  if (style) form.append("style", style);
  const request = new XMLHttpRequest();
  request.open("POST", "/api/photos");
  request.responseType = "json";
  request.upload.onprogress = (step) => words(step.loaded / Math.max(1, step.total));
  request.onload = () => {
    const body = request.response || {};
    if (request.status === 201) {
      remember(body.token, body.owner_key);
      location.assign(`/v/${body.token}`);
      return;
    }
    busy(false);
    complain(body.message || t("landing.refused"));
  };
  request.onerror = () => {
    busy(false);
    complain(t("landing.offline"));
  };
  words(0);
  busy(true);
  request.send(form);
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
  const { Stage } = await import("../shared/stage.js");
  const host = $("sphere");
  try {
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
    // Without WebGL the page has its plain background.
  }
}

async function start() {
  const asked = Promise.all(["/api/kiosk", `/api/photos?limit=${GALLERY}`].map((url) => fetch(url)));
  await translate("landing");
  input.onchange = chosen;
  $("bring").onsubmit = send;
  if (captive()) {
    const box = $("captive");
    box.hidden = false;
    box.textContent = t("landing.captive");
    const strong = document.createElement("strong");
    strong.textContent = location.host;
    box.append(strong);
  }
  const [about, latest] = await asked;
  if (about.ok) {
    const news = await about.json();
    kiosk = news;
    style = news.style || "";
    $("name").textContent = news.name;
    offer(news.styles);
  }
  if (latest.ok) {
    const { photos } = await latest.json();
    hang(photos);
    if (photos.length) await turn(photos[0]);
  }
  if (input.files && input.files.length) chosen();
}

start();
