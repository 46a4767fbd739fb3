/**
 * What makes photos this phone's: one owner key, made here and sent with every photo. Whoever has it may see, show and
 * delete what was brought with it, so it stays on this phone; four words carry it to another one (mine/code.js).
 */

/** Where keys of photos are kept, by token: of this phone's key and of the keys from before it had one. */
const PHOTOS = "dreamkiosk.owner";
const OWN = "dreamkiosk.key";
/** 144 random bits: 24 letters. */
const BYTES = 18;

/** What would be stored, where storage is disabled: for as long as the page is open. @type {Map<string, string>} */
const memory = new Map();

/** @param {string} place */
function load(place) {
  try {
    return localStorage.getItem(place) || memory.get(place) || "";
  } catch {
    return memory.get(place) || "";
  }
}

/** @param {string} place @param {string} text */
function store(place, text) {
  memory.set(place, text);
  try {
    localStorage.setItem(place, text);
  } catch {
    // Full or disabled: the memory has it.
  }
}

/** @returns {Record<string, string>} the key of each token */
function photos() {
  try {
    return JSON.parse(load(PHOTOS) || "{}");
  } catch {
    return {};
  }
}

/** This phone's key; empty until a photo was sent from it or four words were typed. */
export const ownKey = () => load(OWN);

/** A random name that nobody guesses. `crypto.getRandomValues` works on plain http too. */
export function random() {
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES));
  const text = btoa(String.fromCharCode(...bytes));
  return text.replace(/\+/g, "-").replace(/\//g, "_");
}

/** This phone's key, made if it has none. */
export function makeKey() {
  if (!load(OWN)) store(OWN, random());
  return load(OWN);
}

/** Take over another device's key, from now on for this phone's photos too. @param {string} key */
export function adopt(key) {
  // What was brought with the key until now stays this phone's by its tokens.
  store(OWN, key);
}

/** Every key that this phone has: its own first, then those of photos from before. */
export function allKeys() {
  const all = new Set([load(OWN), ...Object.values(photos())]);
  all.delete("");
  return [...all];
}

/** @param {string} token @param {string} key */
export function remember(token, key) {
  if (photos()[token] !== key) store(PHOTOS, JSON.stringify({ ...photos(), [token]: key }));
}

/** @param {string} token */
export function forget(token) {
  const all = photos();
  delete all[token];
  store(PHOTOS, JSON.stringify(all));
}

/** Forget all photos of a key. @param {string} key */
export function forgetKey(key) {
  const all = photos();
  for (const token of Object.keys(all)) if (all[token] === key) delete all[token];
  store(PHOTOS, JSON.stringify(all));
}

/** @param {string} token @returns {string} empty if the photo is not from this phone */
export function keyOf(token) {
  return photos()[token] || "";
}

/** What the kiosk has of a key, newest first; null if it does not say. @param {string} key @returns {Promise<any[] | null>} */
export async function broughtBy(key) {
  if (!key) return [];
  const answer = await fetch("/api/mine", { headers: { "X-Owner-Key": key } }).catch(() => null);
  const body = answer && answer.ok && (await answer.json().catch(() => null));
  return body ? body.photos : null;
}
