/**
 * Without WebGL: the equirectangular picture, flat, to be dragged; it repeats at its left and right edges. It has as much
 * of the stage's interface as pages, hands, and the phone's sensors use.
 */

import { clamp, FlatView } from "./view.js";

const WIDEST = 4096;
/** Milliseconds until a picture that failed to load is requested again. */
const REST = 3000;

/** Say why there is no sphere. @param {HTMLElement} after the element to put the sentence after @param {string} words */
export function explain(after, words) {
  const line = document.createElement("p");
  line.id = "no-sphere";
  line.textContent = words;
  after.after(line);
}

export class Flat {
  /** @param {HTMLElement} host filled by the picture @param {import("./stage.js").StageOptions} [options] */
  constructor(host, options = {}) {
    this.host = host;
    this.options = options;
    this.flat = true;
    this.view = new FlatView();
    /** The address behind each name. @type {Map<string, string>} */
    this.pictures = new Map();
    this.shown = "";
    /** The address that is loading. */
    this.coming = "";
    this.stereo = false;
    this.dirty = true;
    this.paused = false;
    this.last = 0;
    /** @type {((dt: number) => boolean)[]} */
    this.before_frame = [];
    /** Always null: there is no headset without WebGL. */
    this.optics = null;
    /** @type {{direction: number[], strength: number, hue: number[]}[]} */
    this.lights = [];
    this.onsharper = () => undefined;
    /** @type {() => void} */
    this.onfirst = () => undefined;
    /** @type {Promise<void>} */
    this.first = new Promise((resolve) => (this.onfirst = resolve));
    this.sheet = document.createElement("div");
    this.sheet.className = "flat";
    host.prepend(this.sheet);
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = "/static/shared/sphere/flat.css";
    document.head.append(style);
    new ResizeObserver(() => (this.dirty = true)).observe(host);
    const loop = (/** @type {number} */ now) => {
      requestAnimationFrame(loop);
      this.frame(now / 1000);
    };
    requestAnimationFrame(loop);
  }

  /** Give a picture a name. @param {string} name @param {import("./picture.js").Level[]} levels coarse to fine */
  set(name, levels) {
    const whole = levels.filter((level) => !level.tile);
    const fitting = whole.filter((level) => level.width <= WIDEST);
    const level = fitting.pop() || whole[0];
    if (!level || this.pictures.get(name) === level.url) return;
    this.pictures.set(name, level.url);
    if (name === this.shown) this.show(name);
  }

  /** @param {string} name */
  forget(name) {
    if (name !== this.shown) this.pictures.delete(name);
  }

  /** Show nothing. */
  clear() {
    this.shown = this.coming = "";
    this.pictures.clear();
    this.sheet.style.backgroundImage = "none";
  }

  /** Change to a picture as soon as it is loaded. @param {string} name */
  show(name) {
    this.shown = name;
    const url = this.pictures.get(name);
    if (!url || url === this.coming) return;
    this.coming = url;
    const image = new Image();
    image.onload = () => {
      if (url !== this.coming) return;
      this.stereo = image.naturalHeight > image.naturalWidth * 0.75;
      this.sheet.style.backgroundImage = `url("${url}")`;
      this.dirty = true;
      this.onsharper();
      this.onfirst();
    };
    image.onerror = () => {
      setTimeout(() => {
        if (url !== this.coming) return;
        this.coming = "";
        this.show(this.shown);
      }, REST);
    };
    image.src = url;
  }

  /** Modes need a sphere. */
  use() {}

  /** @param {number} now seconds */
  frame(now) {
    const dt = Math.min(0.3, now - this.last);
    this.last = now;
    for (const step of this.before_frame) if (step(dt)) this.dirty = true;
    if (!this.dirty) return;
    this.dirty = false;
    const { clientWidth, clientHeight } = this.host;
    const [, down] = this.view.frustum(clientWidth / clientHeight);
    // Nothing is shown above the top or below the bottom.
    const most = Math.PI / 2 - down;
    this.view.pitch = clamp(this.view.pitch, -most, most);
    const { yaw, pitch } = this.view.gaze();
    const half = clientHeight / (2 * down);
    const height = Math.round(half * Math.PI);
    const left = clientWidth / 2 - (yaw / (2 * Math.PI) + 0.5) * 2 * height;
    const top = clientHeight / 2 - (0.5 - clamp(pitch, -most, most) / Math.PI) * height;
    const { style } = this.sheet;
    // Of an over-under stereo picture the upper half is shown.
    style.backgroundSize = `${2 * height}px ${this.stereo ? 2 * height : height}px`;
    style.backgroundPosition = `${Math.round(left)}px ${Math.round(top)}px`;
  }
}
