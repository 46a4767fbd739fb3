/** How much texture memory the page may hold: phones say nothing and simply go black when it is too much. */

export class Budget {
  /** @param {number} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    /** Oldest use first. @type {Map<object, number>} */
    this.held = new Map();
    /** Asked to drop an owner that is not in use. @type {(owner: any) => boolean} */
    this.evict = () => false;
  }

  get used() {
    let sum = 0;
    for (const bytes of this.held.values()) sum += bytes;
    return sum;
  }

  /**
   * Make room for `bytes` of `owner` in place of what it holds, dropping what was used longest ago.
   * @param {object} owner @param {number} bytes
   */
  reserve(owner, bytes) {
    for (const other of [...this.held.keys()]) {
      if (this.fits(owner, bytes)) break;
      if (other !== owner) this.evict(other);
    }
    return this.fits(owner, bytes);
  }

  /** @param {object} owner @param {number} bytes */
  fits(owner, bytes) {
    return this.used - (this.held.get(owner) || 0) + bytes <= this.bytes;
  }

  /** `owner` now holds `bytes`, 0 to forget it. @param {object} owner @param {number} bytes */
  hold(owner, bytes) {
    this.held.delete(owner);
    if (bytes) this.held.set(owner, bytes);
  }
}
