/** The page's words in the guest's language: shared/i18n/LANGUAGE.json, and one more file for what only one page says. */

const LANGUAGES = ["en", "de", "es", "fr", "ja"];
const AGAIN = 2000;

/** @type {Record<string, string>} */
let words = {};
/** Folders that were added by `moreWords`. @type {Set<string>} */
const added = new Set();

/** The languages of this page: all, or those to which the operator limits it. */
function offered() {
  /** @type {HTMLMetaElement | null} */
  const limit = document.querySelector("meta[name=languages]");
  return limit ? limit.content.split(",") : LANGUAGES;
}

/** The first of the guest's languages that the pages are translated into, else the first that is offered. */
export function language() {
  const asked = new URLSearchParams(location.search).get("lang");
  const here = offered();
  for (const tag of [asked || "", ...(navigator.languages || [navigator.language])]) {
    const short = tag.slice(0, 2).toLowerCase();
    if (here.indexOf(short) >= 0) return short;
  }
  return here[0];
}

/** The text for a key, with {name} filled in. @param {string} key @param {Record<string, string | number>} [values] */
export function t(key, values = {}) {
  return (words[key] || key).replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** Retries for as long as it takes: a kiosk that restarts is back in a few seconds. @param {string} url */
async function fetched(url) {
  for (;;) {
    try {
      const answer = await fetch(url);
      if (answer.ok) return await answer.json();
    } catch {
      // No connection, or one that broke.
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
}

/**
 * Load the words and put them into the page: data-t for text, data-t-label for aria-label.
 * @param {string[]} pages folders of web/ whose own words are needed too
 */
export async function translate(...pages) {
  const name = language();
  const files = await Promise.all(["shared", ...pages].map((folder) => fetched(`/static/${folder}/i18n/${name}.json`)));
  words = Object.assign({}, ...files);
  document.documentElement.lang = name;
  for (const element of document.querySelectorAll("[data-t]")) {
    element.textContent = t(/** @type {HTMLElement} */ (element).dataset.t || "");
  }
  for (const element of document.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(/** @type {HTMLElement} */ (element).dataset.tLabel || ""));
  }
}

/** Add the words of one more folder, once. Rejects if they cannot be loaded. @param {string} folder */
export async function moreWords(folder) {
  if (added.has(folder)) return;
  const answer = await fetch(`/static/${folder}/i18n/${language()}.json`);
  if (!answer.ok) throw new Error(`${answer.status} ${folder}`);
  Object.assign(words, await answer.json());
  added.add(folder);
}

/** "40 seconds", "2 minutes". @param {number} seconds */
export function duration(seconds) {
  if (seconds < 50) return t("time.seconds", { n: Math.max(5, Math.ceil(seconds / 5) * 5) });
  const minutes = Math.ceil(seconds / 60);
  return minutes === 1 ? t("time.minute") : t("time.minutes", { n: minutes });
}
