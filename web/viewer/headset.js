/** The headset: which one, how it fits, and in. Works without WebXR; WebXR is offered where the browser has it. */

import { moreWords, t } from "../shared/i18n.js";
import { after, attempt } from "../shared/source.js";
import { $, app, CHOICES, chosen, pictureOf } from "./app.js";
import { apart, eyes, PROFILES, remember, remembered } from "./lenses.js";
import * as motion from "./motion.js";
import { closeSheet, h, openSheet } from "./sheet.js";
import { say } from "./viewer.js";

/** How long the sheet may wait for the browser to say whether there is a headset, milliseconds. */
const ASKING = 700;

const fit = remembered();
/** @type {any} */
let awake = null;
/** @type {HTMLElement | null} */
let split = null;

/** Whether a WebXR headset is at hand. */
async function hasHeadset() {
  const { xr } = /** @type {any} */ (navigator);
  if (!xr) return false;
  const asked = attempt(() => xr.isSessionSupported("immersive-vr"));
  return (await Promise.race([asked, after(ASKING)])) === true;
}

/** The Headset button. */
export async function open() {
  const [real] = await Promise.all([hasHeadset(), moreWords("viewer")]);
  const iphone = /iPhone/.test(navigator.userAgent) && !(/** @type {any} */ (navigator).standalone);
  const option = (/** @type {string} */ key) => {
    const radio = h("input", { type: "radio", name: "profile", value: key, onchange: () => (fit.profile = key) });
    if (key === fit.profile) radio.setAttribute("checked", "");
    return h("label", { class: "option" }, radio, h("span", {}, PROFILES[key].name));
  };
  await openSheet(
    t("viewer.headset"),
    real ? h("button", { class: "button first", onclick: enterXr }, t("headset.xr")) : null,
    h("p", {}, t("headset.line")),
    h(
      "fieldset",
      {},
      h("legend", {}, t("headset.which")),
      // In engines of 2019 a fieldset cannot be a grid itself.
      h("div", { class: "options" }, ...Object.keys(PROFILES).map(option)),
    ),
    h("button", { class: real ? "button" : "button first", onclick: enter }, t("headset.start")),
    h("button", { class: "button", onclick: tune }, t("headset.tune")),
    iphone ? h("p", {}, t("headset.iphone")) : null,
  );
}

async function enterXr() {
  closeSheet();
  const { start } = await import("./xr.js");
  start().catch(() => say(t("headset.refused"), 6));
}

/**
 * Split the screen, at once. Motion, full screen and wake lock are asked for in the tap, because they may want one, and
 * come when they come: browsers leave some of them pending for ever.
 */
export function enter() {
  remember(fit);
  closeSheet();
  const { stage } = app;
  const moved = stage.view.device ? Promise.resolve("on") : motion.start();
  fill();
  stayAwake();
  document.addEventListener("visibilitychange", stayAwake);
  stage.options.sharpness = 4;
  stage.optics = (width, height) => eyes(fit, stage.view.orientation(), width, height, stage.host.clientWidth);
  stage.dirty = true;
  document.body.classList.add("split");
  split = h(
    "div",
    { id: "split" },
    h("button", { class: "out", "aria-label": t("headset.leave"), onclick: leave }, "×"),
    h("button", { class: "tune", "aria-label": t("headset.tune"), onclick: tune }, "⚙"),
  );
  $("sphere").after(split);
  app.drag.ontap = turnPage;
  document.addEventListener("fullscreenchange", fullscreenLeft);
  moved.then((outcome) => {
    if (outcome === "insecure" && split) motion.explain();
  });
}

/** The whole screen, held sideways, where the browser gives it. */
async function fill() {
  const root = document.documentElement;
  if (!root.requestFullscreen || document.fullscreenElement) return;
  await attempt(() => root.requestFullscreen());
  const { orientation } = /** @type {any} */ (screen);
  // Whoever has left meanwhile wants neither.
  if (!split) unfill();
  else if (orientation && orientation.lock) attempt(() => orientation.lock("landscape"));
}

function unfill() {
  if (document.fullscreenElement) attempt(() => document.exitFullscreen());
}

