/**
 * Where there is no WebGL: the picture as it is, flat, to be pushed around; it goes on at its left and right edges. It
 * stands in for the stage, as far as pages, hands and the phone's sensors use one.
 */

import { clamp, View } from "./view.js";

const WIDEST = 4096;
/** Until a picture that could not be had is asked for again, milliseconds. */
const REST = 3000;

/** Say why it is so. @param {HTMLElement} after the element that the sentence comes after @param {string} words */
export function explain(after, words) {
  const line = document.createElement("p");
  line.id = "no-sphere";
  line.textContent = words;
  after.after(line);
}

/** A view of a map: as many pixels to a degree everywhere. */
class Chart extends View {
  /** Halves of the angles across and down, for a picture of this shape. @param {number} aspect width / height */
  frustum(aspect) {
    const long = this.fov / 2;
    return aspect > 1 ? [long, long / aspect] : [long * aspect, long];
  }

  get stretch() {
    return 1;
  }
}

export class Flat {
  /** @param {HTMLElement} host filled by the picture @param {import("./stage.js").StageOptions} [options] */
  constructor(host, options = {}) {
    this.host = host;
    this.options = options;
    this.flat = true;
    this.view = new Chart();
    /** The address behind each name. @type {Map<string, string>} */
    this.pictures = new Map();
    this.shown = "";
    /** The address that is on its way. */
    this.coming = "";
    this.stereo = false;
    this.dirty = true;
    this.paused = false;
    this.last = 0;
    /** @type {((dt: number) => boolean)[]} */
    this.before_frame = [];
    /** Never used: there is no headset without WebGL. */
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
    style.href = "/static/shared/flat.css";
    document.head.append(style);
    new ResizeObserver(() => (this.dirty = true)).observe(host);
    const loop = (/** @type {number} */ now) => {
      requestAnimationFrame(loop);
      this.frame(now / 1000);
    };
    requestAnimationFrame(loop);
  }

  /** Make a picture known under a name. @param {string} name @param {import("./picture.js").Level[]} levels coarse to fine */
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

  /** Show nothing: what was shown is gone for good. */
  clear() {
    this.shown = this.coming = "";
    this.pictures.clear();
    this.sheet.style.backgroundImage = "none";
  }

  /** Change over to a picture as soon as it is there. @param {string} name */
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
    // Above the top and below the bottom there is nothing.
    const most = Math.PI / 2 - down;
    this.view.pitch = clamp(this.view.pitch, -most, most);
    const { yaw, pitch } = this.view.gaze();
    const half = clientHeight / (2 * down);
    const height = Math.round(half * Math.PI);
    const left = clientWidth / 2 - (yaw / (2 * Math.PI) + 0.5) * 2 * height;
    const top = clientHeight / 2 - (0.5 - clamp(pitch, -most, most) / Math.PI) * height;
    const { style } = this.sheet;
    // Of a picture for two eyes, one over the other, the upper is shown.
    style.backgroundSize = `${2 * height}px ${this.stereo ? 2 * height : height}px`;
    style.backgroundPosition = `${Math.round(left)}px ${Math.round(top)}px`;
  }
}
