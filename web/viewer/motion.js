/** Motion: the view follows the phone's sensors, and can still be dragged. */

import { moreWords, t } from "../shared/i18n.js";
import { after } from "../shared/promises.js";
import { fromSensors } from "../shared/sphere/view.js";
import { say } from "./messages.js";
import { $, app } from "./state.js";

/** Milliseconds without a reading after which there are no sensors. */
const SILENT = 1500;

/** The page's rotation, degrees. */
function rotation() {
  return screen.orientation ? screen.orientation.angle : Number(window.orientation || 0);
}

/** @param {DeviceOrientationEvent} event */
function sensed(event) {
  if (event.alpha === null || event.beta === null || event.gamma === null) return;
  app.stage.view.sense(fromSensors(event.alpha, event.beta, event.gamma, rotation()));
  app.stage.dirty = true;
}

/** Ask for permission where the browser wants that, and listen. Call it in a tap. @returns {Promise<"on" | "insecure" | "refused" | "none">} */
export async function start() {
  if (!window.isSecureContext || !("DeviceOrientationEvent" in window)) {
    return window.isSecureContext ? "none" : "insecure";
  }
  const event = /** @type {any} */ (DeviceOrientationEvent);
  if (event.requestPermission) {
    // The guest may take any time to answer. Some browsers throw instead of refusing.
    const answer = await new Promise((resolve) => resolve(event.requestPermission())).catch(() => "denied");
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

function stop() {
  window.removeEventListener("deviceorientation", sensed);
  $("motion").setAttribute("aria-pressed", "false");
  app.stage.view.sense(null);
  app.stage.dirty = true;
}

/** The address of this page over https; empty if the kiosk has no https. @returns {Promise<string>} */
async function secureAddress() {
  try {
    const kiosk = await (await fetch("/api/kiosk")).json();
    return kiosk.secure_url ? new URL(location.pathname + location.hash, kiosk.secure_url).href : "";
  } catch {
    return "";
  }
}

/** Say that there is no motion without https, and offer the way to it. */
export async function explain() {
  const [{ openSheet }, { h }] = await Promise.all([import("./sheet.js"), import("../shared/element.js")]);
  const [address] = await Promise.all([secureAddress(), moreWords("viewer")]);
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
  if (outcome === "insecure") await explain();
  else {
    await moreWords("viewer");
    say(t(`motion.${outcome}`), 6);
  }
}
