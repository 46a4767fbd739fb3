/** The guest's page: from the first second inside the photo to the finished dream. Modes are loaded when asked for. */

import { Drag } from "../shared/drag.js";
import { duration, t, translate } from "../shared/i18n.js";
import { listen } from "../shared/live.js";
import { after, prepare } from "../shared/source.js";
import { Stage } from "../shared/stage.js";

/**
 * @typedef {object} Status what the server says about a photo
 * @property {string} token
 * @property {string} state
 * @property {number} progress 0..1
 * @property {number | null} eta_seconds
 * @property {number | null} position in the queue, from 1
 * @property {string | null} [title]
 * @property {number} width of the original, pixels
 * @property {number} height
 * @property {number | null} expires seconds since 1970
 * @property {string | null} [stereo]
 * @property {{code: string, message: string} | null} [error] a sentence for the guest
 * @property {{original: string | null, dream: string | null, upscaled: string | null,
 *   levels: string[], pyramid: import("../shared/picture.js").Level[], previews: string[],
 *   original_levels?: import("../shared/picture.js").Level[]}} images
 */

/** @param {string} id */
export const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
export const token = decodeURIComponent(location.pathname.split("/").pop() || "");
const query = new URLSearchParams(location.search);
const CHOICES = /** @type {const} */ (["original", "dream", "upscaled"]);
const PENDING = ["received", "waiting", "dreaming", "upscaling", "publishing"];
const DRIFT = 0.025;
const ROOM_AFTER = 5000;
const HEADSTART = 150;
const PATIENCE = 1500;

export const still = query.has("still") || matchMedia("(prefers-reduced-motion: reduce)").matches;

export const app = {
  /** @type {Status | null} */
  status: null,
  /** What the guest picked; empty until then: the best there is. */
  choice: "",
  /** @type {{stop: () => void} | null} */
  mode: null,
  modeName: "",
  /** @type {Stage} */
  stage: /** @type {any} */ (null),
  /** @type {Drag} */
  drag: /** @type {any} */ (null),
};

/** Whether the original can be stood in: a plain photo is placed on the sphere by the kiosk first. @param {Status | null} status */
function isSphere(status) {
  return Boolean(status && (status.stereo || Math.abs(status.width / status.height - 2) < 0.1));
}

/** The name of the picture behind a choice, empty where there is none yet. @param {string} choice */
export function pictureOf(choice) {
  const images = app.status && app.status.images;
  if (!images || !choice) return "";
  if (choice === "original") return images.original && isSphere(app.status) ? "original" : "";
  if (choice === "upscaled") return images.upscaled || images.pyramid.length ? "upscaled" : "";
  if (images.dream) return "dream";
  return images.previews.length ? `preview ${images.previews.length}` : "";
}

/** The best picture there is. */
export function best() {
  return CHOICES.filter((choice) => pictureOf(choice)).pop() || "";
}

/** A sentence at the lower edge, gone after a while. @param {string} text @param {number} [seconds] 0 keeps it */
export function say(text, seconds = 4.5) {
  const live = $("live");
  if (live.textContent !== text) live.textContent = text;
  clearTimeout(saying);
  if (seconds) saying = window.setTimeout(() => (live.textContent = ""), seconds * 1000);
}
/** @type {number | undefined} */
let saying;

/** @param {Status} status */
function register(status) {
  const { images } = status;
  const { stage } = app;
  if (images.original && isSphere(status)) {
    stage.set("original", [...(images.original_levels || []), { width: 0, url: images.original }]);
  }
  if (images.dream) stage.set("dream", [{ width: 0, url: images.dream }]);
  if (images.pyramid.length) stage.set("upscaled", images.pyramid);
  else if (images.upscaled) stage.set("upscaled", [{ width: 0, url: images.upscaled }]);
  images.previews.forEach((url, index) => {
    const name = `preview ${index + 1}`;
    if (index + 1 === images.previews.length) stage.set(name, [{ width: 0, url }]);
    else if (stage.pictures.has(name)) stage.forget(name);
  });
}

