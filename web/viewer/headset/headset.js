/** The Headset button: which holder, how the phone fits it, and in; WebXR where the browser has it. */

import { h } from "../../shared/element.js";
import { moreWords, t } from "../../shared/i18n.js";
import { after, attempt } from "../../shared/promises.js";
import { say } from "../messages.js";
import { closeSheet, openSheet } from "../sheet.js";
import { PROFILES, remembered } from "./lenses.js";
import { enter, isSplit } from "./split.js";
import { tune } from "./tune.js";

/** Milliseconds to wait for the browser to say whether there is a headset. */
const PATIENCE = 700;

const fit = remembered();

/** Whether a WebXR headset is connected. */
async function hasHeadset() {
  const { xr } = /** @type {any} */ (navigator);
  if (!xr) return false;
  const asked = attempt(() => xr.isSessionSupported("immersive-vr"));
  return (await Promise.race([asked, after(PATIENCE)])) === true;
}

async function enterXr() {
  closeSheet();
  const { start } = await import("./xr.js");
  start().catch(() => say(t("headset.refused"), 6));
}

/** @param {string} key of PROFILES */
function option(key) {
  const radio = h("input", { type: "radio", name: "profile", value: key, onchange: () => (fit.profile = key) });
  if (key === fit.profile) radio.setAttribute("checked", "");
  return h("label", { class: "option" }, radio, h("span", {}, PROFILES[key].name));
}

export async function open() {
  const [real] = await Promise.all([hasHeadset(), moreWords("viewer")]);
  const iphone = /iPhone/.test(navigator.userAgent) && !(/** @type {any} */ (navigator).standalone);
  await openSheet(
    t("viewer.headset"),
    real ? h("button", { class: "button first", onclick: enterXr }, t("headset.xr")) : null,
    h("p", {}, t("headset.line")),
    h(
      "fieldset",
      {},
      h("legend", {}, t("headset.which")),
      // Browsers of 2019 cannot lay a fieldset itself out as a grid.
      h("div", { class: "options" }, ...Object.keys(PROFILES).map(option)),
    ),
    h("button", { class: real ? "button" : "button first", onclick: () => enter(fit) }, t("headset.start")),
    h("button", { class: "button", onclick: () => tune(fit, isSplit) }, t("headset.tune")),
    iphone ? h("p", {}, t("headset.iphone")) : null,
  );
}
