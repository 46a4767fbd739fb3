/** What one looks at begins to dream, spreading from the middle of the view; what one leaves settles back. */

import { clamp, direction } from "../shared/view.js";
import { app, best, pictureOf, still } from "./app.js";
import { gazes } from "./room.js";

const WIDE = 128;
const HIGH = 64;
const NARROW = 0.12;
const WIDEST = 1.15;
/** Radians a second that the dream spreads while the eye rests. */
const SPREAD = 0.16;
const RISE = 0.9;
/** Seconds until something unseen is a photo again. */
const FORGET = 14;
/** Faster than this the eye is searching, not looking; radians a second. */
const SEARCHING = 0.5;
const WAVE = 0.008;
const TOGETHER = 0.25;

/** Unit directions of the mask's cells. */
function cells() {
  const all = new Float32Array(WIDE * HIGH * 3);
  for (let row = 0; row < HIGH; row++) {
    for (let col = 0; col < WIDE; col++) {
      const yaw = ((col + 0.5) / WIDE - 0.5) * 2 * Math.PI;
      const pitch = (0.5 - (row + 0.5) / HIGH) * Math.PI;
      all.set(direction(yaw, pitch), (row * WIDE + col) * 3);
    }
  }
  return all;
}

/** @returns {{stop: () => void}} */
export function start() {
  const { stage } = app;
  const where = cells();
  const mask = new Float32Array(WIDE * HIGH);
  const bytes = new Uint8Array(WIDE * HIGH);
  let radius = NARROW;
  let last = direction(0, 0);
  let time = 0;
  /** @type {WebGLTexture | null} */
  let texture = null;

  const grow = (/** @type {number} */ dt) => {
    const { yaw, pitch } = stage.view.gaze();
    const [x, y, z] = direction(yaw, pitch);
    const moved = Math.acos(clamp(x * last[0] + y * last[1] + z * last[2], -1, 1)) / Math.max(dt, 1e-3);
    last = [x, y, z];
    const company = gazes()
      .slice(0, 6)
      .map((other) => direction(other.yaw, other.pitch));
    const calm = clamp(1 - moved / SEARCHING, -1, 1);
    radius = clamp(radius + (calm > 0 ? SPREAD * calm : 2 * calm) * dt, NARROW, WIDEST);
    for (let i = 0; i < mask.length; i++) {
      const dot = where[3 * i] * x + where[3 * i + 1] * y + where[3 * i + 2] * z;
      // Chord instead of angle: near enough, and sixty times a second.
      const near = clamp(1.6 - Math.sqrt(Math.max(0, 2 - 2 * dot)) / radius, 0, 1);
      let rise = near > 0 ? RISE * near : -1 / FORGET;
      // Where others look too it goes faster, and where only they look it begins without this guest.
      for (const other of company) {
        const chord = Math.sqrt(
          Math.max(0, 2 - 2 * (where[3 * i] * other[0] + where[3 * i + 1] * other[1] + where[3 * i + 2] * other[2])),
        );
        rise += 0.6 * RISE * clamp(1.6 - chord / TOGETHER, 0, 1);
      }
      mask[i] = clamp(mask[i] + dt * rise, 0, 1);
      bytes[i] = mask[i] * 255;
    }
  };
  const upload = () => {
    const { renderer } = stage;
    const { gl } = renderer;
    if (!texture) {
      texture = renderer.blank();
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.REPEAT);
    } else renderer.bind(7, texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.LUMINANCE, WIDE, HIGH, 0, gl.LUMINANCE, gl.UNSIGNED_BYTE, bytes);
    return texture;
  };

  stage.use({
    pair: () => [pictureOf("original"), pictureOf(best())],
    apply(scene, dt) {
      grow(dt);
      time += dt;
      scene.gaze = upload();
      scene.bloom = true;
      if (!still) scene.living = [WAVE, time];
      return true;
    },
    lost: () => (texture = null),
  });
  return {
    stop() {
      if (texture) stage.renderer.free(texture);
    },
  };
}