/** The picture comes before the words around it. @param {Status} status */
function begin(status) {
  app.status = status;
  register(status);
  show();
  app.status = null;
}

/** @param {Status} status */
function update(status) {
  const before = app.status && app.status.state;
  app.status = status;
  document.body.classList.remove("loading");
  const pending = PENDING.indexOf(status.state) >= 0;
  const gone = status.state === "expired" || status.state === "deleted";
  if (!gone) register(status);
  if (status.title) document.title = `${status.title} · Dream Kiosk`;
  show();
  $("dock").hidden = gone || status.state === "failed" || !best();
  for (const id of ["compare", "alive"]) {
    /** @type {HTMLButtonElement} */ ($(id)).disabled = !(pictureOf("dream") || pictureOf("upscaled"));
  }
  const progress = $("progress");
  progress.hidden = !pending;
  progress.setAttribute("aria-valuenow", String(Math.round(status.progress * 100)));
  /** @type {HTMLElement} */ (progress.firstElementChild).style.transform = `scaleX(${status.progress})`;
  const waiting = status.state === "waiting" || status.state === "received";
  if (gone) notice(t("state.expired"), t("state.expired.more"), true);
  else if (status.state === "failed")
    notice(t("state.failed"), (status.error && status.error.message) || t("state.failed.more"), true);
  else if (waiting) notice(...queue(status));
  else notice("", "");
  if (pending && !waiting) say(working(status), 0);
  else if (before && PENDING.indexOf(before) >= 0 && status.state === "ready") say(t("state.ready"), 6);
  else if (waiting) say("", 0);
  else if (!before && status.state === "ready") say(t("viewer.hint"), 5);
}

/** @param {Status} status @returns {[string, string]} */
function queue(status) {
  const place = status.position || 1;
  const head = place <= 1 ? t("state.next") : t("state.waiting", { n: place });
  return [head, status.eta_seconds ? t("state.eta", { time: duration(status.eta_seconds) }) : t("state.soon")];
}

/** @param {Status} status */
function working(status) {
  const words = t(`state.${status.state}`);
  return status.eta_seconds && status.eta_seconds > 3
    ? `${words} · ${t("state.left", { time: duration(status.eta_seconds) })}`
    : words;
}

/** A headline over the veiled sphere, or none. @param {string} headline @param {string} sentence */
function notice(headline, sentence, over = false) {
  $("notice").hidden = !headline;
  document.body.classList.toggle("noticed", Boolean(headline));
  $("headline").textContent = headline;
  $("sentence").textContent = sentence;
  $("way-out").hidden = !over;
}

/** Bring the stage and the switch in line with the choice. */
export function show() {
  const choice = pictureOf(app.choice) ? app.choice : best();
  const name = pictureOf(choice);
  if (name) app.stage.show(name);
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-show]"))) {
    const mine = button.dataset.show || "";
    button.disabled = !pictureOf(mine);
    button.setAttribute("aria-checked", String(mine === choice));
    button.tabIndex = mine === choice ? 0 : -1;
  }
}

/** @param {string} choice */
function choose(choice) {
  app.choice = choice;
  show();
}

/** Switch a mode on; one at a time. @param {string} name its button @param {() => {stop: () => void}} begin */
export function enter(name, begin) {
  leave();
  app.modeName = name;
  $(name).setAttribute("aria-pressed", "true");
  app.mode = begin();
}

/** Leave the mode that is on. */
export function leave() {
  if (app.mode) app.mode.stop();
  if (app.modeName) $(app.modeName).setAttribute("aria-pressed", "false");
  app.mode = null;
  app.modeName = "";
  app.stage.use(null);
}

