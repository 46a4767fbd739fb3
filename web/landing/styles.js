/** The styles to choose from, as pictures: a few at first, all of them on request. */

import { t } from "../shared/i18n.js";
import { lineOf, titleOf } from "../shared/server-words.js";

const FIRST = 6;

/** @typedef {{name: string, title: string, line: string, thumbnail: string | null}} Style */

/** Shows which style is picked. */
let mark = () => {};
/** Name of the style that was picked last. */
let last = "";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Name of the style that is picked; empty until the kiosk has said which there are. */
export function style() {
  const picked = /** @type {HTMLInputElement | null} */ (document.querySelector("#styles input:checked"));
  return picked ? picked.value : "";
}

/** Unpick the style, or pick the last one again. @param {boolean} on */
export function pick(on) {
  for (const radio of document.querySelectorAll("#styles input")) {
    const each = /** @type {HTMLInputElement} */ (radio);
    each.checked = on && each.value === last;
  }
  mark();
}

/** The picture of a tile. @param {string} url */
export function picture(url) {
  const image = document.createElement("img");
  image.alt = "";
  image.loading = "lazy";
  image.decoding = "async";
  image.width = image.height = 256;
  // Some older phones cannot show WebP: the name is enough.
  image.onerror = () => image.remove();
  image.src = url;
  return image;
}

/** @param {Style} each @param {boolean} on @returns {HTMLElement} */
function tile(each, on) {
  const label = document.createElement("label");
  label.className = "tile";
  const radio = document.createElement("input");
  radio.type = "radio";
  radio.name = "style";
  radio.value = each.name;
  radio.checked = on;
  label.append(radio);
  if (each.thumbnail) label.append(picture(each.thumbnail));
  const title = document.createElement("b");
  title.textContent = titleOf({ style: each.name, title: each.title });
  label.append(title);
  return label;
}

/** @param {Style[]} styles @param {string} first the one that is picked at first */
export function offer(styles, first) {
  const box = $("styles");
  const more = $("more");
  const order = [...styles.filter((each) => each.name === first), ...styles.filter((each) => each.name !== first)];
  mark = () => {
    for (const label of box.children) {
      label.classList.toggle("on", /** @type {HTMLInputElement} */ (label.firstChild).checked);
    }
    const picked = order.find((each) => each.name === style());
    $("line").textContent = picked ? lineOf(picked) : "";
    last = style() || last;
  };
  box.textContent = "";
  box.append(...order.slice(0, FIRST).map((each, index) => tile(each, !index)));
  box.onchange = mark;
  more.hidden = order.length <= FIRST;
  more.textContent = t("landing.more", { n: order.length });
  more.onclick = () => {
    more.hidden = true;
    box.append(...order.slice(FIRST).map((each) => tile(each, false)));
    /** @type {HTMLElement} */ (box.children[FIRST].firstChild).focus({ preventScroll: true });
  };
  mark();
}
