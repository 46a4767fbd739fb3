/**
 * The big screen: the latest dream, slowly turning; the codes that lead into it; the queue; a button that takes a photo.
 * It runs for months: whatever happens to the server, the last picture stays and the page recovers.
 */

import { listen } from "../shared/events.js";
import { duration, t, translate } from "../shared/i18n.js";
import { explain, loadServerWords, titleOf } from "../shared/server-words.js";
import { clear } from "../shared/sphere/clear.js";
import { Drag } from "../shared/sphere/drag.js";
import { stageIn } from "../shared/sphere/stage.js";
import { countDown, takePhoto } from "./camera.js";
import { even, showCodes } from "./codes.js";
import { line } from "./queue.js";
import { showTrouble } from "./trouble.js";

/** @typedef {import("../viewer/state.js").Status} Status */
/** @typedef {import("./codes.js").Kiosk} Kiosk */

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
/** Radians per second. */
const TURN = 0.05;
/** Seconds that a dream is shown before the next. */
const SHOW = 45;
/** Seconds after a touch until the picture turns again. */
const AFTER_TOUCH = 12;
/** Milliseconds. */
const KIOSK_EVERY = 3000;
/** Milliseconds without an answer after which the page says that it is offline. */
const SILENT = 20000;
/** Milliseconds after which a followed photo counts as lost: its events come every 15 seconds at least. */
const LOST = 40000;
/** Seconds that a failure to take a photo is shown. */
const COMPLAINT = 12;
const GONE = ["expired", "deleted"];

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
/** From the tap on the camera's button until its photo is known, or has failed. */
let asking = false;
/** From the flash until its photo is known: no code on the screen is the one that the guest waits for. */
let expecting = false;
/** When the followed photo was last heard of. */
let heardOwn = 0;
/** Timer until the own dream makes room for the others. */
let leaving = 0;
/** Shown instead of the caption. */
let saying = "";
/** @type {number | undefined} */
let unsay;

/** @type {import("../shared/sphere/stage.js").Stage} */
let stage;

/** @param {Status} status */
function nameOf(status) {
  const { images, token } = status;
  if (images.upscaled || images.pyramid.length) return `${token} final`;
  if (images.dream) return `${token} dream`;
  if (images.previews.length) return `${token} ${images.previews.length}`;
  return images.original ? `${token} original` : "";
}

/** Show the best picture of a photo. @param {Status} status */
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
  let text = saying;
  if (text) {
    // Shown until its time is over.
  } else if (own && status && own.token === status.token && own.state !== "ready") {
    const { state } = own;
    const waiting = state === "received" || state === "waiting";
    if (state === "failed") text = explain(own.error || { code: "", message: "" });
    else text = t(waiting ? "state.waiting.short" : `state.${state}`);
    if (own.eta_seconds) text += ` · ${t("state.left", { time: duration(own.eta_seconds) })}`;
  } else if (status) text = status.title ? t("booth.style", { style: titleOf(status) }) : t("booth.latest");
  else text = t("booth.none");
  if ($("caption").textContent !== text) $("caption").textContent = text;
}

/** Say something in the caption's place. @param {string} text @param {number} seconds 0 keeps it */
function say(text, seconds) {
  saying = text;
  clearTimeout(unsay);
  if (seconds) unsay = window.setTimeout(() => say("", 0), seconds * 1000);
  caption();
}

/** Bring the codes up to date. */
function codes() {
  if (kiosk) showCodes(kiosk, shown ? shown.token : "", Boolean(own && shown && own.token === shown.token), expecting);
}

/** @param {{photos: Status[], queue?: any[], out_of_service?: {code: string, message: string} | null}} news */
function hear(news) {
  const before = dreams[0];
  dreams = news.photos;
  outOfService = news.out_of_service || null;
  showTrouble(outOfService, connected);
  button();
  line(news.queue || []);
  settle(Boolean(before && dreams.length && before.token !== dreams[0].token));
}

/** Remove a photo that is gone, and show the newest dream unless a photo was just taken here. */
function settle(isNew = false) {
  const { token } = shown || { token: "" };
  if (token && !(own && own.token === token) && !dreams.some((status) => status.token === token)) {
    clear(stage);
    shown = null;
    caption();
    codes();
  }
  if (own || asking) return;
  if (dreams.length && (!shown || isNew)) present(dreams[0]);
}