function wire() {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-show]"))) {
    button.onclick = () => choose(button.dataset.show || "");
  }
  $("which").onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const open = CHOICES.filter((choice) => pictureOf(choice));
    const now = open.indexOf(/** @type {any} */ (app.choice || best()));
    choose(open[(now + step + open.length) % open.length]);
    /** @type {HTMLElement} */ (document.querySelector(`[data-show="${app.choice}"]`)).focus();
  };
  $("compare").onclick = async () => {
    if (app.modeName === "compare") leave();
    else enter("compare", (await import("./compare.js")).start);
  };
  $("alive").onclick = async () => (await import("./alive.js")).next();
  $("motion").onclick = async () => (await import("./motion.js")).press();
  $("headset").onclick = async () => (await import("./headset.js")).open();
  $("keep").onclick = async () => (await import("./keep.js")).open();
  const root = document.documentElement;
  const full = $("full");
  full.hidden = !root.requestFullscreen;
  full.onclick = () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen());
  app.drag.ontap = () => document.body.classList.toggle("quiet");
  document.addEventListener("focusin", (event) => {
    if (event.target !== $("sphere")) document.body.classList.remove("quiet");
  });
}

/** The view that a shared link asks for: #yaw,pitch,field in degrees. */
function aim() {
  const degrees = location.hash.slice(1).split(",").map(Number);
  if (degrees.length < 2 || degrees.some(Number.isNaN)) return false;
  const { view } = app.stage;
  view.yaw = 0;
  view.pitch = 0;
  view.turn((degrees[0] * Math.PI) / 180, (degrees[1] * Math.PI) / 180);
  if (degrees[2]) view.zoom((degrees[2] * Math.PI) / 180 / view.fov);
  app.stage.dirty = true;
  return true;
}

/** How the photo is, as the page brought it along; null where there is none (any more). @returns {Status | null} */
function sent() {
  const element = document.getElementById("status");
  return element && JSON.parse(element.textContent || "null");
}

/** Address of the first picture that will be shown, as the server names it in the page's head. @param {Status} status */
function firstPicture({ images }) {
  return (
    images.levels[0] ||
    images.upscaled ||
    images.dream ||
    images.previews[images.previews.length - 1] ||
    images.original
  );
}

async function start() {
  const first = sent();
  const early = first && firstPicture(first);
  // A graphics context takes its time on the main thread: meanwhile the picture is decoded on another.
  if (early) await Promise.race([prepare(early), after(HEADSTART)]);
  const host = $("sphere");
  try {
    app.stage = new Stage(host, {
      webgl1: query.get("webgl") === "1",
      budget: Number(query.get("budget") || 96) * 2 ** 20,
      still,
    });
  } catch {
    await translate();
    document.body.classList.remove("loading");
    notice(t("error.webgl"), t("error.webgl.more"));
    return;
  }
  app.drag = new Drag(host, app.stage, { still });
  const aimed = aim();
  window.addEventListener("hashchange", aim);
  if (!aimed && !still) {
    app.stage.before_frame.push((dt) => {
      if (app.drag.touched > 0 || app.stage.view.device || app.stage.optics) return false;
      app.stage.view.turn(DRIFT * dt, 0);
      return true;
    });
  }
  if (first) begin(first);
  // The picture first, then everything around it.
  await Promise.race([app.stage.first, after(app.stage.wanted ? PATIENCE : 0)]);
  await translate();
  wire();
  if (!first) {
    document.body.classList.remove("loading");
    notice(t("state.expired"), t("state.expired.more"), true);
    return;
  }
  update(first);
  const names = ["state", "progress", "preview", "room"];
  /** @type {Promise<typeof import("./room.js")> | null} */
  let room = null;
  const stop = listen(
    `/api/photos/${token}/events`,
    names,
    (data, name) => {
      if (name === "room") {
        if (room) room.then((module) => module.hear(data));
        return;
      }
      update(data);
      const { state } = data;
      if (state === "ready" && !room) {
        // Company comes after the picture.
        room = new Promise((resolve) => setTimeout(resolve, ROOM_AFTER)).then(() => import("./room.js"));
        room.then((module) => module.join());
      } else if (state !== "ready" && PENDING.indexOf(state) < 0) stop();
    },
    (connected) => {
      const lost = t("error.connection");
      if (!connected && !(app.status && app.status.state === "ready")) say(lost, 0);
      else if (connected && $("live").textContent === lost) say("", 0);
    },
  );
}

start();
