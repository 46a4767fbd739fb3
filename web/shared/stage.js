/**
 * What is shown and how sharp: the pictures, the change from one to the next, levels and tiles within the budget,
 * recovery when the graphics card is taken away. Draws only when something changed.
 */

import { Budget } from "./budget.js";
import { Picture } from "./picture.js";
import { Renderer } from "./renderer.js";
import { matrix, View } from "./view.js";

/**
 * @typedef {object} Mode a way of showing two pictures (compare, gaze, journey)
 * @property {() => [string, string]} pair names of the pictures needed
 * @property {(scene: import("./renderer.js").Scene, dt: number) => boolean | void} apply changes the scene
 *   before it is drawn (dt: seconds since the last); true asks for another frame
 * @property {() => void} [lost] the context went away with everything on it
 *
 * @typedef {object} StageOptions
 * @property {number} [budget] bytes of textures
 * @property {boolean} [webgl1]
 * @property {boolean} [still] no movement that nobody asked for
 * @property {number} [sharpness] most device pixels per CSS pixel
 * @property {boolean} [flat] do without the sphere
 */

const FADE = 1.4;
const WIDEST = 4096;
const SLOW_FRAME = 1 / 28;

/** Until a lost context is replaced, or asked for once more; milliseconds. */
const REVIVAL = 2500;

