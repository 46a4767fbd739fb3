/** The journey: from photo to dream and back, like breathing, with the dream always moving a little. */

import { app, best, pictureOf, still } from "../state.js";

// Seconds: the photo, falling asleep, the dream, waking up.
const REST = 3;
const FALL = 9;
const DREAM = 8;
const WAKE = 7;
/** Amplitude of the movement, radians. */
const WAVE = 0.011;
/** How deep the dream is for those who want no movement. */
const HALF = 0.62;

/** How deep the dream is, 0..1. @param {number} time seconds */
function depth(time) {
  const t = time % (REST + FALL + DREAM + WAKE);
  const ease = (/** @type {number} */ x) => 0.5 - 0.5 * Math.cos(Math.PI * Math.min(1, Math.max(0, x)));
  return t < REST + FALL + DREAM ? ease((t - REST) / FALL) : 1 - ease((t - REST - FALL - DREAM) / WAKE);
}

/** @returns {{stop: () => void}} */
export function start() {
  let time = REST;
  app.stage.use({
    pair: () => [pictureOf("original"), pictureOf(best())],
    apply(scene, dt) {
      scene.bloom = true;
      if (still) {
        scene.blend = HALF;
        return false;
      }
      time += dt;
      const deep = depth(time);
      scene.blend = deep;
      scene.living = [WAVE * (0.15 + 0.85 * deep), time];
      return true;
    },
  });
  return { stop: () => undefined };
}
