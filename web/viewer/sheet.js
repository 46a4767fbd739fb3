/** A sheet that slides up: one at a time, closed by Escape, its button, or a touch outside. */

import { t } from "../shared/i18n.js";
import { after } from "../shared/source.js";
import { $ } from "./app.js";

/** How long a sheet waits for its style, milliseconds: better plain than never. */
const PATIENCE = 3000;

/** @type {HTMLElement | null} */
let opener = null;
/** @type {Promise<void> | null} */
let styled = null;

function style() {
  if (!styled) {
    styled = new Promise((resolve) => {
      const link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = "/static/viewer/sheet.css";
      link.onload = () => resolve();
      link.onerror = () => resolve();
      document.head.append(link);
    });
  }
  return styled;
}

/**
 * An element with attributes, properties that are functions (onclick), and children.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") /** @type {any} */ (element)[name] = value;
    else if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child !== null)));
  return element;
}

/** @param {string} title @param {...(Node | string | null)} children */
export async function openSheet(title, ...children) {
  await Promise.race([style(), after(PATIENCE)]);
  if (!opener) opener = /** @type {HTMLElement | null} */ (document.activeElement);
  const close = h("button", { class: "close", "aria-label": t("sheet.close"), onclick: closeSheet }, "×");
  const box = h("div", { role: "dialog", "aria-modal": true, "aria-labelledby": "sheet-title", tabindex: -1 });
  box.append(close, h("h2", { id: "sheet-title" }, title));
  box.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child !== null)));
  const host = $("sheet");
  host.textContent = "";
  host.append(box);
  host.className = "open";
  document.body.classList.add("sheeted");
  host.onclick = (event) => {
    if (event.target === host) closeSheet();
  };
  host.onkeydown = (event) => {
    if (event.key === "Escape") closeSheet();
    if (event.key === "Tab") keepInside(event, box);
  };
  box.focus();
}

/** @param {KeyboardEvent} event @param {HTMLElement} box */
function keepInside(event, box) {
  const stops = /** @type {NodeListOf<HTMLElement>} */ (box.querySelectorAll("button, a[href], input"));
  const first = stops[0];
  const last = stops[stops.length - 1];
  if (event.shiftKey && (document.activeElement === first || document.activeElement === box)) last.focus();
  else if (!event.shiftKey && document.activeElement === last) first.focus();
  else return;
  event.preventDefault();
}

export function closeSheet() {
  const host = $("sheet");
  host.className = "";
  host.textContent = "";
  document.body.classList.remove("sheeted");
  if (opener) opener.focus();
  opener = null;
}
