/** The gallery: all dreams that may be shown, a page at a time as one scrolls, by style, or only favorites. */

import { dress } from "../shared/event.js";
import { t, translate } from "../shared/i18n.js";
import { loadServerWords, titleOf, wordsOf } from "../shared/server-words.js";
import { card } from "./card.js";
import { favorites, like } from "./favorites.js";

/** @typedef {import("../viewer/state.js").Status} Status */

const PAGE = 24;
/** The most that the kiosk lists at once. */
const MOST = 100;
const AGAIN = 3000;
/** How many favorites are asked for at the same time. */
const TOGETHER = 6;

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const select = /** @type {HTMLSelectElement} */ ($("style"));
const query = new URLSearchParams(location.search);

/** What is on the wall. */
const wall = { style: query.get("style") || "", favorites: query.has("favorites"), shown: 0 };
/** The number before which the next page begins; 0 for the newest, null when all is there. @type {number | null} */
let next = 0;
/** Counts filters, so that a page that comes too late is dropped. */
let turn = 0;
let loading = false;

/** Ask until there is an answer. @param {string} url @returns {Promise<any>} null if there is no such thing */
async function fetched(url) {
  for (;;) {
    const answer = await fetch(url).catch(() => null);
    const body = answer && (await answer.json().catch(() => null));
    if (body && answer && answer.ok) return body;
    if (answer && answer.status === 404) return null;
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
}

/** Of the favorites only what others may still see; what is gone is forgotten. @returns {Promise<Status[]>} */
async function loved() {
  const found = [];
  const tokens = [...favorites()];
  for (let at = 0; at < tokens.length; at += TOGETHER) {
    const some = tokens.slice(at, at + TOGETHER).map(async (token) => {
      const photo = await fetched(`/api/photos/${encodeURIComponent(token)}`);
      if (!photo) like(token, false);
      return photo;
    });
    found.push(...(await Promise.all(some)));
  }
  return found.filter((photo) => photo && photo.state === "ready" && photo.show && !photo.held);
}

/** The next photos; sets `next`. @param {number} count @returns {Promise<Status[]>} */
async function page(count) {
  const round = turn;
  if (wall.favorites) {
    const all = await loved();
    if (round === turn) next = null;
    return all.filter(({ style }) => !wall.style || style === wall.style);
  }
  const style = wall.style ? `&style=${encodeURIComponent(wall.style)}` : "";
  const before = next ? `&before=${next}` : "";
  const body = await fetched(`/api/photos?limit=${count}${before}${style}`);
  if (round === turn) next = body ? body.next : null;
  return body ? body.photos : [];
}

/** Hang so many more. @param {number} count */
async function more(count) {
  if (next === null || loading) return;
  loading = true;
  const round = turn;
  const photos = await page(Math.min(count, MOST));
  if (round !== turn) return;
  loading = false;
  if (photos.some((photo) => wordsOf(photo) === "words")) await loadServerWords("words");
  $("dreams").append(...photos.map(card));
  wall.shown += photos.length;
  $("more").hidden = next === null;
  $("empty").textContent = wall.shown ? "" : nothing();
}

/** Whether the operator lets nobody's dreams be shown. */
let closed = false;

/** Why the wall is empty. */
function nothing() {
  if (closed) return t("gallery.closed");
  if (wall.favorites) return t("gallery.unloved");
  return wall.style ? t("gallery.none") : t("gallery.empty");
}

/** Hang anew. @param {number} count */
async function hang(count) {
  turn++;
  loading = false;
  next = 0;
  wall.shown = 0;
  $("dreams").textContent = "";
  $("empty").textContent = "";
  $("more").hidden = true;
  $("favorites").setAttribute("aria-pressed", String(wall.favorites));
  select.value = wall.style;
  const round = turn;
  while (round === turn && next !== null && wall.shown < count) await more(count - wall.shown);
}

/** The filter is part of the page's address, so that it can be given on. */
function filter() {
  const chosen = new URLSearchParams();
  if (wall.style) chosen.set("style", wall.style);
  if (wall.favorites) chosen.set("favorites", "1");
  if (query.get("lang")) chosen.set("lang", query.get("lang") || "");
  history.replaceState(null, "", `/gallery${chosen.toString() ? `?${chosen}` : ""}`);
  hang(PAGE);
}

/** Come back from a dream to the place where one was. @param {Promise<void>} offered when the filter has its size */
async function begin(offered) {
  const { shown = PAGE, y = 0 } = history.state || {};
  if (y) history.scrollRestoration = "manual";
  await hang(Math.max(PAGE, shown));
  if (!y) return;
  await offered;
  window.scrollTo(0, y);
}

/** Note the place, for the way back. */
function leave() {
  history.replaceState({ shown: wall.shown, y: window.scrollY }, "");
}

/** @param {import("../shared/event.js").About} about */
function offer(about) {
  dress(about, $("name"));
  closed = about.show === "no";
  if ($("empty").textContent) $("empty").textContent = nothing();
  for (const each of about.styles)
    select.append(new Option(titleOf({ style: each.name, title: each.title }), each.name));
  select.value = wall.style;
}

async function start() {
  await Promise.all([translate("gallery"), loadServerWords("styles")]);
  document.title = `${t("gallery.title")} · Dream Kiosk`;
  const offered = fetched("/api/kiosk").then(offer);
  select.onchange = () => {
    wall.style = select.value;
    filter();
  };
  $("favorites").onclick = () => {
    wall.favorites = !wall.favorites;
    filter();
  };
  $("more").onclick = async () => {
    const at = wall.shown;
    await more(PAGE);
    const first = $("dreams").children[at];
    if (first) /** @type {HTMLElement} */ (first.firstChild).focus({ preventScroll: true });
  };
  window.addEventListener("pagehide", leave);
  await begin(offered);
  if (!("IntersectionObserver" in window)) return;
  // A screen ahead, so that one does not scroll into nothing.
  new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && more(PAGE), {
    rootMargin: "100% 0px",
  }).observe($("more"));
}

start();
