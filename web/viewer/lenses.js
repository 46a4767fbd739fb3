/**
 * Two lenses before one screen: which ray each pixel sees. The shader applies the polynomial per pixel, so nothing is
 * resampled and nothing interpolated.
 *
 * A point r (as a tangent at the lens) on the screen is seen at r (1 + k1 r^2 + k2 r^4); constants of the Cardboard
 * viewers as published by Google: lens gap and screen distance in metres.
 */

import { matrix } from "../shared/view.js";

/**
 * @typedef {object} Profile
 * @property {string} name
 * @property {number} k1
 * @property {number} k2
 * @property {number} gap between the lenses, metres
 * @property {number} far screen to lens, metres
 * @property {number} widest half the field of one eye, degrees
 *
 * @typedef {object} Fit what is remembered about this phone in this headset
 * @property {string} profile
 * @property {number} apart between the middles of the two pictures, CSS pixels; 0 until calibrated
 * @property {number} bend multiplies k1 and k2
 */

/** @type {Record<string, Profile>} */
export const PROFILES = {
  cardboard2: { name: "Cardboard V2", k1: 0.34, k2: 0.55, gap: 0.064, far: 0.039, widest: 60 },
  cardboard1: { name: "Cardboard V1", k1: 0.441, k2: 0.156, gap: 0.06, far: 0.042, widest: 45 },
  // No constants were published; measured by others as close to V1 with wider lenses.
  gearvr: { name: "Gear VR", k1: 0.22, k2: 0.26, gap: 0.062, far: 0.045, widest: 50 },
};

/** CSS pixels per metre where nothing was calibrated: phones sold are near 155 to the inch. */
const USUAL = 155 / 0.0254;
const PLACE = "dreamkiosk.headset";

/** @returns {Fit} */
export function remembered() {
  const fit = { profile: "cardboard2", apart: 0, bend: 1 };
  try {
    return { ...fit, ...JSON.parse(localStorage.getItem(PLACE) || "{}") };
  } catch {
    return fit;
  }
}

/** @param {Fit} fit */
export function remember(fit) {
  try {
    localStorage.setItem(PLACE, JSON.stringify(fit));
  } catch {
    // Storage switched off: the fit lasts as long as the page.
  }
}

/** CSS pixels between the middles of the two pictures. @param {Fit} fit @param {number} width of the screen, CSS pixels */
export function apart(fit, width) {
  const wanted = fit.apart || PROFILES[fit.profile].gap * USUAL;
  return Math.min(wanted, width * 0.62);
}

/**
 * The two eyes of a split screen.
 * @param {Fit} fit
 * @param {import("../shared/view.js").Quaternion} orientation
 * @param {number} width @param {number} height drawing buffer, pixels
 * @param {number} cssWidth of the same screen, CSS pixels
 * @returns {import("../shared/renderer.js").Eye[]}
 */
export function eyes(fit, orientation, width, height, cssWidth) {
  const profile = PROFILES[fit.profile];
  const ratio = width / cssWidth;
  const gap = apart(fit, cssWidth) * ratio;
  // One number on the screen, the gap between the marks, says how many pixels a metre has.
  const metre = fit.apart ? gap / profile.gap : USUAL * ratio;
  const unit = 1 / (metre * profile.far);
  const half = Math.floor(width / 2);
  const turn = matrix(orientation);
  const lens = [profile.k1 * fit.bend, profile.k2 * fit.bend, Math.tan((profile.widest * Math.PI) / 180)];
  return /** @type {(0 | 1)[]} */ ([0, 1]).map((side) => {
    const middle = width / 2 + (side ? gap : -gap) / 2;
    const start = side ? width - half : 0;
    const offset = start + half / 2 - middle;
    return {
      viewport: [start, 0, half, height],
      turn,
      rays: [(half / 2) * unit, (height / 2) * unit, offset * unit, 0],
      lens,
      side,
    };
  });
}