/** The headset's one button: on to the next picture, then the wipe between two, then the dream alive, and round again. */
export async function turnPage() {
  const choices = CHOICES.filter((choice) => pictureOf(choice));
  const now = choices.indexOf(/** @type {any} */ (chosen()));
  const choose = (/** @type {number} */ index) =>
    /** @type {HTMLElement} */ (document.querySelector(`[data-show="${choices[index]}"]`)).click();
  if (!app.modeName) {
    if (now > 0 && now + 1 === choices.length) $("compare").click();
    else choose((now + 1) % choices.length);
    return;
  }
  const { next } = await import("./alive.js");
  await next();
  if (!app.modeName) choose(0);
}

function fullscreenLeft() {
  if (!document.fullscreenElement) leave();
}

async function stayAwake() {
  const { wakeLock } = /** @type {any} */ (navigator);
  if (!wakeLock || document.hidden || !app.stage) return;
  const lock = await attempt(() => wakeLock.request("screen"));
  if (!lock) return;
  if (split) awake = lock;
  else attempt(() => lock.release());
}

export function leave() {
  if (!split) return;
  split.remove();
  split = null;
  document.removeEventListener("fullscreenchange", fullscreenLeft);
  document.removeEventListener("visibilitychange", stayAwake);
  unfill();
  const lock = awake;
  awake = null;
  if (lock) attempt(() => lock.release());
  app.stage.optics = null;
  app.stage.options.sharpness = 2;
  app.stage.dirty = true;
  app.drag.ontap = () => document.body.classList.toggle("quiet");
  document.body.classList.remove("split");
  $("headset").focus();
}

/** Line up two marks with the lenses, and straighten the lines: remembered on this phone. */
export function tune() {
  closeSheet();
  const width = () => app.stage.host.clientWidth;
  const before = app.stage.optics;
  app.stage.optics = (w, hh) => eyes(fit, app.stage.view.orientation(), w, hh, width());
  document.body.classList.add("split");
  const marks = [-1, 1].map((side) =>
    h("div", {
      class: "mark",
      role: "slider",
      tabindex: 0,
      "aria-label": t(side < 0 ? "headset.left" : "headset.right"),
      "aria-valuemin": 60,
      "aria-valuemax": Math.round(width() * 0.62),
      onpointerdown: (/** @type {PointerEvent} */ event) =>
        /** @type {HTMLElement} */ (event.currentTarget).setPointerCapture(event.pointerId),
      onpointermove: (/** @type {PointerEvent} */ event) => {
        if (event.buttons) place(Math.abs(event.clientX - width() / 2) * 2);
      },
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        const step = { ArrowLeft: -side, ArrowRight: side }[event.key];
        if (step) place(apart(fit, width()) + step * 2);
      },
    }),
  );
  const place = (/** @type {number} */ gap) => {
    fit.apart = Math.min(width() * 0.62, Math.max(60, gap));
    marks.forEach((mark, index) => {
      mark.style.left = `${width() / 2 + ((index ? 1 : -1) * fit.apart) / 2}px`;
      mark.setAttribute("aria-valuenow", String(Math.round(fit.apart)));
    });
    app.stage.dirty = true;
  };
  const bend = h("input", {
    type: "range",
    min: 0,
    max: 2,
    step: 0.05,
    value: fit.bend,
    "aria-label": t("headset.bend"),
    oninput: (/** @type {Event} */ event) => {
      fit.bend = Number(/** @type {HTMLInputElement} */ (event.target).value);
      app.stage.dirty = true;
    },
  });
  const done = h("button", { class: "button first" }, t("headset.done"));
  const box = h(
    "div",
    { id: "tune" },
    ...marks,
    h("p", {}, t("headset.tune.line")),
    h("div", { class: "bottom" }, bend, done),
  );
  done.onclick = () => {
    remember(fit);
    box.remove();
    if (!split) {
      app.stage.optics = before;
      document.body.classList.remove("split");
    }
    app.stage.dirty = true;
  };
  $("sheet").before(box);
  place(apart(fit, width()));
  done.focus();
}
