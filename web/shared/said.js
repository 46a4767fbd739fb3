/** What the server says, in the guest's language: errors by their code, styles by their name. Loaded when needed. */

import { language, t } from "./i18n.js";

/** @typedef {{code: string, message: string}} Said */

const AGAIN = 5000;

/** @type {Record<string, string>} */
const words = {};

/** Load the words of a room ("errors", "styles"); where they cannot be had, the kiosk's own stand in. @param {string} room */
export async function more(room) {
  const answer = await fetch(`/static/${room}/i18n/${language()}.json`).catch(() => null);
  const found = answer && answer.ok ? await answer.json().catch(() => null) : null;
  Object.assign(words, found);
  // A screen that stays on for months gets them when the kiosk is back.
  if (!found) setTimeout(more, AGAIN, room);
}

/** One of the loaded words, empty where there is none. @param {string} key */
export function word(key) {
  return words[key] || "";
}

/** An error in the guest's language; the words of "errors" must have been loaded. @param {Said} said */
export function explain(said) {
  const translated = words[`error.${said.code}`];
  // The kiosk itself speaks English, and more exactly.
  if (translated && !(said.message && language() === "en")) return translated;
  return said.message || t("state.failed.more");
}

/** A style's title; the words of "styles" must have been loaded. @param {{style: string | null, title?: string | null}} photo */
export function titleOf(photo) {
  return words[`style.${photo.style}`] || photo.title || "";
}

/** What a style does. @param {{name: string, line: string}} style */
export function lineOf(style) {
  return words[`style.${style.name}.line`] || style.line;
}
