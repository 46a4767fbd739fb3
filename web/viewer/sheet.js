/** A sheet that slides up, one at a time: closed by Escape, by its button, or by a touch outside. */

import { h } from "../shared/element.js";
import { t } from "../shared/i18n.js";
import { after } from "../shared/promises.js";
import { $ } from "./state.js";
import { loadStyle } from "./style.js";

/** Milliseconds that a sheet waits for its style: better plain than never. */
const PATIENCE = 3000;

/** What had the focus before. @type {HTMLElement | null} */
let opener = null;

/** @param {string} title @param {...(Node | string | null)} children */
export async function openSheet(title, ...children) {
  await Promise.race([loadStyle("sheet"), after(PATIENCE)]);
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

/** Keep the Tab key inside the sheet. @param {KeyboardEvent} event @param {HTMLElement} box */
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
