/** The keys to one's own photos, kept on the phone only: whoever has the key may delete the photo. */

const PLACE = "dreamkiosk.owner";

/** @returns {Record<string, string>} */
function keys() {
  try {
    return JSON.parse(localStorage.getItem(PLACE) || "{}");
  } catch {
    // Storage switched off: the photo can still be seen, and goes by itself in time.
    return {};
  }
}

/** @param {Record<string, string>} all */
function store(all) {
  try {
    localStorage.setItem(PLACE, JSON.stringify(all));
  } catch {
    // As above.
  }
}

/** @param {string} token @param {string} key */
export function remember(token, key) {
  store({ ...keys(), [token]: key });
}

/** @param {string} token */
export function forget(token) {
  const all = keys();
  delete all[token];
  store(all);
}

/** @param {string} token @returns {string} empty where the photo is somebody else's */
export function keyOf(token) {
  return keys()[token] || "";
}
