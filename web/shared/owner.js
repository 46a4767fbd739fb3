/** The owner keys of the photos that this phone sent, stored on the phone only: whoever has the key may delete the photo. */

const PLACE = "dreamkiosk.owner";

/** @returns {Record<string, string>} */
function keys() {
  try {
    return JSON.parse(localStorage.getItem(PLACE) || "{}");
  } catch {
    // Storage is disabled: the photo can still be seen, and expires in time.
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

/** @param {string} token @returns {string} empty if the photo is not from this phone */
export function keyOf(token) {
  return keys()[token] || "";
}
