/** One dream on the wall: its picture, which leads into it, and a heart. */

import { h } from "../shared/element.js";
import { t } from "../shared/i18n.js";
import { titleOf } from "../shared/server-words.js";
import { isFavorite, like } from "./favorites.js";

/** @typedef {import("../viewer/state.js").Status} Status */

const HEART = "M12 20C6 15.500 3 12.500 3 9a4.500 4.500 0 0 1 9-1 4.500 4.500 0 0 1 9 1c0 3.500-3 6.500-9 11z";

function icon() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 24 24");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", HEART);
  svg.append(path);
  return svg;
}

/** @param {Status} photo @returns {HTMLElement} a list item */
export function card(photo) {
  const { images, token } = photo;
  const title = titleOf(photo) || t("viewer.dream");
  const url = images.thumb || images.levels[0] || images.dream;
  const image = h("img", { alt: "", width: 384, height: 192, loading: "lazy", decoding: "async", src: url });
  image.onerror = () => image.remove();
  const heart = h("button", { type: "button", class: "heart", "aria-label": t("gallery.heart", { what: title }) });
  const mark = () => heart.setAttribute("aria-pressed", String(isFavorite(token)));
  heart.onclick = () => {
    like(token, !isFavorite(token));
    mark();
  };
  heart.append(icon());
  mark();
  return h("li", {}, h("a", { href: `/v/${token}` }, url ? image : null, h("span", {}, title)), heart);
}
