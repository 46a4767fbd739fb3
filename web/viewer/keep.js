/** Take home: the JPEG, as a picture, as a sphere or as it is seen now, the link, a code for a friend; what is a guest's own. */

import { h } from "../shared/element.js";
import { moreWords, t } from "../shared/i18n.js";
import { keyOf } from "../shared/owner.js";
import { clear } from "../shared/sphere/clear.js";
import { DEGREE } from "../shared/sphere/view.js";
import { notice, say } from "./messages.js";
import { closeSheet, openSheet } from "./sheet.js";
import { $, app, token } from "./state.js";

/** Name of a file that is saved. @param {string} part */
const nameOf = (part) => `dream-${token.slice(0, 6)}${part}.jpg`;

/** The link to this dream, with the direction in which the guest looks now. */
function link() {
  const { yaw, pitch } = app.stage.view.gaze();
  const degrees = [yaw, pitch].map((angle) => Math.round(angle / DEGREE));
  return `${location.origin}/v/${token}#${degrees.join()}`;
}

/** What is seen now as a JPEG; null where there is none. */
const snapshot = async () => (await import("./snapshot.js")).snapshot();

/** The picture that goes with the link: of an ordinary photo its dream, else what is seen now. */
async function file() {
  const flat = app.status && app.status.images.flat;
  const answer = flat ? await fetch(flat).catch(() => null) : null;
  const blob = answer && answer.ok ? await answer.blob() : await snapshot();
  return blob && new File([blob], nameOf(""), { type: "image/jpeg" });
}

/** What the system's sheet is given: the picture too, where it takes pictures. @type {Promise<ShareData> | null} */
let parcel = null;

/** @returns {Promise<ShareData>} */
async function pack() {
  const note = { title: document.title, url: link() };
  if (!navigator.canShare) return note;
  const picture = await file();
  const whole = picture ? { ...note, files: [picture] } : note;
  return navigator.canShare(whole) ? whole : note;
}

/** @param {HTMLElement} button */
async function share(button) {
  if (!navigator.share) {
    const url = link();
    say(copy(url) ? t("keep.copied") : url, 8);
    closeSheet();
    return;
  }
  parcel = parcel || pack();
  try {
    await navigator.share(await parcel);
    parcel = null;
  } catch (error) {
    // A tap counts for a few seconds only: the picture came later than that, and is here for the next one.
    if (/** @type {Error} */ (error).name === "NotAllowedError") button.textContent = t("keep.share.now");
    // Else the guest changed their mind.
    else parcel = null;
  }
}

/** Works on plain http too, where navigator.clipboard does not exist. @param {string} text */
function copy(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

/** Save what is seen now. */
async function saveView() {
  const blob = await snapshot();
  if (!blob) return;
  const url = URL.createObjectURL(blob);
  const anchor = h("a", { href: url, download: nameOf("-view") });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  // Not at once: some browsers begin to read it later.
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

/**
 * A link that saves a picture.
 * @param {string} url @param {string} words @param {string} [kind] of button @param {string} [part] of the file's name
 */
function save(url, words, kind = "button first", part = "") {
  const href = `${url}${url.indexOf("?") < 0 ? "?" : "&"}download=1`;
  return h("a", { class: kind, href, download: nameOf(part) }, words);
}

/** What there is to save: of an ordinary photo the dreamed photo first, which messengers show as it is. */
function pictures() {
  const images = app.status && app.status.images;
  const url = images && (images.upscaled || images.dream || images.original);
  const sphere = h("p", {}, t("keep.360"));
  if (!images || !url) return [sphere];
  if (!images.flat) return [save(url, t("keep.save")), sphere];
  return [
    save(images.flat, t("keep.flat"), "button first", "-picture"),
    h("p", {}, t("keep.flat.more")),
    save(url, t("keep.sphere"), "button"),
    sphere,
  ];
}

/** How long and where the link works. */
function where() {
  const expires = app.status && app.status.expires ? new Date(app.status.expires * 1000) : null;
  if (!expires) return t("keep.here");
  const { lang } = document.documentElement;
  const time = expires.toLocaleString(lang, { weekday: "long", hour: "numeric", minute: "2-digit" });
  return t("keep.until", { time });
}

/** What only the guest who brought it sees. @returns {Promise<HTMLElement[]>} */
async function own() {
  const { status } = app;
  if (!status || !keyOf(token)) return [];
  const { controls } = await import("../mine/one.js");
  return controls(status, {
    changed: (now) => {
      app.status = now;
    },
    begin: () => {
      app.leaving = true;
    },
    end: (gone) => {
      app.leaving = Boolean(gone);
      if (!gone) {
        say(t("error.connection"), 5);
        return;
      }
      closeSheet();
      $("dock").hidden = $("room").hidden = true;
      clear(app.stage);
      notice(...gone, true);
    },
  });
}

/** The Take home button. */
export async function open() {
  const [mine] = await Promise.all([own(), moreWords("viewer")]);
  // Never on plain http: there is no system's sheet then.
  const words = "canShare" in navigator ? t("keep.share.picture") : t("keep.share");
  const button = h("button", { class: "button", onclick: () => share(button) }, words);
  parcel = null;
  openSheet(
    t("viewer.keep"),
    ...pictures(),
    app.stage.flat ? null : h("button", { class: "button", onclick: saveView }, t("keep.view")),
    app.stage.flat ? null : h("p", {}, t("keep.view.more")),
    button,
    h("p", {}, where()),
    h(
      "div",
      { class: "code" },
      h("img", { src: `/qr/${token}.svg`, alt: t("keep.code") }),
      h("p", {}, t("keep.friend")),
    ),
    ...mine,
  );
}