/**
 * A stage, or the picture flat where there is no WebGL.
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
    /** Whether the picture lies flat, for want of WebGL. */
    this.flat = false;
    this.view = new View();
    this.budget = new Budget(options.budget || 96 * 2 ** 20);
    this.budget.evict = (owner) => this.evict(owner);
    /** @type {Map<string, Picture>} */
    this.pictures = new Map();
    /** Names: what is shown, and what it takes over from. */
    this.shown = "";
    this.before = "";
    this.wanted = "";
    this.blend = 1;
    /** @type {Mode | null} */
    this.mode = null;
    /** @type {import("./tiles.js").Tiles | null} */
    this.tiles = null;
    this.tiled = "";
    this.opening = false;
    /** Each lost context lowers what is asked of the card next. */
    this.step = 0;
    // Not from black: the first picture is seen with the first frame.
    this.light = 0.5;
    this.dirty = true;
    this.scale = 1;
    this.slow = 0;
    this.last = 0;
    this.frames = 0;
    /** Called before each frame with seconds passed; true asks for another frame. @type {((dt: number) => boolean)[]} */
    this.before_frame = [];
    /** Gives the eyes to draw; two of them for a headset. @type {((width: number, height: number) => import("./renderer.js").Eye[]) | null} */
    this.optics = null;
    /** Where to draw, the canvas or a headset's buffer. @type {WebGLFramebuffer | null} */
    this.target = null;
    /** @type {{direction: number[], strength: number, hue: number[]}[]} */
    this.lights = [];
    /** @type {() => void} */
    this.onsharper = () => undefined;
    /** @type {() => void} */
    this.onfirst = () => undefined;
    /** Kept once there is something to see. @type {Promise<void>} */
    this.first = new Promise((resolve) => (this.onfirst = resolve));
    this.paused = false;
    this.renderer = this.open();
    // Made while the first picture is on its way.
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
    // Before there is a context: to change the size of one is to wait for the graphics card, twice.
    [canvas.width, canvas.height] = this.size();
    const renderer = new Renderer(canvas, { webgl1: this.options.webgl1 });
    this.host.prepend(canvas);
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.lose();
      // Some phones never give the context back: then a fresh canvas gets a new one.
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

  /** A context in place of the one that is lost, as soon as the browser has one to give. */
  revive() {
    try {
      this.renderer = this.open();
    } catch {
      this.revival = setTimeout(() => this.revive(), REVIVAL);
    }
  }

  lose() {
    this.step++;
    for (const picture of this.pictures.values()) picture.drop(null);
    this.closeTiles();
    if (this.mode && this.mode.lost) this.mode.lost();
  }

  /** Make a picture known under a name; the same levels again change nothing. @param {string} name @param {import("./picture.js").Level[]} levels */
  set(name, levels) {
    const old = this.pictures.get(name);
    const picture = new Picture(levels, this.budget);
    if (old && JSON.stringify([old.whole, old.cut]) === JSON.stringify([picture.whole, picture.cut])) return;
    if (old) {
      // What is on the card stays in sight until the new levels arrive.
      old.bequeath(picture);
      if (this.tiled === name) this.closeTiles();
    }
    this.pictures.set(name, picture);
    this.dirty = true;
  }

  /** Forget a picture that is not in use. @param {string} name */
  forget(name) {
    const picture = this.pictures.get(name);
    if (!picture || this.inUse(picture)) return;
    picture.drop(this.renderer);
    this.pictures.delete(name);
  }

  /** Change over to a picture as soon as it is there. @param {string} name */
  show(name) {
    this.wanted = name;
    this.dirty = true;
    const picture = this.pictures.get(name);
    if (picture && !this.frames) this.improve(picture);
  }

  /** @param {Mode | null} mode */
  use(mode) {
    this.mode = mode;
    this.dirty = true;
  }

  /** @returns {Picture[]} */
  active() {
    const names = [this.shown, this.before, this.wanted].concat(this.mode ? this.mode.pair() : []);
    return /** @type {Picture[]} */ (names.map((name) => this.pictures.get(name)).filter(Boolean));
  }

  /** @param {Picture} picture */
  inUse(picture) {
    return this.active().indexOf(picture) >= 0;
  }

  /** @param {any} owner */
  evict(owner) {
    if (owner === this.tiles) {
      if (!this.mode) return false;
      this.closeTiles();
      return true;
    }
    if (owner instanceof Picture && !this.inUse(owner)) {
      owner.drop(this.renderer);
      return true;
    }
    return false;
  }

  closeTiles() {
    if (!this.tiles) return;
    this.budget.hold(this.tiles, 0);
    this.tiles.close();
    this.tiles = null;
  }

  /** Widest texture that the card may be asked for now. */
  get widest() {
    return Math.min(WIDEST >> Math.min(this.step, 2), this.renderer.maxTexture);
  }

  /** @param {Picture} picture */
  improve(picture) {
    if (!picture.wants(this.widest)) return;
    picture.sharpen(this.renderer, this.widest).then((changed) => {
      if (!changed) return;
      this.dirty = true;
      this.onsharper();
      // The first picture does not wait for its turn.
      if (!this.frames && !this.paused) this.frame(performance.now() / 1000);
    });
  }

  /** Fetch the tiles in sight when the view is finer than the picture. @param {import("./renderer.js").Eye} eye */
  detail(eye) {
    const picture = this.pictures.get(this.shown);
    const level = picture && picture.cut;
    if (!picture || !level || !picture.texture || this.step || this.blend < 1) return;
    if (picture.wants(this.widest) || picture.loading) return;
    const pixel = (2 * eye.rays[1]) / eye.viewport[3];
    if (pixel > (2 * Math.PI) / picture.texture.width) return;
    if (this.tiles && this.tiled !== this.shown) this.closeTiles();
    if (!this.tiles && !this.mode) this.openTiles(level);
    if (this.tiles) this.tiles.look(this.view.orientation(), this.view.frustum(eye.viewport[2] / eye.viewport[3]));
  }

  /** Make room for as many tiles as the budget allows. @param {import("./picture.js").Level} level */
  async openTiles(level) {
    if (this.opening) return;
    this.opening = true;
    const name = this.shown;
    const { fitting } = await import("./tiles.js").finally(() => (this.opening = false));
    if (this.tiles || this.mode || this.step || name !== this.shown) return;
    const tiles = fitting(this.renderer, level, (bytes) => this.budget.reserve(this, bytes));
    if (!tiles) return;
    this.tiles = tiles;
    this.budget.hold(tiles, tiles.bytes);
    this.tiled = name;
    this.dirty = true;
  }

  /** @param {number} width @param {number} height @returns {import("./renderer.js").Eye[]} */
  eyes(width, height) {
    if (this.optics) return this.optics(width, height);
    const rays = [...this.view.frustum(width / height), 0, 0];
    return [{ viewport: [0, 0, width, height], turn: matrix(this.view.orientation()), rays, side: 0 }];
  }

  /** @param {number} now seconds */
  frame(now) {
    const gap = now - this.last;
    // A page that slept goes on where it was.
    const dt = Math.min(0.3, gap);
    this.last = now;
    for (const step of this.before_frame) if (step(dt)) this.dirty = true;
    for (const picture of this.active()) this.improve(picture);
    this.change(dt);
    if (this.tiles && this.tiles.fade(dt)) this.dirty = true;
    if (!this.dirty || this.renderer.gl.isContextLost()) return;
    this.dirty = false;
    const scene = this.scene(dt);
    if (!scene) return;
    const [width, height] = this.size();
    // A headset's session has the size of its own buffer.
    if (!this.paused) this.renderer.resize(width, height);
    const eyes = this.eyes(width, height);
    this.renderer.draw(scene, eyes, this.target);
    if (!this.frames++) this.onfirst();
    this.detail(eyes[0]);
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
    const [a, b] = (this.mode ? this.mode.pair() : [this.before, this.shown]).map((name) => this.textured(name));
    const shown = this.textured(this.shown);
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
    const tiled = this.pictures.get(this.tiled);
    if (this.tiles && tiled && (tiled === first || tiled === second)) {
      scene.tiles = this.tiles.handles;
      scene.tiled = tiled === second ? 1 : 0;
    }
    return scene;
  }

  /** @param {string} name */
  textured(name) {
    const picture = this.pictures.get(name);
    return picture && picture.texture ? picture : null;
  }

  /** The step from the picture that is shown to the one that is wanted. @param {number} dt seconds */
  change(dt) {
    if (this.blend < 1) {
      this.blend = this.options.still ? 1 : Math.min(1, this.blend + dt / FADE);
      this.dirty = true;
      if (this.blend === 1) this.before = "";
      return;
    }
    if (this.wanted && this.wanted !== this.shown && this.textured(this.wanted)) {
      this.before = this.textured(this.shown) ? this.shown : "";
      this.shown = this.wanted;
      this.blend = this.before ? 0 : 1;
      this.dirty = true;
    }
  }

  /** Give up some sharpness when frames come too slowly, for as long as the page lives. @param {number} gap seconds */
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
