/** One 360 picture that becomes sharper: its levels, coarse to fine, and the one that is on the graphics card. */

import { load } from "./source.js";

/** Milliseconds until a level that failed to load is requested again. */
const REST = 1500;

/**
 * @typedef {object} Level
 * @property {number} width pixels; 0 if unknown
 * @property {string} url contains `{col}` and `{row}` if the level is cut into tiles
 * @property {number} [height]
 * @property {number} [tile] side of a tile, pixels
 * @property {number} [overlap] pixels of its neighbors around each tile
 */

export class Picture {
  /**
   * @param {Level[]} levels coarse to fine
   * @param {import("./budget.js").Budget} budget
   */
  constructor(levels, budget) {
    this.budget = budget;
    this.whole = levels.filter((level) => !level.tile);
    this.cut = levels.find((level) => level.tile && level.width > 4096) || levels.find((level) => level.tile) || null;
    /** @type {import("./renderer.js").Texture | null} */
    this.texture = null;
    /** Index into `whole` of the level that `texture` holds. */
    this.at = -1;
    /** Width that the texture was allowed to have. */
    this.allowed = 0;
    this.stereo = false;
    /** @type {Promise<boolean> | null} */
    this.loading = null;
    /** When loading may be tried again, in the time of performance.now(). */
    this.rest = 0;
    /** How often the texture was dropped: a level requested before that comes too late. */
    this.taken = 0;
  }

  /** Whether there is a finer level to load, at most `width` pixels wide. @param {number} width */
  wants(width) {
    if (this.loading || performance.now() < this.rest) return false;
    return this.next(width) > this.at || (this.at >= 0 && this.clipped && width > this.allowed);
  }

  /** Whether the texture is smaller than the file it came from. */
  get clipped() {
    return Boolean(this.texture && !this.whole[this.at].width && this.texture.width === this.allowed);
  }

  /** Index of the level to load: the coarsest first, then the finest allowed. @param {number} width */
  next(width) {
    let found = -1;
    this.whole.forEach((level, index) => {
      if (!level.width || level.width <= width || index === 0) found = index;
    });
    return this.at < 0 ? Math.min(found, 0) : found;
  }

  /**
   * Load the next level and put it on the card in place of the one before.
   * @param {import("./renderer.js").Renderer} renderer
   * @param {number} width the widest texture allowed
   * @returns {Promise<boolean>} whether there is a new texture
   */
  async sharpen(renderer, width) {
    const index = this.next(width);
    this.loading = this.replace(renderer, index, width);
    try {
      return await this.loading;
    } catch {
      // A network that comes and goes: try again later.
      this.rest = performance.now() + REST;
      return false;
    } finally {
      this.loading = null;
    }
  }

  /** @param {import("./renderer.js").Renderer} renderer @param {number} index @param {number} width */
  async replace(renderer, index, width) {
    const { taken } = this;
    const picture = await load(this.whole[index].url, { width, powerOfTwo: !renderer.webgl2 });
    try {
      if (taken !== this.taken || renderer.gl.isContextLost()) return false;
      const bytes = (picture.width * picture.height * 16) / 3;
      if (!this.budget.reserve(this, bytes)) return false;
      const old = this.texture;
      this.texture = renderer.upload(picture.picture, picture.width, picture.height);
      this.stereo = picture.height > picture.width * 0.75;
      this.at = index;
      this.allowed = width;
      if (old) renderer.free(old.handle);
      this.budget.hold(this, this.texture.bytes);
      return true;
    } finally {
      picture.close();
    }
  }

  /** Give the texture to the picture that replaces this one: a texture has one owner. @param {Picture} heir */
  bequeath(heir) {
    heir.texture = this.texture;
    heir.stereo = this.stereo;
    this.texture = null;
    this.drop(null);
    if (heir.texture) this.budget.hold(heir, heir.texture.bytes);
  }

  /** Free the texture. @param {import("./renderer.js").Renderer | null} renderer null: the context is lost already */
  drop(renderer) {
    if (this.texture && renderer) renderer.free(this.texture.handle);
    this.taken++;
    this.texture = null;
    this.at = -1;
    this.rest = 0;
    this.budget.hold(this, 0);
  }
}
