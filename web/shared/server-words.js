/** What the server says, in the guest's language: errors by their code, styles by their name. */

import { language, t } from "./i18n.js";

/** @typedef {{code: string, message: string}} ServerError */

const AGAIN = 5000;

/** @type {Record<string, string>} */
const words = {};
/** The kinds that are loaded. @type {Set<string>} */
const loaded = new Set();

/** Load one kind of words. If that fails, the server's own words are shown until it succeeds. @param {"errors" | "styles" | "words"} kind */
export async function loadServerWords(kind) {
  if (loaded.has(kind)) return;
  const answer = await fetch(`/static/${kind}/i18n/${language()}.json`).catch(() => null);
  const found = answer && answer.ok ? await answer.json().catch(() => null) : null;
  Object.assign(words, found);
  if (found) loaded.add(kind);
  // A screen that stays on for months gets them when the kiosk is back.
  else setTimeout(loadServerWords, AGAIN, kind);
}

/** One of the loaded words, or an empty string. @param {string} key */
export function word(key) {
  return words[key] || "";
}

/** An error in the guest's language; needs the words of "errors". @param {ServerError} error */
export function explain(error) {
  const translated = words[`error.${error.code}`];
  // The server's own sentence is English, and more exact.
  if (translated && !(error.message && language() === "en")) return translated;
  return error.message || t("state.failed.more");
}

/** A style's title; needs the words of "styles", or of what `wordsOf` says. @param {{style: string | null, title?: string | null}} photo */
export function titleOf(photo) {
  const title = words[`style.${photo.style}`] || photo.title || "";
  if (wordsOf(photo) === "styles") return title;
  // "word-291-985x50" of the title "lion + daisy": class numbers, some with a weight.
  const numbers = (photo.style || "").split("-").slice(1);
  const parts = title.split(" + ");
  return parts.map((part, at) => words[`word.${parseInt(numbers[at], 10)}`] || part).join(" + ");
}

/** The kind of words that a photo's title is made of. @param {{style: string | null}} photo */
export function wordsOf(photo) {
  return (photo.style || "").startsWith("word-") ? "words" : "styles";
}

/** What a style does. @param {{name: string, line: string}} style */
export function lineOf(style) {
  return words[`style.${style.name}.line`] || style.line;
}
