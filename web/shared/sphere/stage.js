/**
 * What is shown: the view, the change from one picture to the next, the mode that is on, and recovery from a lost
 * graphics context. Draws only when something has changed.
 */

import { Renderer } from "./renderer.js";
import { Textures } from "./textures.js";
import { matrix, View } from "./view.js";

/**
 * @typedef {object} Mode a way of showing two pictures (compare, gaze, journey)
 * @property {() => [string, string]} pair names of the pictures needed
 * @property {(scene: import("./renderer.js").Scene, dt: number) => boolean | void} apply changes the scene
 *   before it is drawn (dt: seconds since the last frame); true asks for another frame
 * @property {() => void} [lost] the graphics context is gone, with all its textures
 *
 * @typedef {object} StageOptions
 * @property {number} [budget] bytes of textures
 * @property {boolean} [webgl1]
 * @property {boolean} [still] no movement that nobody asked for
 * @property {number} [sharpness] most device pixels per CSS pixel
 * @property {boolean} [flat] do without the sphere
 */

/** Seconds that one picture takes to fade into the next. */
const FADE = 1.4;
const SLOW_FRAME = 1 / 28;
/** Milliseconds until a lost context is replaced, or requested again. */
const REVIVAL = 2500;

/**
 * A stage, or a flat picture where there is no WebGL.
 * @param {HTMLElement} host @param {StageOptions} [options] @returns {Promise<Stage>}
 */
export async function stageIn(host, options = {}) {
  try {
    if (!options.flat) return new Stage(host, options);
  } catch (error) {
    console.warn(error);
  }
  const { Flat } = await import("./flat.js");
  return /** @type {any} */ (new Flat(host, options));
}

export class Stage {
  /**
   * @param {HTMLElement} host filled by the canvas
   * @param {StageOptions} [options]
   */
  constructor(host, options = {}) {
    this.host = host;
    this.options = options;
    /** Whether the picture is flat, for lack of WebGL. */
    this.flat = false;
    this.view = new View();
    /** Names: what is shown, what it replaces, and what replaces it once loaded. */
    this.shown = "";
    this.before = "";
    this.wanted = "";
    this.blend = 1;
    /** @type {Mode | null} */
    this.mode = null;
    const inUse = () => [this.shown, this.before, this.wanted].concat(this.mode ? this.mode.pair() : []);
    this.textures = new Textures(options.budget || 96 * 2 ** 20, inUse, () => this.sharpened());
    this.pictures = this.textures.pictures;
    // The first picture is visible in the first frame: it does not start from black.
    this.light = 0.5;
    this.dirty = true;
    this.scale = 1;
    this.slow = 0;
    this.last = 0;
    this.frames = 0;
    /** Called before each frame with seconds passed; true asks for another frame. @type {((dt: number) => boolean)[]} */
    this.before_frame = [];
    /** Gives the eyes to draw, two of them for a headset. @type {((width: number, height: number) => import("./renderer.js").Eye[]) | null} */
    this.optics = null;
    /** Where to draw: null for the canvas, or a headset's buffer. @type {WebGLFramebuffer | null} */
    this.target = null;
    /** @type {{direction: number[], strength: number, hue: number[]}[]} */
    this.lights = [];
    /** @type {() => void} */
    this.onsharper = () => undefined;
    /** @type {() => void} */
    this.onfirst = () => undefined;
    /** Resolves with the first frame drawn. @type {Promise<void>} */
    this.first = new Promise((resolve) => (this.onfirst = resolve));
    this.paused = false;
    this.renderer = this.open();
    // Compiles while the first picture is on its way.
    this.renderer.compile([]);
    this.observer = new ResizeObserver(() => (this.dirty = true));
    this.observer.observe(host);
    const loop = (/** @type {number} */ now) => {
      requestAnimationFrame(loop);
      if (!this.paused) this.frame(now / 1000);
    };
    requestAnimationFrame(loop);
  }

