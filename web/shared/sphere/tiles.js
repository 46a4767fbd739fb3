/**
 * The finest level, tile by tile where one looks: an atlas of square slots, and a small table of which slot holds
 * which tile. Tiles fade in; the least recently used give up their slots.
 */

import { load } from "./source.js";
import { anglesOf, clamp, matrix, ray } from "./view.js";

const FADE = 0.35;
const AT_ONCE = 4;

/** @typedef {{col: number, row: number, slot: number, seen: number, shown: number, ready: boolean}} Tile */

export class Tiles {
  /**
   * @param {import("./renderer.js").Renderer} renderer
   * @param {import("./picture.js").Level} level
   * @param {number} slots slots along one side of the atlas
   */
  constructor(renderer, level, slots) {
    this.renderer = renderer;
    this.level = level;
    this.slots = slots;
    /** Bytes of the atlas. */
    this.bytes = bytesOf(level, slots);
    const size = level.tile || 512;
    this.overlap = level.overlap || 0;
    this.side = size + 2 * this.overlap;
    this.cols = Math.ceil(level.width / size);
    this.rows = Math.ceil(level.width / 2 / size);
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    this.free = Array.from({ length: slots * slots }, (_, i) => i);
    this.loading = 0;
    this.clock = 0;
    this.closed = false;
    const gl = renderer.gl;
    const edge = slots * this.side;
    const atlas = renderer.blank();
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, edge, edge, 0, gl.RGBA, gl.UNSIGNED_BYTE, null);
    const pages = renderer.blank();
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    this.table = new Uint8Array(this.cols * this.rows * 4);
    this.handles = { atlas, pages, grid: [this.cols, this.rows, level.width / 2], tile: [size, this.overlap, edge] };
    this.publish();
  }

  /**
   * Fetch the tiles in view that are missing, those in the middle first.
   * @param {import("./view.js").Quaternion} orientation
   * @param {number[]} frustum tangents of half the view's width and height
   */
  look(orientation, frustum) {
    this.clock++;
    const wanted = this.inView(orientation, frustum);
    for (const key of wanted) {
      const known = this.tiles.get(key);
      if (known) known.seen = this.clock;
    }
    for (const key of wanted) {
      if (this.loading >= AT_ONCE) break;
      if (!this.tiles.has(key)) this.fetch(key);
    }
  }

  /**
   * Keys of the tiles hit by a coarse grid of rays over the view, those in the middle first.
   * @param {import("./view.js").Quaternion} orientation
   * @param {number[]} frustum
   */
  inView(orientation, frustum) {
    const m = matrix(orientation);
    /** @type {Map<string, number>} */
    const found = new Map();
    const n = 12;
    for (let i = -n; i <= n; i++) {
      for (let j = -n; j <= n; j++) {
        const { yaw, pitch } = anglesOf(ray(m, (i / n) * frustum[0], (j / n) * frustum[1]));
        const col = clamp(Math.floor((yaw / (2 * Math.PI) + 0.5) * this.cols), 0, this.cols - 1);
        const row = clamp(Math.floor((0.5 - pitch / Math.PI) * this.rows), 0, this.rows - 1);
        const key = `${col}_${row}`;
        const off = (i * i + j * j) / (2 * n * n);
        if (off < (found.has(key) ? Number(found.get(key)) : Infinity)) found.set(key, off);
      }
    }
    const keys = [...found.keys()].sort((a, b) => Number(found.get(a)) - Number(found.get(b)));
    return keys.slice(0, this.slots * this.slots);
  }

  /** @param {string} key */
  async fetch(key) {
    const slot = this.take();
    if (slot === undefined) return;
    const [col, row] = key.split("_").map(Number);
    const tile = { col, row, slot, seen: this.clock, shown: 0, ready: false };
    this.tiles.set(key, tile);
    this.loading++;
    try {
      const url = this.level.url.replace("{col}", String(col)).replace("{row}", String(row));
      const picture = await load(url, { width: 0, exact: true });
      if (!this.closed && !this.renderer.gl.isContextLost()) this.place(tile, picture);
      picture.close();
    } catch {
      // The level below stays visible; the tile is not requested again.
      this.free.push(tile.slot);
      tile.slot = -1;
    } finally {
      this.loading--;
    }
  }

  /** A free slot, or that of the tile not seen for the longest time. */
  take() {
    if (this.free.length) return this.free.pop();
    let key = "";
    let oldest = this.clock;
    for (const [k, tile] of this.tiles) {
      if (tile.ready && tile.seen < oldest) {
        oldest = tile.seen;
        key = k;
      }
    }
    const tile = this.tiles.get(key);
    if (!tile) return undefined;
    this.tiles.delete(key);
    this.table[(tile.row * this.cols + tile.col) * 4 + 3] = 0;
    return tile.slot;
  }

  /** @param {Tile} tile @param {import("./source.js").Decoded} picture */
  place(tile, picture) {
    const gl = this.renderer.gl;
    const x = tile.slot % this.slots;
    const y = Math.floor(tile.slot / this.slots);
    this.renderer.bind(7, this.handles.atlas);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, x * this.side, y * this.side, gl.RGBA, gl.UNSIGNED_BYTE, picture.picture);
    tile.ready = true;
    this.table.set([x, y, 0, 0], (tile.row * this.cols + tile.col) * 4);
  }

  /** Fade new tiles in. @param {number} seconds since the last call @returns {boolean} whether anything changed */
  fade(seconds) {
    let changed = false;
    for (const tile of this.tiles.values()) {
      if (tile.ready && tile.shown < 1) {
        tile.shown = Math.min(1, tile.shown + seconds / FADE);
        this.table[(tile.row * this.cols + tile.col) * 4 + 3] = Math.round(255 * tile.shown);
        changed = true;
      }
    }
    if (changed) this.publish();
    return changed;
  }

  /** Upload the table. */
  publish() {
    const gl = this.renderer.gl;
    this.renderer.bind(7, this.handles.pages);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, this.cols, this.rows, 0, gl.RGBA, gl.UNSIGNED_BYTE, this.table);
  }

  close() {
    this.closed = true;
    this.renderer.free(this.handles.atlas);
    this.renderer.free(this.handles.pages);
  }
}

/** Bytes of an atlas of `slots` x `slots` tiles. @param {import("./picture.js").Level} level @param {number} slots */
function bytesOf(level, slots) {
  return (((level.tile || 512) + 2 * (level.overlap || 0)) * slots) ** 2 * 4;
}

/**
 * The largest atlas that the card and the budget allow, or null.
 * @param {import("./renderer.js").Renderer} renderer
 * @param {import("./picture.js").Level} level
 * @param {(bytes: number) => boolean} reserve makes room; false if it cannot
 */
export function fitting(renderer, level, reserve) {
  for (let slots = 6; slots >= 3; slots--) {
    const bytes = bytesOf(level, slots);
    if (Math.sqrt(bytes / 4) <= renderer.maxTexture && reserve(bytes)) return new Tiles(renderer, level, slots);
  }
  return null;
}
