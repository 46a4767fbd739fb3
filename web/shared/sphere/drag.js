/**
 * Turning the view by hand: drag with inertia, pinch, wheel, keyboard.
 *
 * The picture stays under the finger that drags it: the angle per pixel follows from the view.
 */

const FRICTION = 3.2;
const KEY_SPEED = 1.2;
/** Milliseconds after which a press is a long press, which faces forward again. */
const HOLD = 600;
/** @type {Record<string, [number, number]>} */
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Drag {
  /**
   * @param {HTMLElement} host
   * @param {import("./stage.js").Stage} stage
   * @param {{still?: boolean, grab?: (x: number, y: number) => ((x: number, y: number) => void) | null}} [options]
   *   `still`: no inertia; `grab`: what to move instead of the view if something else is under the finger, or null
   */
  constructor(host, stage, options = {}) {
    this.host = host;
    this.stage = stage;
    this.options = options;
    /** @type {Map<number, {x: number, y: number}>} */
    this.fingers = new Map();
    /** @type {Set<string>} */
    this.keys = new Set();
    this.speed = { yaw: 0, pitch: 0 };
    this.moved = 0;
    /** When the view was last turned by hand, in seconds of performance.now(). */
    this.touched = -1e9;
    /** @type {((x: number, y: number) => void) | null} */
    this.held = null;
    this.ontap = () => {};
    host.style.touchAction = "none";
    host.addEventListener("pointerdown", (event) => this.down(event));
    host.addEventListener("pointermove", (event) => this.move(event));
    host.addEventListener("pointerup", (event) => this.up(event, true));
    host.addEventListener("pointercancel", (event) => this.up(event, false));
    host.addEventListener("contextmenu", (event) => event.preventDefault());
    host.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    host.addEventListener("keydown", (event) => this.key(event, true));
    host.addEventListener("keyup", (event) => this.key(event, false));
    host.addEventListener("blur", () => this.keys.clear());
    stage.before_frame.push((dt) => this.coast(dt));
  }

  /** Radians per CSS pixel in the middle of the view. */
  get angle() {
    const { clientWidth, clientHeight } = this.host;
    return (2 * this.stage.view.frustum(clientWidth / clientHeight)[1]) / clientHeight;
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (event.button > 0) return;
    this.touched = performance.now() / 1000;
    this.host.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.speed = { yaw: 0, pitch: 0 };
    this.moved = this.fingers.size > 1 ? 1e9 : 0;
    this.began = this.stamp = event.timeStamp;
    this.held = this.options.grab ? this.options.grab(event.clientX, event.clientY) : null;
  }

  /** @param {PointerEvent} event */
  move(event) {
    const finger = this.fingers.get(event.pointerId);
    if (!finger) return;
    this.touched = performance.now() / 1000;
    const dx = event.clientX - finger.x;
    const dy = event.clientY - finger.y;
    const apart = this.apart();
    finger.x = event.clientX;
    finger.y = event.clientY;
    this.moved += Math.hypot(dx, dy);
    if (this.held) {
      this.held(event.clientX, event.clientY);
      return;
    }
    if (this.fingers.size === 2) this.stage.view.zoom(apart / Math.max(1, this.apart()));
    const share = 1 / this.fingers.size;
    // Toward the poles a degree of yaw is shorter: turn by more of them.
    const yaw = -dx * this.angle * this.stage.view.stretch * share;
    const pitch = dy * this.angle * share;
    this.stage.view.turn(yaw, pitch);
    const dt = Math.max(1, event.timeStamp - (this.stamp || 0)) / 1000;
    this.stamp = event.timeStamp;
    const k = Math.min(1, dt * 25);
    this.speed.yaw += (yaw / dt - this.speed.yaw) * k;
    this.speed.pitch += (pitch / dt - this.speed.pitch) * k;
    this.stage.dirty = true;
  }

  /** @param {PointerEvent} event @param {boolean} meant false if the browser took the pointer away */
  up(event, meant) {
    if (!this.fingers.delete(event.pointerId)) return;
    this.held = null;
    const resting = event.timeStamp - (this.stamp || 0) > 80;
    if (resting || this.options.still || this.fingers.size) this.speed = { yaw: 0, pitch: 0 };
    if (!meant || this.moved >= 8 || this.fingers.size) return;
    if (event.timeStamp - (this.began || 0) < HOLD) this.ontap();
    else this.stage.view.recenter();
    this.stage.dirty = true;
  }

  /** Distance between two fingers, CSS pixels. */
  apart() {
    const [a, b] = [...this.fingers.values()];
    return b ? Math.hypot(a.x - b.x, a.y - b.y) : 1;
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    this.touched = performance.now() / 1000;
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.stage.view.zoom(Math.exp(event.deltaY * lines * 0.0012));
    this.stage.dirty = true;
  }

  /** @param {KeyboardEvent} event @param {boolean} pressed */
  key(event, pressed) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (KEYS[event.key]) {
      // A key that is released before the next frame counts too.
      if (pressed && !event.repeat) this.look(event.key, 1 / 60);
      if (pressed) this.keys.add(event.key);
      else this.keys.delete(event.key);
    } else if (pressed && (event.key === "+" || event.key === "=")) this.stage.view.zoom(0.9);
    else if (pressed && event.key === "-") this.stage.view.zoom(1 / 0.9);
    else if (pressed && event.key === "Home") this.stage.view.recenter();
    else return;
    event.preventDefault();
    this.touched = performance.now() / 1000;
    this.stage.dirty = true;
  }

  /** Turn as an arrow key does. @param {string} key @param {number} dt seconds it was held */
  look(key, dt) {
    const way = KEY_SPEED * dt * Math.min(1, this.stage.view.fov);
    this.stage.view.turn(KEYS[key][0] * way, KEYS[key][1] * way);
  }

  /** @param {number} dt seconds @returns {boolean} whether the view moved */
  coast(dt) {
    let moved = false;
    for (const key of this.keys) {
      this.look(key, dt);
      moved = true;
    }
    if (this.fingers.size) return moved;
    const { yaw, pitch } = this.speed;
    if (Math.hypot(yaw, pitch) < 0.01) return moved;
    this.stage.view.turn(yaw * dt, pitch * dt);
    const rest = Math.exp(-FRICTION * dt);
    this.speed = { yaw: yaw * rest, pitch: pitch * rest };
    return true;
  }
}
