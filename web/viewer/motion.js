/** Look around by moving the phone, together with dragging. */

import { t } from "../shared/i18n.js";
import { after } from "../shared/source.js";
import { multiply } from "../shared/view.js";
import { $, app } from "./app.js";
import { say } from "./viewer.js";

/** @typedef {import("../shared/view.js").Quaternion} Quaternion */

const DEGREE = Math.PI / 180;
const SILENT = 1500;

/** A turn about one axis. @param {0 | 1 | 2} axis @param {number} angle radians @returns {Quaternion} */
function about(axis, angle) {
  /** @type {Quaternion} */
  const q = [0, 0, 0, Math.cos(angle / 2)];
  q[axis] = Math.sin(angle / 2);
  return q;
}

/**
 * Camera to world. The sensors turn z-x'-y'' from east-north-up; the camera looks out of the back of the phone, and the
 * page's own rotation is taken back. (W3C DeviceOrientation, section "Worked example".)
 * @param {number} alpha @param {number} beta @param {number} gamma degrees @param {number} screen degrees
 */
export function orientationOf(alpha, beta, gamma, screen) {
  const device = multiply(multiply(about(2, alpha * DEGREE), about(0, beta * DEGREE)), about(1, gamma * DEGREE));
  return multiply(multiply(about(0, -Math.PI / 2), device), about(2, -screen * DEGREE));
}

function turned() {
  return screen.orientation ? screen.orientation.angle : Number(window.orientation || 0);
}

/** @param {DeviceOrientationEvent} event */
function sensed(event) {
  if (event.alpha === null || event.beta === null || event.gamma === null) return;
  app.stage.view.sense(orientationOf(event.alpha, event.beta, event.gamma, turned()));
  app.stage.dirty = true;
}

/** In a tap: ask where the browser wants to be asked, and listen. @returns {Promise<"on" | "insecure" | "refused" | "none">} */
export async function start() {
  if (!window.isSecureContext || !("DeviceOrientationEvent" in window)) {
    return window.isSecureContext ? "none" : "insecure";
  }
  const event = /** @type {any} */ (DeviceOrientationEvent);
  if (event.requestPermission) {
    // The guest may take any time to answer. Some browsers throw instead of refusing.
    const answer = await new Promise((answered) => answered(event.requestPermission())).catch(() => "denied");
    if (answer !== "granted") return "refused";
  }
  window.addEventListener("deviceorientation", sensed);
  $("motion").setAttribute("aria-pressed", "true");
  const began = Date.now();
  while (!app.stage.view.device && Date.now() - began < SILENT) await after(50);
  if (app.stage.view.device) return "on";
  stop();
  return "none";
}

export function stop() {
  window.removeEventListener("deviceorientation", sensed);
  $("motion").setAttribute("aria-pressed", "false");
  app.stage.view.sense(null);
  app.stage.dirty = true;
}

/** The same page where motion is allowed. @returns {Promise<string>} empty where the kiosk has no https */
export async function secureAddress() {
  try {
    const kiosk = await (await fetch("/api/kiosk")).json();
    return kiosk.secure_url ? new URL(location.pathname + location.hash, kiosk.secure_url).href : "";
  } catch {
    return "";
  }
}

/** Why there is no motion here, in one sentence, and the way to it. */
export async function explain() {
  const { h, openSheet } = await import("./sheet.js");
  const address = await secureAddress();
  openSheet(
    t("viewer.motion"),
    h("p", {}, t("motion.insecure")),
    address ? h("a", { class: "button first", href: address }, t("motion.secure")) : null,
    address
      ? h(
          "a",
          { class: "button", href: `/static/landing/https.html?to=${encodeURIComponent(location.pathname)}` },
          t("motion.help"),
        )
      : null,
  );
}

/** The Motion button. */
export async function press() {
  if (app.stage.view.device) {
    stop();
    return;
  }
  const outcome = await start();
  if (outcome === "insecure") explain();
  else if (outcome === "on") say(t("motion.on"));
  else say(t(`motion.${outcome}`), 6);
}
