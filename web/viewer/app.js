/** What all modes share: the photo, the stage, and which pictures there are. The first picture is shown before anything else is loaded. */

import { after, prepare } from "../shared/source.js";
import { stageIn } from "../shared/stage.js";

/**
 * @typedef {object} Status what the server says about a photo
 * @property {string} token
 * @property {string} state
 * @property {number} progress 0..1
 * @property {number | null} eta_seconds
 * @property {number | null} position in the queue, from 1
 * @property {string | null} style
 * @property {string | null} [title]
 * @property {number} width of the original, pixels
 * @property {number} height
 * @property {number | null} expires seconds since 1970
 * @property {string | null} [stereo]
 * @property {{code: string, message: string} | null} [error] a sentence for the guest
 * @property {{original: string | null, dream: string | null, upscaled: string | null,
 *   brought: string, levels: string[], pyramid: import("../shared/picture.js").Level[], previews: string[]}} images
 */

/** @param {string} id */
export const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
export const token = decodeURIComponent(location.pathname.split("/").pop() || "");
export const CHOICES = /** @type {const} */ (["original", "dream", "upscaled"]);
const HEADSTART = 100;
const PATIENCE = 1500;

const query = new URLSearchParams(location.search);
export const still = query.has("still") || matchMedia("(prefers-reduced-motion: reduce)").matches;

export const app = {
  /** As the page brought it along, later as the server says; null where there is none (any more). @type {Status | null} */
  status: null,
  /** What the guest picked; empty until then: the best there is. */
  choice: "",
  /** @type {{stop: () => void} | null} */
  mode: null,
  modeName: "",
  /** The guest goes elsewhere: nothing else may change the page's address now. */
  leaving: false,
  /** @type {import("../shared/stage.js").Stage} */
  stage: /** @type {any} */ (null),
  /** @type {import("../shared/drag.js").Drag} */
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

/** What the guest wants to see, as far as there is such a picture. */
export function chosen() {
  return pictureOf(app.choice) ? app.choice : best();
}

/** Make the pictures of a status known to the stage. @param {Status} status */
export function register(status) {
  const { images } = status;
  const { stage } = app;
  if (images.original && isSphere(status)) {
    stage.set("original", [{ width: 0, url: images.original }]);
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

/** The view that a shared link asks for: #yaw,pitch,field in degrees. @returns {boolean} whether it asks */
export function aim() {
  const degrees = location.hash.slice(1).split(",").map(Number);
  if (degrees.length < 2 || degrees.some(Number.isNaN)) return false;
  const [yaw, pitch, field] = degrees.map((angle) => (angle * Math.PI) / 180);
  const { view } = app.stage;
  view.yaw = 0;
  view.pitch = 0;
  view.turn(yaw, pitch);
  if (field) view.zoom(field / view.fov);
  app.stage.dirty = true;
  return true;
}

async function start() {
  const sent = $("status");
  /** @type {Status | null} */
  const status = sent && JSON.parse(sent.textContent || "null");
  /** @type {HTMLLinkElement | null} */
  const early = document.querySelector("link[as=fetch]");
  // It is on its way already. Once it is being decoded, on another thread, this one makes a graphics context.
  if (early) await Promise.race([prepare(early.getAttribute("href") || ""), after(HEADSTART)]);
  app.stage = await stageIn($("sphere"), {
    webgl1: query.get("webgl") === "1",
    flat: query.get("webgl") === "0",
    budget: Number(query.get("budget") || 96) * 2 ** 20,
    still,
  });
  if (status) {
    app.status = status;
    register(status);
    aim();
    app.stage.show(pictureOf(best()));
    if (early) await Promise.race([app.stage.first, after(PATIENCE)]);
  }
  const { open } = await import("./viewer.js");
  open(status);
}

start();
