/**
 * Two lenses in front of one screen: which ray each pixel sees. The shader applies the polynomial per pixel, so nothing
 * is resampled or interpolated.
 *
 * A point at r on the screen (as a tangent at the lens) is seen at r (1 + k1 r^2 + k2 r^4). Constants of the Cardboard
 * viewers are the ones that Google published.
 */

import { DEGREE, matrix } from "../../shared/sphere/view.js";

/**
 * @typedef {object} Profile
 * @property {string} name
 * @property {number} k1
 * @property {number} k2
 * @property {number} gap between the lenses, meters
 * @property {number} far screen to lens, meters
 * @property {number} widest half the field of one eye, degrees
 *
 * @typedef {object} Fit how this phone fits its holder
 * @property {string} profile
 * @property {number} apart between the centers of the two pictures, CSS pixels; 0 until fitted
 * @property {number} bend multiplies k1 and k2
 */

/** @type {Record<string, Profile>} */
export const PROFILES = {
  cardboard2: { name: "Cardboard V2", k1: 0.34, k2: 0.55, gap: 0.064, far: 0.039, widest: 60 },
  cardboard1: { name: "Cardboard V1", k1: 0.441, k2: 0.156, gap: 0.06, far: 0.042, widest: 45 },
  // Unpublished; others measured it to be close to V1 with wider lenses.
  gearvr: { name: "Gear VR", k1: 0.22, k2: 0.26, gap: 0.062, far: 0.045, widest: 50 },
};

/** CSS pixels per meter of a phone that was not fitted: most have about 155 per inch. */
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
    // Storage is disabled: the fit lasts as long as the page.
  }
}

/** CSS pixels between the centers of the two pictures. @param {Fit} fit @param {number} width of the screen, CSS pixels */
export function apart(fit, width) {
  const wanted = fit.apart || PROFILES[fit.profile].gap * USUAL;
  return Math.min(wanted, width * 0.62);
}

/**
 * The two eyes of a split screen.
 * @param {Fit} fit
 * @param {import("../../shared/sphere/view.js").Quaternion} orientation
 * @param {number} width @param {number} height drawing buffer, pixels
 * @param {number} cssWidth of the same screen, CSS pixels
 * @returns {import("../../shared/sphere/renderer.js").Eye[]}
 */
export function eyes(fit, orientation, width, height, cssWidth) {
  const profile = PROFILES[fit.profile];
  const ratio = width / cssWidth;
  const gap = apart(fit, cssWidth) * ratio;
  // The gap between the marks, which is that of the lenses, says how many pixels a meter has.
  const meter = fit.apart ? gap / profile.gap : USUAL * ratio;
  const unit = 1 / (meter * profile.far);
  const half = Math.floor(width / 2);
  const turn = matrix(orientation);
  const lens = [profile.k1 * fit.bend, profile.k2 * fit.bend, Math.tan(profile.widest * DEGREE)];
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
