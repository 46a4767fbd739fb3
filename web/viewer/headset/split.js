/** The split screen, for a phone in a holder: two eyes, full screen, held sideways, kept awake. */

import { h } from "../../shared/element.js";
import { t } from "../../shared/i18n.js";
import { attempt } from "../../shared/promises.js";
import { run } from "../messages.js";
import * as motion from "../motion.js";
import { closeSheet } from "../sheet.js";
import { $, app } from "../state.js";
import { eyes, remember } from "./lenses.js";
import { next } from "./tour.js";
import { tune } from "./tune.js";

/** @type {HTMLElement | null} */
let split = null;
/** @type {any} */
let lock = null;
/** What a tap does without the split screen. */
let tap = () => {};

export const isSplit = () => Boolean(split);

/**
 * Split the screen, at once. Motion, full screen, and wake lock are requested here because they may need the tap's user
 * activation, and take effect whenever they are granted: browsers leave some of them pending forever.
 * @param {import("./lenses.js").Fit} fit
 */
export function enter(fit) {
  remember(fit);
  closeSheet();
  const { stage } = app;
  const moved = stage.view.device ? Promise.resolve("on") : motion.start();
  fill();
  stayAwake();
  document.addEventListener("visibilitychange", stayAwake);
  document.addEventListener("fullscreenchange", fullscreenChanged);
  stage.options.sharpness = 4;
  stage.optics = (width, height) => eyes(fit, stage.view.orientation(), width, height, stage.host.clientWidth);
  stage.dirty = true;
  document.body.classList.add("split");
  split = h(
    "div",
    { id: "split" },
    h("button", { class: "out", "aria-label": t("headset.leave"), onclick: leave }, "×"),
    h("button", { class: "tune", "aria-label": t("headset.tune"), onclick: () => tune(fit, isSplit) }, "⚙"),
  );
  $("sphere").after(split);
  tap = app.drag.ontap;
  app.drag.ontap = next;
  moved.then((outcome) => {
    if (outcome === "insecure" && split) run(motion.explain);
  });
}

function leave() {
  if (!split) return;
  split.remove();
  split = null;
  document.removeEventListener("fullscreenchange", fullscreenChanged);
  document.removeEventListener("visibilitychange", stayAwake);
  unfill();
  const held = lock;
  lock = null;
  if (held) attempt(() => held.release());
  app.stage.optics = null;
  app.stage.options.sharpness = 2;
  app.stage.dirty = true;
  app.drag.ontap = tap;
  document.body.classList.remove("split");
  $("headset").focus();
}

/** Full screen and landscape, if the browser grants them. */
async function fill() {
  const root = document.documentElement;
  if (!root.requestFullscreen || document.fullscreenElement) return;
  await attempt(() => root.requestFullscreen());
  const { orientation } = /** @type {any} */ (screen);
  // The guest may have left meanwhile.
  if (!split) unfill();
  else if (orientation && orientation.lock) attempt(() => orientation.lock("landscape"));
}

function unfill() {
  if (document.fullscreenElement) attempt(() => document.exitFullscreen());
}

function fullscreenChanged() {
  if (!document.fullscreenElement) leave();
}

/** Browsers release the lock of a hidden page: it is requested again whenever the page is visible. */
async function stayAwake() {
  const { wakeLock } = /** @type {any} */ (navigator);
  if (!wakeLock || document.hidden || !app.stage) return;
  const granted = await attempt(() => wakeLock.request("screen"));
  if (!granted) return;
  if (split) lock = granted;
  else attempt(() => granted.release());
}
