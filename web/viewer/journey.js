/** The journey: photo into dream and back, like breathing, and the dream itself never quite still. */

import { app, best, pictureOf, still } from "./app.js";

// Seconds: rest in the photo, fall asleep, dream, wake up.
const REST = 3;
const FALL = 9;
const DREAM = 8;
const WAKE = 7;
const WAVE = 0.011;
/** What is shown to those who want no movement: half asleep. */
const HALF = 0.62;

/** How deep the dream is, 0..1. @param {number} time seconds */
export function depth(time) {
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
