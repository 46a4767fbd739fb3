/** My dreams: what this phone brought, with its picture, state and place in the queue. */

import { h, twice } from "../shared/element.js";
import { duration, moreWords, t } from "../shared/i18n.js";
import { allKeys, broughtBy, forgetKey, ownKey, remember } from "../shared/owner.js";
import { explain, loadServerWords, titleOf } from "../shared/server-words.js";
import { zip } from "./zip.js";

/** @typedef {import("../viewer/state.js").Status} Status */

/** Milliseconds between two questions while something is unfinished. */
const EVERY = 4000;
const FIRST = 6;

/** What each key brought, as the kiosk said last. @type {Map<string, Status[]>} */
const brought = new Map();
/** The rows by token. @type {Map<string, HTMLElement>} */
const rows = new Map();
/** @type {HTMLElement | null} */
let host = null;
/** @type {number | undefined} */
let timer;
let all = false;

const list = h("ul");
const news = h("p", { role: "status" });
const more = h("button", { type: "button", class: "quiet" });
const actions = h("div", { class: "actions" });

/** @param {Status} photo */
const isPending = ({ state }) => state !== "ready" && state !== "failed";

/** What is to be known of a photo, in one line. @param {Status} photo */
function stateOf(photo) {
  const { state, eta_seconds: eta, position, error } = photo;
  if (state === "failed") return explain(error || { code: "failed", message: "" });
  if (state === "ready") {
    if (photo.held) return t(`mine.${photo.held}`);
    return t(photo.show ? "mine.shown" : "mine.private");
  }
  const waiting = state === "waiting" || state === "received";
  const place = position || 1;
  const words = waiting ? (place > 1 ? t("state.waiting", { n: place }) : t("state.next")) : t(`state.${state}`);
  return eta && eta > 3 ? `${words} · ${t("state.left", { time: duration(eta) })}` : words;
}

/** The smallest picture there is of it; the photo itself may be huge. @param {Status} photo */
const pictureOf = ({ images }) =>
  images.thumb || images.levels[0] || images.dream || images.previews.slice(-1)[0] || "";

/** @param {Status} photo */
function row(photo) {
  const made =
    rows.get(photo.token) ||
    h("li", {}, h("a", { href: `/v/${photo.token}` }, h("b"), " ", h("span"), " ", h("small")));
  rows.set(photo.token, made);
  const link = /** @type {HTMLElement} */ (made.firstChild);
  const [number, title, state] = ["b", "span", "small"].map(
    (tag) => /** @type {HTMLElement} */ (link.querySelector(tag)),
  );
  const url = pictureOf(photo);
  const image = link.querySelector("img");
  if (url && (!image || image.getAttribute("src") !== url)) {
    if (image) image.remove();
    const fresh = h("img", { alt: "", src: url, width: 96, height: 72, loading: "lazy" });
    fresh.onerror = () => fresh.remove();
    link.prepend(fresh);
  }
  const texts = [t("mine.number", { n: photo.number }), titleOf(photo) || t("viewer.dream"), stateOf(photo)];
  [number, title, state].forEach((part, at) => {
    // A screen reader that reads the line is not made to begin again.
    if (part.textContent !== texts[at]) part.textContent = texts[at];
  });
  made.className = photo.state;
  return made;
}

/** What is there, newest first. */
const photos = () =>
  allKeys()
    .reduce((/** @type {Status[]} */ found, key) => found.concat(brought.get(key) || []), [])
    .sort((one, other) => other.number - one.number);

function show() {
  const found = photos();
  const seen = found.slice(0, all ? found.length : FIRST).map(row);
  for (const old of [...list.children]) if (seen.indexOf(/** @type {HTMLElement} */ (old)) < 0) old.remove();
  seen.forEach((made, at) => {
    if (list.children[at] !== made) list.insertBefore(made, list.children[at] || null);
  });
  more.hidden = all || found.length <= FIRST;
  more.textContent = t("mine.more", { n: found.length });
  const own = brought.get(ownKey()) || [];
  actions.hidden = !found.length;
  /** @type {HTMLElement} */ (actions.children[0]).hidden = !own.length;
  /** @type {HTMLElement} */ (actions.children[1]).hidden = !own.some(({ state }) => state === "ready");
  if (host) host.hidden = !found.length && !news.textContent;
}

/** Ask what there is, and again while something of it is unfinished and the page is seen. */
async function refresh() {
  clearTimeout(timer);
  if (document.hidden) return;
  const answers = await Promise.all(allKeys().map(async (key) => ({ key, found: await broughtBy(key) })));
  for (const { key, found } of answers) {
    if (!found) continue;
    brought.set(key, found);
    for (const { token } of found) remember(token, key);
    if (!found.length && key !== ownKey()) forgetKey(key);
  }
  const found = photos();
  if (found.some(({ state }) => state === "failed")) await loadServerWords("errors");
  if (found.some(({ style }) => (style || "").startsWith("word-"))) await loadServerWords("words");
  show();
  clearTimeout(timer);
  if (found.some(isPending) || answers.some(({ found }) => !found)) timer = window.setTimeout(refresh, EVERY);
}

/** Delete everything that this phone brought. */
async function remove() {
  let count = 0;
  for (const key of allKeys()) {
    const asked = { method: "DELETE", headers: { "X-Owner-Key": key } };
    const answer = await fetch("/api/mine", asked).catch(() => null);
    if (!answer || !answer.ok) {
      news.textContent = t("error.connection");
      return;
    }
    count += (await answer.json()).deleted;
  }
  build();
  news.textContent = t("mine.gone", { n: count });
  refresh();
}

function build() {
  const box = h("div", { id: "give", hidden: true });
  const give = h("button", { type: "button", class: "quiet", "aria-expanded": "false" }, t("mine.give"));
  give.onclick = async () => (await import("./code.js")).give(box, give);
  actions.textContent = "";
  actions.append(give, zip("quiet"), twice("quiet", t("mine.delete"), t("mine.sure"), remove), box);
}

/** Show the section. @param {HTMLElement} section @param {string} said a sentence of what happened, or an empty string */
export async function open(section, said) {
  if (!host) {
    const style = h("link", { rel: "stylesheet", href: "/static/mine/mine.css" });
    await Promise.all([
      moreWords("mine"),
      loadServerWords("styles"),
      new Promise((done) => {
        style.onload = style.onerror = done;
        document.head.append(style);
      }),
    ]);
  }
  if (!host) {
    host = section;
    build();
    more.onclick = () => {
      all = true;
      show();
      /** @type {HTMLElement} */ (list.children[FIRST].firstChild).focus();
    };
    section.append(h("h2", {}, t("mine.title")), news, list, more, actions);
    document.addEventListener("visibilitychange", refresh);
  }
  news.textContent = said;
  await refresh();
  if (said) section.scrollIntoView({ block: "start" });
}
