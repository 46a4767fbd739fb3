/**
 * The big screen: the latest dream, slowly turning; two steps to stand inside it; the queue; a button that takes a
 * photo. It runs for months: whatever happens to the server, the last picture stays and the page finds its way back.
 */

import { clear } from "../shared/clear.js";
import { Drag } from "../shared/drag.js";
import { duration, t, translate } from "../shared/i18n.js";
import { listen } from "../shared/live.js";
import { explain, more, titleOf } from "../shared/said.js";
import { stageIn } from "../shared/stage.js";
import { countDown, takePhoto } from "./camera.js";
import { even, showCodes } from "./codes.js";
import { line } from "./queue.js";

/** @typedef {import("../viewer/app.js").Status} Status */
/** @typedef {import("./codes.js").Kiosk} Kiosk */

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const TURN = 0.05;
const SHOW = 45;
const AFTER_TOUCH = 12;
const KIOSK_EVERY = 3000;
const SILENT = 20000;
/** A followed photo says how it is every 15 seconds at least. */
const LOST = 40000;
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
/** From the tap until its photo is known, or cannot come. */
let asking = false;
/** From the flash on: no code on the screen is the one that the guest is waiting for. */
let expecting = false;
/** When the followed photo was last heard of. */
let heardOwn = 0;
/** When the own dream makes room for the others. */
let leaving = 0;
/** What is said instead of the caption. */
let saying = "";
/** @type {number | undefined} */
let unsay;

/** @type {import("../shared/stage.js").Stage} */
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
  let text = saying;
  if (text) {
    // Said until it is over.
  } else if (own && status && own.token === status.token && own.state !== "ready") {
    text =
      own.state === "failed"
        ? explain(own.error || { code: "", message: "" })
        : t(
            `state.${own.state === "received" ? "waiting.short" : own.state === "waiting" ? "waiting.short" : own.state}`,
          );
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

/** The two steps, as things are now. */
function codes() {
  if (kiosk) showCodes(kiosk, shown ? shown.token : "", Boolean(own && shown && own.token === shown.token), expecting);
}

function trouble() {
  const box = $("trouble");
  box.hidden = !outOfService && connected;
  if (box.hidden) return;
  const head = outOfService ? t("booth.trouble") : t("booth.offline");
  const text = outOfService ? explain(outOfService) : t("booth.offline.more");
  if ($("trouble-head").textContent !== head) $("trouble-head").textContent = head;
  if ($("trouble-line").textContent !== text) $("trouble-line").textContent = text;
}

/** @param {{photos: Status[], queue?: any[], out_of_service?: {code: string, message: string} | null}} news */
function hear(news) {
  const before = dreams[0];
  dreams = news.photos;
  outOfService = news.out_of_service || null;
  trouble();
  button();
  line(news.queue || []);
  settle(Boolean(before && dreams.length && before.token !== dreams[0].token));
}

/** What is gone goes from the screen; then the newest dream, where nothing of one's own is going on. */
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

/** In a quiet hour the recent dreams take turns. */
function rotate() {
  if (own && performance.now() - heardOwn > LOST) {
    release();
    settle();
  }
  if (own || asking || dreams.length < 2 || performance.now() - changed < SHOW * 1000) return;
  const now = dreams.findIndex((status) => shown && status.token === shown.token);
  present(dreams[(now + 1) % Math.min(dreams.length, 8)]);
}

/** Whether the camera's button can be pressed now. */
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

/** The tap has come to its end, with a photo or without. */
function forget() {
  asking = expecting = false;
  button();
  codes();
  settle();
}

/** Show a photo taken here from its first moment to its dream. @param {string} token */
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

/** One's own photo is gone. */
function lose() {
  release();
  forget();
}

/** One's own photo is not followed any more. */
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
    // Said on the screen below, once it has lasted.
  }
  const now = performance.now() - heard < SILENT;
  if (now !== connected) {
    connected = now;
    trouble();
    button();
  }
}
let heard = performance.now();

async function start() {
  await Promise.all([translate("booth"), more("errors"), more("styles")]);
  const host = $("sphere");
  const flat = new URLSearchParams(location.search).get("webgl") === "0";
  stage = await stageIn(host, { still, flat, sharpness: 1.5 });
  if (stage.flat) (await import("../shared/flat.js")).explain($("caption"), t("error.webgl"));
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
