/** Four words that carry this phone's key to another device, and the field for those of another one. */

import { h } from "../shared/element.js";
import { moreWords, t } from "../shared/i18n.js";
import { adopt, ownKey } from "../shared/owner.js";
import { explain, loadServerWords } from "../shared/server-words.js";

/**
 * Ask the kiosk.
 * @param {string} url @param {RequestInit} request
 * @returns {Promise<{body: any, why: string}>} what it answers, or why it does not do that
 */
async function ask(url, request) {
  const answer = await fetch(url, { method: "POST", ...request }).catch(() => null);
  const body = answer && (await answer.json().catch(() => null));
  if (!answer || !body) return { body: null, why: t("error.connection") };
  if (answer.ok) return { body, why: "" };
  await loadServerWords("errors");
  return { body: null, why: explain({ code: body.error, message: body.message }) };
}

/** Show four words, or hide them. @param {HTMLElement} box @param {HTMLElement} button */
export async function give(box, button) {
  const on = box.hidden;
  box.hidden = !on;
  button.setAttribute("aria-expanded", String(on));
  if (!on) return;
  box.textContent = "";
  const { body, why } = await ask("/api/mine/code", { headers: { "X-Owner-Key": ownKey() } });
  const said = body ? [h("output", {}, body.words), h("p", {}, t("mine.give.how"))] : [h("p", { role: "alert" }, why)];
  box.append(...said);
}

/** Open the field for four words, or close it. @param {HTMLElement} box @param {() => void} done called when the words were right */
export async function take(box, done) {
  const button = document.querySelector(`[aria-controls=${box.id}]`);
  const on = box.hidden;
  await moreWords("mine");
  box.hidden = !on;
  if (button) button.setAttribute("aria-expanded", String(on));
  if (!on) return;
  const field = /** @type {HTMLInputElement} */ (
    h("input", { id: "four", autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: 80 })
  );
  const said = h("p", { role: "status" });
  const form = h(
    "form",
    {},
    h("label", { for: "four" }, t("mine.take")),
    field,
    h("button", { class: "button" }, t("mine.take.go")),
    said,
  );
  form.onsubmit = async (event) => {
    event.preventDefault();
    const { body, why } = await ask("/api/code", { body: JSON.stringify({ words: field.value }) });
    said.textContent = body ? t("mine.take.done") : why;
    if (!body) return;
    field.value = "";
    adopt(body.owner_key);
    done();
  };
  box.textContent = "";
  box.append(form);
  field.focus();
}
