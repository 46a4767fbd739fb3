/**
 * The big screen: the latest dream, slowly turning; two steps to stand inside it; the queue; a button that takes a
 * photo. It runs for months: whatever happens to the server, the last picture stays and the page finds its way back.
 */

import { Drag } from "../shared/drag.js";
import { duration, t, translate } from "../shared/i18n.js";
import { listen } from "../shared/live.js";
import { Stage } from "../shared/stage.js";

/**
 * @typedef {import("../viewer/app.js").Status} Status
 * @typedef {object} Kiosk
 * @property {string} name
 * @property {string} version
 * @property {string} guest_url
 * @property {{ssid: string} | null} wifi
 * @property {boolean} can_capture whether there is a camera to ask
 */

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const TURN = 0.05;
const SHOW = 45;
const COUNT = 3;
const AFTER_TOUCH = 12;
const KIOSK_EVERY = 3000;
const SILENT = 20000;
const PATIENCE = 90000;
/** Of a module in a code's own size. */
const SVG_PIXELS = 10;

/** @type {Kiosk | null} */
let kiosk = null;
/** Newest first. @type {Status[]} */
let dreams = [];
/** The photo just taken here, until its dream has been shown. @type {Status | null} */
let own = null;
/** @type {Status | null} */
let shown = null;
let changed = 0;
/** @type {(() => void) | null} */
let stopOwn = null;
let connected = true;
/** @type {{code: string, message: string} | null} */
let outOfService = null;

/** When a photo was asked of the camera that has not been seen yet; 0 otherwise. */
let expecting = 0;

/** @type {Stage} */
let stage;

/** @param {Status} status */
function nameOf(status) {
  const { images, token } = status;
  if (images.upscaled || images.pyramid.length) return `${token} final`;
  if (images.dream) return `${token} dream`;
  if (images.previews.length) return `${token} ${images.previews.length}`;
  return images.original ? `${token} original` : "";
}

/** Put a photo on the sphere at its best. @param {Status} status */
function present(status) {
  const { images } = status;
  const name = nameOf(status);
  if (!name) return;
  const url = images.upscaled || images.dream || images.previews[images.previews.length - 1] || images.original || "";
  stage.set(name, images.pyramid.length ? images.pyramid : [{ width: 0, url }]);
  stage.show(name);
  for (const other of [...stage.pictures.keys()]) if (other !== name) stage.forget(other);
  if (!shown || shown.token !== status.token) changed = performance.now();
  shown = status;
  caption();
  codes();
}

function caption() {
  const status = shown;
  let text = "";
  if (own && status && own.token === status.token && own.state !== "ready") {
    text =
      own.state === "failed"
        ? errorOf(own)
        : t(
            `state.${own.state === "received" ? "waiting.short" : own.state === "waiting" ? "waiting.short" : own.state}`,
          );
    if (own.eta_seconds) text += ` · ${t("state.left", { time: duration(own.eta_seconds) })}`;
  } else if (status) text = status.title ? t("booth.style", { style: status.title }) : t("booth.latest");
  else text = t("booth.none");
  if ($("caption").textContent !== text) $("caption").textContent = text;
}

/** @param {Status} status */
function errorOf(status) {
  return (status.error && status.error.message) || t("state.failed.more");
}

/** The two steps. The picture of a code changes only when the code does. */
function codes() {
  if (!kiosk) return;
  $("panel").hidden = false;
  $("join").hidden = !kiosk.wifi;
  $("second").hidden = !kiosk.wifi;
  $("panel").classList.toggle("steps", Boolean(kiosk.wifi));
  if (kiosk.wifi) {
    $("join-line").textContent = t("booth.join", { name: kiosk.wifi.ssid });
    code("join-code", "/qr/wifi.svg", kiosk.wifi.ssid, t("booth.join.code", { name: kiosk.wifi.ssid }));
  }
  const mine = Boolean(own && shown && own.token === shown.token);
  const token = shown ? shown.token : "kiosk";
  $("open-line").textContent = t(shown ? (mine ? "booth.open.own" : "booth.open") : "booth.open.first");
  code("open-code", `/qr/${token}.svg`, kiosk.guest_url, t("booth.open.code"));
  const address = $("address");
  address.textContent = t("booth.address");
  const strong = document.createElement("strong");
  strong.textContent = kiosk.guest_url.replace(/^https?:\/\/|\/$/g, "");
  address.append(strong);
}

/** @param {string} id @param {string} path @param {string} version @param {string} alt */
function code(id, path, version, alt) {
  const image = /** @type {HTMLImageElement} */ ($(id));
  const url = `${path}?${encodeURIComponent(version)}`;
  if (image.getAttribute("src") !== url) image.src = url;
  image.alt = alt;
}

/** Every module a whole number of pixels: a camera far away sees even squares. */
function even() {
  for (const image of /** @type {NodeListOf<HTMLImageElement>} */ (document.querySelectorAll(".paper img"))) {
    const room = /** @type {HTMLElement} */ (image.parentElement).clientWidth;
    const modules = image.naturalWidth / SVG_PIXELS;
    const pixels = Math.floor(room / modules);
    image.style.width = pixels > 1 ? `${pixels * modules}px` : "";
  }
}

