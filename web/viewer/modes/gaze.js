/** What the guest looks at turns into the dream, spreading from the middle of the view; what is out of view fades back. */

import { clamp, direction } from "../../shared/sphere/view.js";
import { others } from "../gazes.js";
import { app, best, pictureOf, still } from "../state.js";

// The mask: how far each place has turned into the dream; equirectangular.
const WIDE = 128;
const HIGH = 64;
/** Smallest and largest radius that the dream spreads to, radians. */
const NARROW = 0.12;
const WIDEST = 1.15;
/** Radians per second that the dream spreads while the gaze rests. */
const SPREAD = 0.16;
/** Mask per second where the guest looks. */
const RISE = 0.9;
/** Seconds until what is not looked at is the photo again. */
const FORGET = 14;
/** Radians per second: a faster gaze is searching and does not spread the dream. */
const SEARCHING = 0.5;
/** Amplitude of the movement, radians. */
const WAVE = 0.008;
/** Radius around another guest's gaze, radians. */
const COMPANY = 0.25;

class Mask {
  constructor() {
    this.cells = new Float32Array(WIDE * HIGH * 3);
    for (let row = 0; row < HIGH; row++) {
      for (let col = 0; col < WIDE; col++) {
        const yaw = ((col + 0.5) / WIDE - 0.5) * 2 * Math.PI;
        const pitch = (0.5 - (row + 0.5) / HIGH) * Math.PI;
        this.cells.set(direction(yaw, pitch), (row * WIDE + col) * 3);
      }
    }
    this.values = new Float32Array(WIDE * HIGH);
    this.bytes = new Uint8Array(WIDE * HIGH);
    this.radius = NARROW;
    this.last = direction(0, 0);
    /** @type {WebGLTexture | null} */
    this.texture = null;
  }

  /** 1 in cell `i` if `gaze` is there, falling to 0 outside `radius`. @param {number} i @param {number[]} gaze @param {number} radius */
  near(i, gaze, radius) {
    const dot = this.cells[3 * i] * gaze[0] + this.cells[3 * i + 1] * gaze[1] + this.cells[3 * i + 2] * gaze[2];
    // The chord instead of the angle: close enough, and cheaper.
    return clamp(1.6 - Math.sqrt(Math.max(0, 2 - 2 * dot)) / radius, 0, 1);
  }

  /** @param {number} dt seconds */
  grow(dt) {
    const { yaw, pitch } = app.stage.view.gaze();
    const gaze = direction(yaw, pitch);
    const cosine = gaze[0] * this.last[0] + gaze[1] * this.last[1] + gaze[2] * this.last[2];
    const speed = Math.acos(clamp(cosine, -1, 1)) / Math.max(dt, 1e-3);
    this.last = gaze;
    const company = others()
      .slice(0, 6)
      .map((other) => direction(other.yaw, other.pitch));
    const calm = clamp(1 - speed / SEARCHING, -1, 1);
    this.radius = clamp(this.radius + (calm > 0 ? SPREAD * calm : 2 * calm) * dt, NARROW, WIDEST);
    for (let i = 0; i < this.values.length; i++) {
      const near = this.near(i, gaze, this.radius);
      let rise = near > 0 ? RISE * near : -1 / FORGET;
      // Where others look it is faster, and begins without this guest.
      for (const other of company) rise += 0.6 * RISE * this.near(i, other, COMPANY);
      this.values[i] = clamp(this.values[i] + dt * rise, 0, 1);
      this.bytes[i] = this.values[i] * 255;
    }
  }

  /** Put the mask on the graphics card. */
  upload() {
    const { renderer } = app.stage;
    const { gl } = renderer;
    if (!this.texture) {
      this.texture = renderer.blank();
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.REPEAT);
    } else renderer.bind(7, this.texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.LUMINANCE, WIDE, HIGH, 0, gl.LUMINANCE, gl.UNSIGNED_BYTE, this.bytes);
    return this.texture;
  }
}

/** @returns {{stop: () => void}} */
export function start() {
  const { stage } = app;
  const mask = new Mask();
  let time = 0;
  stage.use({
    pair: () => [pictureOf("original"), pictureOf(best())],
    apply(scene, dt) {
      mask.grow(dt);
      time += dt;
      scene.gaze = mask.upload();
      scene.bloom = true;
      if (!still) scene.living = [WAVE, time];
      return true;
    },
    lost: () => (mask.texture = null),
  });
  return {
    stop() {
      if (mask.texture) stage.renderer.free(mask.texture);
    },
  };
}
