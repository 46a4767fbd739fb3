/** The dreams that a guest likes; kept on this phone only. */

const PLACE = "dreamkiosk.favorites";
/** The oldest leave first. */
const MOST = 200;

/** Newest first. @type {string[]} */
let tokens = [];
try {
  tokens = JSON.parse(localStorage.getItem(PLACE) || "[]");
} catch {
  // Storage is disabled: they are kept for as long as the page is open.
}

export const favorites = () => tokens;

/** @param {string} token */
export const isFavorite = (token) => tokens.indexOf(token) >= 0;

/** @param {string} token @param {boolean} on */
export function like(token, on) {
  tokens = [...(on ? [token] : []), ...tokens.filter((one) => one !== token)].slice(0, MOST);
  try {
    localStorage.setItem(PLACE, JSON.stringify(tokens));
  } catch {
    // As above.
  }
}
