/** What the viewer knows: the photo, the stage, which pictures there are, and which one the guest picked. */

import { DEGREE } from "../shared/sphere/view.js";

/**
 * @typedef {object} Status what the server says about a photo
 * @property {string} token
 * @property {number} number the photo's number, for people
 * @property {string} state
 * @property {number} progress 0..1
 * @property {number | null} eta_seconds
 * @property {number | null} position in the queue, from 1
 * @property {string | null} style
 * @property {string | null} [title]
 * @property {number} width of the original, pixels
 * @property {number} height
 * @property {number | null} expires seconds since 1970
 * @property {boolean} [show] whether its guest wants others to see it
 * @property {"waiting" | "held" | null} [held] why others do not see it although they should
 * @property {string | null} [stereo]
 * @property {string | null} [kind] sphere, stereo, part, band, view; null if the kiosk has not decided
 * @property {{code: string, message: string} | null} [error] why it failed, for the guest
 * @property {{original: string | null, dream: string | null, upscaled: string | null, flat?: string | null, thumb?: string | null,
 *   brought: string, levels: string[], pyramid: import("../shared/sphere/picture.js").Level[], previews: string[]}} images
 */

/** @param {string} id */
export const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
export const token = decodeURIComponent(location.pathname.split("/").pop() || "");
/** The pictures that the guest can pick, worst first. */
const CHOICES = ["original", "dream", "upscaled"];
export const query = new URLSearchParams(location.search);
/** Whether nothing may move by itself. */
export const still = query.has("still") || matchMedia("(prefers-reduced-motion: reduce)").matches;

export const app = {
  /** As sent with the page, later as the server says; null if there is no such photo. @type {Status | null} */
  status: null,
  /** What the guest picked; empty for the best there is. */
  choice: "",
  /** @type {{stop: () => void} | null} */
  mode: null,
  /** Id of the button of the mode that is on. */
  modeName: "",
  /** The page is about to change: no other navigation may interfere. */
  leaving: false,
  /** @type {import("../shared/sphere/stage.js").Stage} */
  stage: /** @type {any} */ (null),
  /** @type {import("../shared/sphere/drag.js").Drag} */
  drag: /** @type {any} */ (null),
};

/** Whether the original is a sphere; the kiosk places other photos on one first. @param {Status | null} status */
function isSphere(status) {
  return Boolean(status && (status.stereo || Math.abs(status.width / status.height - 2) < 0.1));
}

/** The stage's name of the picture for a choice; empty if there is none yet. @param {string} choice */
export function pictureOf(choice) {
  const images = app.status && app.status.images;
  if (!images || !choice) return "";
  if (choice === "original") return images.original && isSphere(app.status) ? "original" : "";
  if (choice === "upscaled") return images.upscaled || images.pyramid.length ? "upscaled" : "";
  if (images.dream) return "dream";
  return images.previews.length ? `preview ${images.previews.length}` : "";
}

/** The choices that have a picture now. */
export function available() {
  return CHOICES.filter((choice) => pictureOf(choice));
}

/** The best choice that has a picture; empty if none has. */
export function best() {
  return available().pop() || "";
}

/** The guest's choice if it has a picture, else the best one. */
export function chosen() {
  return pictureOf(app.choice) ? app.choice : best();
}

/** Take over a status, and give its pictures to the stage. @param {Status} status */
export function register(status) {
  app.status = status;
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

/** Look where the page's address says: #yaw,pitch,field in degrees. @returns {boolean} whether it says so */
export function aim() {
  const degrees = location.hash.slice(1).split(",").map(Number);
  if (degrees.length < 2 || degrees.some(Number.isNaN)) return false;
  const [yaw, pitch, field] = degrees.map((angle) => angle * DEGREE);
  const { view } = app.stage;
  view.yaw = view.pitch = 0;
  view.turn(yaw, pitch);
  if (field) view.zoom(field / view.fov);
  app.stage.dirty = true;
  return true;
}