/** @param {{state: string, progress: number, eta_seconds: number | null}[]} queue */
function line(queue) {
  const box = $("queue");
  const working = queue.find((job) => job.state !== "waiting" && job.state !== "received");
  const waiting = queue.length - (working ? 1 : 0);
  const last = queue[queue.length - 1];
  const words = [];
  if (working) words.push(t("booth.dreaming"));
  if (waiting) words.push(t(waiting === 1 ? "booth.waiting.one" : "booth.waiting", { n: waiting }));
  if (last && last.eta_seconds && waiting) words.push(t("booth.eta", { time: duration(last.eta_seconds) }));
  const progress = working ? working.progress : 0;
  box.innerHTML = queue.length
    ? `<svg class="ring" viewBox="0 0 40 40"><circle cx="20" cy="20" r="17"/><circle cx="20" cy="20" r="17" stroke-dasharray="107" stroke-dashoffset="${107 * (1 - progress)}"/></svg><span></span>`
    : "";
  if (box.lastChild) box.lastChild.textContent = words.join(" · ");
}

function trouble() {
  const box = $("trouble");
  box.hidden = !outOfService && connected;
  if (box.hidden) return;
  const head = outOfService ? t("booth.trouble") : t("booth.offline");
  const text = outOfService ? outOfService.message : t("booth.offline.more");
  if ($("trouble-head").textContent !== head) $("trouble-head").textContent = head;
  if ($("trouble-line").textContent !== text) $("trouble-line").textContent = text;
  /** @type {HTMLButtonElement} */ ($("take")).disabled = true;
}

/** @param {{photos: Status[], queue?: any[], out_of_service?: {code: string, message: string} | null}} news */
function hear(news) {
  const newest = dreams[0];
  dreams = news.photos;
  outOfService = news.out_of_service || null;
  trouble();
  if (!outOfService)
    /** @type {HTMLButtonElement} */ ($("take")).disabled = Boolean(
      own && own.state !== "ready" && own.state !== "failed",
    );
  line(news.queue || []);
  const mine = (news.queue || []).filter((job) => job.token).pop();
  if (expecting && mine) {
    expecting = 0;
    follow(mine.token);
  } else if (expecting && performance.now() - expecting > PATIENCE) expecting = 0;
  if (own) return;
  if (!dreams.length) {
    shown = null;
    caption();
    codes();
  } else if (!shown || !newest || newest.token !== dreams[0].token) present(dreams[0]);
}

/** In a quiet hour the recent dreams take turns. */
function rotate() {
  if (own || dreams.length < 2 || performance.now() - changed < SHOW * 1000) return;
  const now = dreams.findIndex((status) => shown && status.token === shown.token);
  present(dreams[(now + 1) % Math.min(dreams.length, 8)]);
}

async function take() {
  const button = /** @type {HTMLButtonElement} */ ($("take"));
  button.disabled = true;
  const count = $("count");
  count.hidden = false;
  for (let n = COUNT; n > 0; n--) {
    count.textContent = String(n);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  count.hidden = true;
  if (!still) {
    $("flash").classList.add("on");
    setTimeout(() => $("flash").classList.remove("on"), 900);
  }
  try {
    const answer = await fetch("/api/capture", { method: "POST" });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.message);
    if (body.token) follow(body.token);
    else {
      // The camera process brings it; the queue will say which one it is.
      expecting = performance.now();
      $("caption").textContent = t("booth.taken");
    }
  } catch (error) {
    $("caption").textContent = t("booth.camera", { reason: /** @type {Error} */ (error).message });
    button.disabled = false;
  }
}

/** Show a photo taken here from its first moment to its dream. @param {string} token */
function follow(token) {
  if (stopOwn) stopOwn();
  const stop = listen(
    `/api/photos/${token}/events`,
    ["state", "progress", "preview"],
    (/** @type {Status} */ status) => {
      own = status;
      present(status);
      if (["ready", "failed", "expired", "deleted"].indexOf(status.state) < 0) return;
      stop();
      stopOwn = null;
      /** @type {HTMLButtonElement} */ ($("take")).disabled = false;
      // The guest gets time to scan before the screen goes on to other dreams.
      setTimeout(() => {
        if (own && own.token === token) own = null;
      }, SHOW * 1000);
    },
  );
  stopOwn = stop;
}

async function meet() {
  try {
    const answer = await fetch("/api/kiosk");
    if (!answer.ok) throw new Error(String(answer.status));
    const news = await answer.json();
    // A new version of the kiosk brings new pages.
    if (kiosk && kiosk.version !== news.version && !own) location.reload();
    kiosk = news;
    $("name").textContent = news.name;
    $("take").hidden = !news.can_capture;
    heard = performance.now();
    codes();
  } catch {
    // Said on the screen below, once it has lasted.
  }
  const now = performance.now() - heard < SILENT;
  if (now !== connected) {
    connected = now;
    trouble();
  }
}
let heard = performance.now();

async function start() {
  for (let tries = 0; ; tries++) {
    try {
      await translate("booth");
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, Math.min(8000, 1000 * 2 ** tries)));
    }
  }
  const host = $("sphere");
  stage = new Stage(host, { still, sharpness: 1.5 });
  stage.view.fov = (Math.PI * 100) / 180;
  const drag = new Drag(host, stage, { still });
  if (!still) {
    stage.before_frame.push((dt) => {
      if (performance.now() / 1000 - drag.touched < AFTER_TOUCH) return false;
      // Back to the horizon, gently, after somebody has looked up.
      stage.view.turn(TURN * dt, -stage.view.pitch * Math.min(1, dt * 0.4));
      return true;
    });
  }
  $("take").onclick = take;
  $("join-code").onerror = () => ($("join").hidden = true);
  for (const id of ["join-code", "open-code"]) $(id).onload = even;
  new ResizeObserver(even).observe($("panel"));
  caption();
  await meet();
  setInterval(meet, KIOSK_EVERY);
  setInterval(rotate, 1000);
  listen("/api/events", ["latest"], hear);
}

start();
