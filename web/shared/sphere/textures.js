/**
 * What is on the graphics card: the pictures by name, each as sharp as the card and the budget allow, and the tiles of
 * the one in view.
 */

import { Budget } from "./budget.js";
import { Picture } from "./picture.js";

const WIDEST = 4096;

export class Textures {
  /**
   * @param {number} bytes that the textures may occupy
   * @param {() => string[]} inUse names of the pictures that are needed now and must stay; the one shown comes first
   * @param {() => void} onchange called when a picture has become sharper
   */
  constructor(bytes, inUse, onchange) {
    this.inUse = inUse;
    this.onchange = onchange;
    this.budget = new Budget(bytes);
    this.budget.evict = (owner) => this.evict(owner);
    /** Set anew whenever a lost context is replaced. @type {import("./renderer.js").Renderer} */
    this.renderer = /** @type {any} */ (null);
    /** @type {Map<string, Picture>} */
    this.pictures = new Map();
    /** @type {import("./tiles.js").Tiles | null} */
    this.tiles = null;
    /** Name of the picture that `tiles` belong to. */
    this.tiled = "";
    /** Whether new tiles may be opened; while they may, the ones there are stay. */
    this.tiling = true;
    this.opening = false;
    /** How many contexts were lost: after each, less is asked of the card. */
    this.losses = 0;
  }

  /** Width in pixels of the widest texture to ask the card for. */
  get widest() {
    return Math.min(WIDEST >> Math.min(this.losses, 2), this.renderer.maxTexture);
  }

  /** The context is gone, and every texture with it. */
  lose() {
    this.losses++;
    for (const picture of this.pictures.values()) picture.drop(null);
    this.closeTiles();
  }

  /**
   * Give a picture a name; the same levels again change nothing.
   * @param {string} name
   * @param {import("./picture.js").Level[]} levels coarse to fine
   * @returns {boolean} whether this is a change
   */
  set(name, levels) {
    const old = this.pictures.get(name);
    const picture = new Picture(levels, this.budget);
    if (old && JSON.stringify([old.whole, old.cut]) === JSON.stringify([picture.whole, picture.cut])) return false;
    if (old) {
      // The old texture stays in view until the new levels arrive.
      old.bequeath(picture);
      if (this.tiled === name) this.closeTiles();
    }
    this.pictures.set(name, picture);
    return true;
  }

  /** Forget a picture unless it is in use. @param {string} name */
  forget(name) {
    const picture = this.pictures.get(name);
    if (!picture || this.active().indexOf(picture) >= 0) return;
    picture.drop(this.renderer);
    this.pictures.delete(name);
  }

  /** The picture called `name` if it has a texture. @param {string} name */
  textured(name) {
    const picture = this.pictures.get(name);
    return picture && picture.texture ? picture : null;
  }

  /** Pictures in use. @returns {Picture[]} */
  active() {
    return /** @type {Picture[]} */ (
      this.inUse()
        .map((name) => this.pictures.get(name))
        .filter(Boolean)
    );
  }

  /** Free the textures of an owner that is not in use. @param {any} owner @returns {boolean} whether they were freed */
  evict(owner) {
    if (owner === this.tiles) {
      if (this.tiling) return false;
      this.closeTiles();
      return true;
    }
    if (owner instanceof Picture && this.active().indexOf(owner) < 0) {
      owner.drop(this.renderer);
      return true;
    }
    return false;
  }

  /** Load the next sharper level of a picture if there is one for it. @param {Picture} picture */
  improve(picture) {
    // The event that a context is lost comes after the loss: what is requested in between would be too large again.
    if (!picture.wants(this.widest) || this.renderer.gl.isContextLost()) return;
    picture.sharpen(this.renderer, this.widest).then((changed) => {
      if (changed) this.onchange();
    });
  }

  /**
   * Fetch the tiles in view where the screen is finer than the picture's texture.
   * @param {string} name the picture that is shown
   * @param {import("./renderer.js").Eye} eye
   * @param {import("./view.js").View} view
   */
  detail(name, eye, view) {
    const picture = this.textured(name);
    const level = picture && picture.cut;
    if (!picture || !picture.texture || !level || this.losses) return;
    if (picture.wants(this.widest) || picture.loading) return;
    const pixel = (2 * eye.rays[1]) / eye.viewport[3];
    if (pixel > (2 * Math.PI) / picture.texture.width) return;
    if (this.tiles && this.tiled !== name) this.closeTiles();
    if (!this.tiles && this.tiling) this.openTiles(name, level);
    if (this.tiles) this.tiles.look(view.orientation(), view.frustum(eye.viewport[2] / eye.viewport[3]));
  }

  /** Make room for as many tiles as the budget allows. @param {string} name @param {import("./picture.js").Level} level */
  async openTiles(name, level) {
    if (this.opening) return;
    this.opening = true;
    const { fitting } = await import("./tiles.js").finally(() => (this.opening = false));
    if (this.tiles || !this.tiling || this.losses || name !== this.inUse()[0]) return;
    const tiles = fitting(this.renderer, level, (bytes) => this.budget.reserve(this, bytes));
    if (!tiles) return;
    this.tiles = tiles;
    this.budget.hold(tiles, tiles.bytes);
    this.tiled = name;
    this.onchange();
  }

  closeTiles() {
    if (!this.tiles) return;
    this.budget.hold(this.tiles, 0);
    this.tiles.close();
    this.tiles = null;
  }
}
