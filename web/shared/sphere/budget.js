/** A limit on texture memory: beyond it phones report no error, their screen just goes black. */

export class Budget {
  /** @param {number} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    /** Bytes of each owner, least recently used first. @type {Map<object, number>} */
    this.held = new Map();
    /** Asked to free what an owner holds, unless it is in use. @type {(owner: any) => boolean} */
    this.evict = () => false;
  }

  get used() {
    let sum = 0;
    for (const bytes of this.held.values()) sum += bytes;
    return sum;
  }

  /**
   * Make room for `bytes` of `owner` in place of what it holds; the least recently used others are evicted.
   * @param {object} owner @param {number} bytes @returns {boolean} whether there is room
   */
  reserve(owner, bytes) {
    for (const other of [...this.held.keys()]) {
      if (this.fits(owner, bytes)) break;
      if (other !== owner) this.evict(other);
    }
    return this.fits(owner, bytes);
  }

  /** Whether `owner` may hold `bytes` beside all others. @param {object} owner @param {number} bytes */
  fits(owner, bytes) {
    return this.used - (this.held.get(owner) || 0) + bytes <= this.bytes;
  }

  /** `owner` now holds `bytes`, 0 to forget it. @param {object} owner @param {number} bytes */
  hold(owner, bytes) {
    this.held.delete(owner);
    if (bytes) this.held.set(owner, bytes);
  }
}