/** The recent dreams take turns while nothing else happens. */
function rotate() {
  if (own && performance.now() - heardOwn > LOST) {
    release();
    settle();
  }
  if (own || asking || dreams.length < 2 || performance.now() - changed < SHOW * 1000) return;
  const now = dreams.findIndex((status) => shown && status.token === shown.token);
  present(dreams[(now + 1) % Math.min(dreams.length, 8)]);
}

/** Enable the camera's button if a photo can be taken now. */
function button() {
  const busy = asking || Boolean(own && own.state !== "ready" && own.state !== "failed");
  /** @type {HTMLButtonElement} */ ($("take")).disabled = busy || Boolean(outOfService) || !connected;
}

async function take() {
  asking = true;
  button();
  await countDown($("count"));
  release();
  expecting = true;
  if (!still) {
    $("flash").classList.add("on");
    setTimeout(() => $("flash").classList.remove("on"), 900);
  }
  say(t("booth.taken"), 0);
  codes();
  try {
    follow(await takePhoto());
  } catch (error) {
    say(explain(/** @type {any} */ (error)), COMPLAINT);
    forget();
  }
}

/** Taking a photo is over, successfully or not. */
function forget() {
  asking = expecting = false;
  button();
  codes();
  settle();
}

/** Show a photo that was taken here, from the start until its dream is ready. @param {string} token */
function follow(token) {
  release();
  heardOwn = performance.now();
  stopOwn = listen(
    `/api/photos/${token}/events`,
    ["state", "progress", "preview"],
    (/** @type {Status} */ status) => {
      heardOwn = performance.now();
      if (GONE.indexOf(status.state) >= 0) {
        lose();
        return;
      }
      own = status;
      if (expecting) {
        say("", 0);
        forget();
      }
      present(status);
      button();
      // The guest gets time to scan before the screen goes on to other dreams.
      if (!leaving && (status.state === "ready" || status.state === "failed")) {
        leaving = window.setTimeout(() => {
          release();
          caption();
          codes();
          settle();
        }, SHOW * 1000);
      }
    },
    undefined,
    lose,
  );
}

/** The photo taken here was deleted or has expired. */
function lose() {
  release();
  forget();
}

/** Stop following the photo taken here. */
function release() {
  if (stopOwn) stopOwn();
  stopOwn = null;
  own = null;
  clearTimeout(leaving);
  leaving = 0;
}

async function meet() {
  try {
    const answer = await fetch("/api/kiosk");
    if (!answer.ok) throw new Error(String(answer.status));
    const news = await answer.json();
    // A new version of the kiosk brings new pages.
    if (kiosk && kiosk.version !== news.version && !own && !asking) location.reload();
    kiosk = news;
    $("name").textContent = news.name;
    $("take").hidden = !news.can_capture;
    heard = performance.now();
    codes();
  } catch {
    // Shown below if it lasts.
  }
  const now = performance.now() - heard < SILENT;
  if (now !== connected) {
    connected = now;
    showTrouble(outOfService, connected);
    button();
  }
}
let heard = performance.now();

async function start() {
  await Promise.all([
    translate("booth"),
    loadServerWords("errors"),
    loadServerWords("styles"),
    loadServerWords("words"),
  ]);
  const host = $("sphere");
  const flat = new URLSearchParams(location.search).get("webgl") === "0";
  stage = await stageIn(host, { still, flat, sharpness: 1.5 });
  if (stage.flat) (await import("../shared/sphere/flat.js")).explain($("caption"), t("error.webgl"));
  stage.view.fov = (Math.PI * 100) / 180;
  const drag = new Drag(host, stage, { still });
  if (!still) {
    stage.before_frame.push((dt) => {
      if (performance.now() / 1000 - drag.touched < AFTER_TOUCH) return false;
      // Slowly back to the horizon after somebody looked up or down.
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
  if (new URLSearchParams(location.search).get("pair") === "1") (await import("./pairing.js")).pair($("pair"));
}

start();
