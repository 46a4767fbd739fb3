/** Dream of a word: a text, and suggestions that are put into it when they are tapped. The server says what it means. */

import { t } from "../shared/i18n.js";
import { after } from "../shared/promises.js";
import { explain, loadServerWords, word } from "../shared/server-words.js";
import { pick, picture } from "./styles.js";

const FIRST = 6;
const MORE = 12;
const MOST = 3;
/** Milliseconds after the last letter until the server is asked. */
const PAUSE = 350;
/** Milliseconds to wait for what a text means before the photo is sent: the upload will say it too. */
const PATIENCE = 3000;

/** @typedef {{number: number, title: string, thumbnail: string | null}} Word */

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const field = document.createElement("input");

/** The suggestions, in their order. @type {Word[]} */
let words = [];
/** What `text` means; null if it means nothing here. @type {{text: string, words: Word[] | null}} */
let meaning = { text: "", words: [] };
/** @type {number | undefined} */
let pause;
/** @type {Promise<void> | null} */
let built = null;

const typed = () => field.value.trim();

/** @param {Word} each */
const titleOf = (each) => word(`word.${each.number}`) || each.title;

/** What the text mixes: as the server understood it, else as it is written. */
function parts() {
  if (meaning.text === typed() && meaning.words) return meaning.words.map(titleOf);
  return typed()
    .split("+")
    .map((part) => part.trim())
    .filter(Boolean);
}

/** Show which suggestions are in the text. */
function mark() {
  const chosen = parts();
  for (const tile of document.querySelectorAll("#words .tile")) {
    const on = chosen.indexOf(/** @type {HTMLElement} */ (tile).dataset.title || "") >= 0;
    tile.classList.toggle("on", on);
    tile.setAttribute("aria-pressed", String(on));
  }
}

/** @param {string} text @param {boolean} [meant] whether it says what will be dreamed of */
function say(text, meant = false) {
  $("meaning").textContent = text;
  $("meaning").classList.toggle("meant", meant);
}

/** Ask the server what the text means. */
async function ask() {
  const text = typed();
  if (!text || text === meaning.text) return;
  const answer = await fetch(`/api/words/meaning?of=${encodeURIComponent(text)}`).catch(() => null);
  const body = answer && (await answer.json().catch(() => null));
  // The text was changed meanwhile, or the kiosk does not answer: then the upload will say.
  if (text !== typed() || !answer || !body) return;
  if (answer.ok) {
    meaning = { text, words: body.words };
    say(t("landing.word.means", { what: body.words.map(titleOf).join(" + ") }), true);
  } else if (answer.status === 400) {
    meaning = { text, words: null };
    field.setAttribute("aria-invalid", "true");
    await loadServerWords("errors");
    if (text === typed()) say(explain({ code: body.error, message: body.message }));
  }
  mark();
}

function changed() {
  clearTimeout(pause);
  pick(!typed());
  field.removeAttribute("aria-invalid");
  say("");
  mark();
  if (typed()) pause = window.setTimeout(ask, PAUSE);
}

/** Empty the text: a style was picked. */
function forget() {
  clearTimeout(pause);
  field.value = "";
  meaning = { text: "", words: [] };
  field.removeAttribute("aria-invalid");
  say("");
  mark();
}

/** @param {string} title */
function tapped(title) {
  const chosen = parts();
  const at = chosen.indexOf(title);
  if (at < 0 && chosen.length >= MOST) {
    say(t("landing.word.most"));
    return;
  }
  if (at < 0) chosen.push(title);
  else chosen.splice(at, 1);
  field.value = chosen.join(" + ");
  changed();
}

/** @param {Word} each */
function tile(each) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tile";
  button.dataset.title = titleOf(each);
  if (each.thumbnail) button.append(picture(each.thumbnail));
  const title = document.createElement("b");
  title.textContent = titleOf(each);
  button.append(title);
  button.onclick = () => tapped(titleOf(each));
  return button;
}

/** Put the panel together, once. */
async function build() {
  const [answer] = await Promise.all([fetch("/api/words"), loadServerWords("words")]);
  if (!answer.ok) throw new Error(`${answer.status} ${answer.url}`);
  words = (await answer.json()).words;
  const label = document.createElement("label");
  label.htmlFor = field.id = "dream-of";
  label.textContent = t("landing.word.type");
  field.type = "text";
  field.maxLength = 80;
  field.autocomplete = "off";
  field.autocapitalize = "none";
  field.placeholder = t("landing.word.example");
  field.setAttribute("aria-describedby", "meaning");
  field.oninput = changed;
  field.onkeydown = (event) => {
    // The photo is sent with the button: here, the key only ends the typing.
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    ask();
  };
  const means = document.createElement("p");
  means.id = "meaning";
  means.setAttribute("role", "status");
  const tiles = document.createElement("div");
  tiles.className = "tiles";
  tiles.setAttribute("role", "group");
  tiles.setAttribute("aria-label", t("landing.word.suggestions"));
  const more = document.createElement("button");
  more.type = "button";
  more.id = "more-words";
  more.textContent = t("landing.word.more");
  more.onclick = () => {
    const from = tiles.children.length;
    tiles.append(...words.slice(from, from + (from ? MORE : FIRST)).map(tile));
    more.hidden = tiles.children.length >= words.length;
    mark();
    if (from) /** @type {HTMLElement} */ (tiles.children[from]).focus({ preventScroll: true });
  };
  $("words").append(label, field, means, tiles, more);
  more.click();
  $("styles").addEventListener("change", forget);
}

/** @param {boolean} open */
function show(open) {
  $("words").hidden = !open;
  $("word").setAttribute("aria-expanded", String(open));
  if (open) field.focus();
}

/** Open or close the panel. @returns {Promise<boolean>} false if the kiosk does not answer; another try may succeed */
export async function toggle() {
  const open = $("words").hidden;
  built = built || build();
  try {
    await built;
  } catch {
    built = null;
    return false;
  }
  show(open);
  return true;
}

/** The words to dream of; empty if there are none, null if they mean nothing here. */
export async function wish() {
  const text = typed();
  clearTimeout(pause);
  if (text !== meaning.text) await Promise.race([ask(), after(PATIENCE)]);
  if (text && meaning.text === text && !meaning.words) {
    show(true);
    return null;
  }
  return text;
}