  /** A canvas and its renderer. @returns {Renderer} */
  open() {
    const canvas = document.createElement("canvas");
    canvas.setAttribute("aria-hidden", "true");
    // Sized before it has a context: resizing one waits for the graphics card, twice.
    [canvas.width, canvas.height] = this.size();
    const renderer = new Renderer(canvas, { webgl1: this.options.webgl1 });
    this.textures.renderer = renderer;
    this.host.prepend(canvas);
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.textures.lose();
      if (this.mode && this.mode.lost) this.mode.lost();
      // Some phones never restore the context: a new canvas gets a new one.
      this.revival = setTimeout(() => {
        canvas.remove();
        this.revive();
      }, REVIVAL);
    });
    canvas.addEventListener("webglcontextrestored", () => {
      clearTimeout(this.revival);
      renderer.prepare();
      this.dirty = true;
    });
    this.dirty = true;
    return renderer;
  }

  /** Replace the lost context as soon as the browser gives another. */
  revive() {
    try {
      this.renderer = this.open();
    } catch {
      this.revival = setTimeout(() => this.revive(), REVIVAL);
    }
  }

  /** Give a picture a name; the same levels again change nothing. @param {string} name @param {import("./picture.js").Level[]} levels coarse to fine */
  set(name, levels) {
    if (this.textures.set(name, levels)) this.dirty = true;
  }

  /** Forget a picture unless it is in use. @param {string} name */
  forget(name) {
    this.textures.forget(name);
  }

  /** Change to a picture as soon as it is loaded. @param {string} name */
  show(name) {
    this.wanted = name;
    this.dirty = true;
    const picture = this.pictures.get(name);
    if (picture && !this.frames) this.textures.improve(picture);
  }

  /** @param {Mode | null} mode */
  use(mode) {
    this.mode = mode;
    this.textures.tiling = !mode;
    this.dirty = true;
  }

  /** A texture has come or become sharper. */
  sharpened() {
    this.dirty = true;
    this.onsharper();
    // The first picture does not wait for the next animation frame.
    if (!this.frames && !this.paused) this.frame(performance.now() / 1000);
  }

  /** @param {number} width @param {number} height @returns {import("./renderer.js").Eye[]} */
  eyes(width, height) {
    if (this.optics) return this.optics(width, height);
    const rays = [...this.view.frustum(width / height), 0, 0];
    return [{ viewport: [0, 0, width, height], turn: matrix(this.view.orientation()), rays, side: 0 }];
  }

  /** @param {number} now seconds */
  frame(now) {
    const { textures } = this;
    const gap = now - this.last;
    // After a pause (a hidden page) everything goes on from where it was.
    const dt = Math.min(0.3, gap);
    this.last = now;
    for (const step of this.before_frame) if (step(dt)) this.dirty = true;
    for (const picture of textures.active()) textures.improve(picture);
    this.change(dt);
    if (textures.tiles && textures.tiles.fade(dt)) this.dirty = true;
    if (!this.dirty || this.renderer.gl.isContextLost()) return;
    this.dirty = false;
    const scene = this.scene(dt);
    if (!scene) return;
    const [width, height] = this.size();
    // A WebXR session has the size of its own buffer.
    if (!this.paused) this.renderer.resize(width, height);
    const eyes = this.eyes(width, height);
    this.renderer.draw(scene, eyes, this.target);
    if (!this.frames++) this.onfirst();
    if (this.blend >= 1) textures.detail(this.shown, eyes[0], this.view);
    this.pace(gap);
  }

  /** Width and height to draw at, device pixels. */
  size() {
    const ratio = Math.min(window.devicePixelRatio || 1, this.options.sharpness || 2) * this.scale;
    const { clientWidth, clientHeight } = this.host;
    return [clientWidth, clientHeight].map((side) => Math.max(1, Math.round(side * ratio)));
  }

  /** The scene as it is now, null while there is nothing to show. @param {number} dt seconds */
  scene(dt) {
    const { textures } = this;
    const [a, b] = (this.mode ? this.mode.pair() : [this.before, this.shown]).map((name) => textures.textured(name));
    const shown = textures.textured(this.shown);
    const first = a || shown;
    const second = b || shown;
    if (!first || !second || !first.texture || !second.texture) return null;
    if (this.light < 1) {
      this.light = this.options.still ? 1 : Math.min(1, this.light + dt / 1.6);
      this.dirty = true;
    }
    /** @type {import("./renderer.js").Scene} */
    const scene = {
      a: first.texture,
      b: second.texture,
      blend: this.mode ? 1 : this.blend,
      bloom: this.blend < 1,
      stereo: [first.stereo, second.stereo],
      light: this.light * this.light * (3 - 2 * this.light),
      lights: this.lights,
    };
    if (this.mode && a && b && this.mode.apply(scene, dt)) this.dirty = true;
    const tiled = this.pictures.get(textures.tiled);
    if (textures.tiles && tiled && (tiled === first || tiled === second)) {
      scene.tiles = textures.tiles.handles;
      scene.tiled = tiled === second ? 1 : 0;
    }
    return scene;
  }

  /** Advance from the picture that is shown to the one that is wanted. @param {number} dt seconds */
  change(dt) {
    if (this.blend < 1) {
      this.blend = this.options.still ? 1 : Math.min(1, this.blend + dt / FADE);
      this.dirty = true;
      if (this.blend === 1) this.before = "";
      return;
    }
    if (this.wanted && this.wanted !== this.shown && this.textures.textured(this.wanted)) {
      this.before = this.textures.textured(this.shown) ? this.shown : "";
      this.shown = this.wanted;
      this.blend = this.before ? 0 : 1;
      this.dirty = true;
    }
  }

  /** Draw fewer pixels for good when frames take too long. @param {number} gap seconds since the last frame */
  pace(gap) {
    if (gap > 0.25) return;
    this.slow = gap > SLOW_FRAME ? this.slow + 1 : Math.max(0, this.slow - 2);
    if (this.slow > 40 && this.scale > 0.5) {
      this.scale *= 0.8;
      this.slow = 0;
      this.dirty = true;
    }
  }
}
