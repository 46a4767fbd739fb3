/** Take home: the JPEG, as a picture or as a sphere, the link, a code for a friend; and a guest's own photo can be deleted. */

import { moreWords, t } from "../shared/i18n.js";
import { forget, keyOf } from "../shared/owner.js";
import { DEGREE } from "../shared/sphere/view.js";
import { say } from "./messages.js";
import { closeSheet, h, openSheet } from "./sheet.js";
import { app, token } from "./state.js";

/** The link to this dream, with the direction in which the guest looks now. */
function link() {
  const { yaw, pitch } = app.stage.view.gaze();
  const degrees = [yaw, pitch].map((angle) => Math.round(angle / DEGREE));
  return `${location.origin}/v/${token}#${degrees.join()}`;
}

async function share() {
  const url = link();
  if (navigator.share) {
    try {
      await navigator.share({ title: document.title, url });
    } catch {
      // The guest changed their mind.
    }
    return;
  }
  say(copy(url) ? t("keep.copied") : url, 8);
  closeSheet();
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

/** Delete the photo at the second press. @param {HTMLElement} button */
async function remove(button) {
  if (!button.dataset.sure) {
    button.dataset.sure = "1";
    button.textContent = t("keep.sure");
    return;
  }
  app.leaving = true;
  const asked = { method: "DELETE", headers: { "X-Owner-Key": keyOf(token) } };
  const answer = await fetch(`/api/photos/${token}`, asked).catch(() => null);
  if (!answer || (!answer.ok && answer.status !== 404)) {
    app.leaving = false;
    say(t("error.connection"), 5);
    return;
  }
  forget(token);
  location.assign("/");
}

/**
 * A link that saves a picture.
 * @param {string} url @param {string} words @param {string} [kind] of button @param {string} [part] of the file's name
 */
function save(url, words, kind = "button first", part = "") {
  const href = `${url}${url.indexOf("?") < 0 ? "?" : "&"}download=1`;
  return h("a", { class: kind, href, download: `dream-${token.slice(0, 6)}${part}.jpg` }, words);
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

/** The Take home button. */
export async function open() {
  await moreWords("viewer");
  const { status } = app;
  const expires = status && status.expires ? new Date(status.expires * 1000) : null;
  const until =
    expires &&
    expires.toLocaleString(document.documentElement.lang, { weekday: "long", hour: "numeric", minute: "2-digit" });
  const bin = h("button", { class: "button danger", onclick: () => remove(bin) }, t("keep.delete"));
  openSheet(
    t("viewer.keep"),
    ...pictures(),
    h("button", { class: "button", onclick: share }, t("keep.share")),
    h(
      "div",
      { class: "code" },
      h("img", { src: `/qr/${token}.svg`, alt: t("keep.code") }),
      h("p", {}, t("keep.friend")),
    ),
    until ? h("p", {}, t("keep.until", { time: until })) : null,
    keyOf(token) ? bin : null,
  );
}
