/** The guests' first page: send photos, choose a style, see what this phone brought and what others dreamed. */

import { dress } from "../shared/event.js";
import { t, translate } from "../shared/i18n.js";
import { allKeys } from "../shared/owner.js";
import { explain, loadServerWords } from "../shared/server-words.js";
import { follow } from "./gallery.js";
import { allow, keep, picked, reset, wire } from "./pick.js";
import { again, cancel, complain, sayUnsent, send } from "./send.js";
import { offer, style } from "./styles.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const AGAIN = 4000;

/**
 * Whether this is the small window that phones open when they join a Wi-Fi, or one inside another app: they cannot
 * choose a file, or close while one is chosen. iOS leaves "Safari" out of their user agent, Android adds "wv".
 */
function captive() {
  const name = navigator.userAgent;
  return /CaptiveNetworkSupport|; wv\)/.test(name) || (/iP(hone|ad|od)/.test(name) && !/Safari\//.test(name));
}

/** Ask until there is an answer. @param {string} url @param {(body: any) => void} then */
async function ask(url, then) {
  const answer = await fetch(url).catch(() => null);
  const body = answer && answer.ok && (await answer.json().catch(() => null));
  if (body) then(body);
  else setTimeout(ask, AGAIN, url, then);
}

/** Say that something is wrong before guests send a photo. @param {{code: string, message: string}} trouble */
async function expect(trouble) {
  if (trouble.code === "camera") return;
  await loadServerWords("errors");
  $("service").textContent = explain(trouble);
  $("service").hidden = false;
}

/** What a guest types or taps to dream of; loaded when it is opened. @type {typeof import("./words.js") | null} */
let words = null;

async function openWords() {
  words = words || (await import("./words.js").catch(() => null));
  if (!words || !(await words.toggle())) complain(t("landing.offline"));
}

/** What the kiosk says of itself, once it does. @type {import("../shared/event.js").About | null} */
let kiosk = null;

/** Offer the styles, once a photo is chosen: before that nobody sees them. */
async function prepare() {
  const about = kiosk;
  if (!about || !picked().length || $("styles").childElementCount) return;
  await loadServerWords("styles");
  if (!$("styles").childElementCount) offer(about.styles, about.style);
}

/** Whether the guest may say that others see the dream. */
let asked = false;

/** Offer what the operator lets guests decide. @param {import("../shared/event.js").About} about */
function consent({ show, approve }) {
  asked = show !== "no";
  $("consent").hidden = !asked;
  /** @type {HTMLInputElement} */ ($("show")).checked = show === "yes";
  $("looked").hidden = !asked || !approve;
  $("nobody").hidden = asked;
}

/** Show what this phone brought, once there is something. @param {string} [said] a sentence about it */
async function mine(said = "") {
  const list = await import("../mine/mine.js").catch(() => null);
  if (list) list.open($("mine"), said);
}

/** Open the field for the words of another device. */
async function openCode() {
  const code = await import("../mine/code.js").catch(() => null);
  if (code) code.take($("code"), () => mine());
  else complain(t("landing.offline"));
}

async function dream() {
  const photos = picked();
  if (!photos.length) return;
  const dream_of = words ? await words.wish() : "";
  if (dream_of === null) return;
  /** @type {Record<string, string>} */
  const wish = dream_of ? { dream_of } : { style: style() };
  // Where there is no switch nobody is shown; nor before it is known whether there is one.
  wish.show = asked && /** @type {HTMLInputElement} */ ($("show")).checked ? "yes" : "no";
  const brought = await send(photos, wish);
  if (!brought) return;
  const { tokens, left } = brought;
  if (photos.length === 1 && tokens.length) location.assign(`/v/${tokens[0]}`);
  if (photos.length === 1) return;
  if (left.length) keep(left);
  else reset();
  mine(t("landing.brought", { n: tokens.length }));
}

/** The photos that were not sent stay chosen. */
function stop() {
  const left = cancel();
  if (!left.length || left.length === picked().length) return;
  keep(left);
  mine();
}

/** Wires the form before it waits for anything: else a submit would leave the page. */
async function start() {
  const form = /** @type {HTMLFormElement} */ ($("bring"));
  form.noValidate = true;
  form.onsubmit = (event) => {
    event.preventDefault();
    dream();
  };
  $("again").onclick = again;
  $("word").onclick = openWords;
  $("cancel").onclick = stop;
  $("have").onclick = openCode;
  window.addEventListener("pageshow", (event) => {
    // Back from the viewer, to the page as it was left: the same photo can be sent again.
    if (!event.persisted) return;
    cancel();
    mine();
  });
  await translate("landing");
  if (captive()) {
    const box = $("captive");
    box.hidden = false;
    box.textContent = t("landing.captive");
    const strong = document.createElement("strong");
    strong.textContent = location.host;
    box.append(strong);
  }
  ask("/api/kiosk", (/** @type {import("../shared/event.js").About} */ about) => {
    kiosk = about;
    allow(about.upload_mb);
    dress(about, $("name"));
    $("welcome").textContent = about.event.welcome;
    prepare();
    consent(about);
    if (about.out_of_service) expect(about.out_of_service);
  });
  wire(prepare);
  follow();
  await sayUnsent();
  if (allKeys().length) mine();
}

start();
