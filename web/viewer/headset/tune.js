/** Fits the split screen to a phone: line up two marks with the lenses, and straighten the lines. */

import { h } from "../../shared/element.js";
import { t } from "../../shared/i18n.js";
import { clamp } from "../../shared/sphere/view.js";
import { closeSheet } from "../sheet.js";
import { $, app } from "../state.js";
import { apart, eyes, remember } from "./lenses.js";

/** Least distance between the marks, CSS pixels, and most, as a share of the screen's width. */
const LEAST = 60;
const MOST = 0.62;

/**
 * A handle on one side.
 * @param {-1 | 1} side
 * @param {import("./lenses.js").Fit} fit
 * @param {(gap: number) => void} place takes the distance between the marks, CSS pixels
 */
function mark(side, fit, place) {
  const width = () => app.stage.host.clientWidth;
  return h("div", {
    class: "mark",
    role: "slider",
    tabindex: 0,
    "aria-label": t(side < 0 ? "headset.left" : "headset.right"),
    "aria-valuemin": LEAST,
    "aria-valuemax": Math.round(width() * MOST),
    onpointerdown: (/** @type {PointerEvent} */ event) =>
      /** @type {HTMLElement} */ (event.currentTarget).setPointerCapture(event.pointerId),
    onpointermove: (/** @type {PointerEvent} */ event) => {
      if (event.buttons) place(Math.abs(event.clientX - width() / 2) * 2);
    },
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      const step = { ArrowLeft: -side, ArrowRight: side }[event.key];
      if (step) place(apart(fit, width()) + step * 2);
    },
  });
}

/**
 * Show the marks until the guest is done. The fit is stored on this phone.
 * @param {import("./lenses.js").Fit} fit changed in place
 * @param {() => boolean} isSplit whether the screen is split by the headset mode, and stays so
 */
export function tune(fit, isSplit) {
  closeSheet();
  const { stage } = app;
  const width = () => stage.host.clientWidth;
  const place = (/** @type {number} */ gap) => {
    fit.apart = clamp(gap, LEAST, width() * MOST);
    marks.forEach((one, index) => {
      one.style.left = `${width() / 2 + ((index ? 1 : -1) * fit.apart) / 2}px`;
      one.setAttribute("aria-valuenow", String(Math.round(fit.apart)));
    });
    stage.dirty = true;
  };
  const marks = [mark(-1, fit, place), mark(1, fit, place)];
  const bend = h("input", {
    type: "range",
    min: 0,
    max: 2,
    step: 0.05,
    value: fit.bend,
    "aria-label": t("headset.bend"),
    oninput: (/** @type {Event} */ event) => {
      fit.bend = Number(/** @type {HTMLInputElement} */ (event.target).value);
      stage.dirty = true;
    },
  });
  const done = h("button", { class: "button first" }, t("headset.done"));
  const bottom = h("div", { class: "bottom" }, bend, done);
  const box = h("div", { id: "tune" }, ...marks, h("p", {}, t("headset.tune.line")), bottom);
  done.onclick = () => {
    remember(fit);
    box.remove();
    if (!isSplit()) {
      stage.optics = null;
      document.body.classList.remove("split");
    }
    stage.dirty = true;
  };
  stage.optics = (w, height) => eyes(fit, stage.view.orientation(), w, height, width());
  document.body.classList.add("split");
  $("sheet").before(box);
  place(apart(fit, width()));
  done.focus();
}
