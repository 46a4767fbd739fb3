/** Compare: a wipe between two pictures. On the screen a finger moves it; in a headset it stands still in the world. */

import { t } from "../../shared/i18n.js";
import { clamp, direction, matrix } from "../../shared/sphere/view.js";
import { $, app, available, best, chosen, pictureOf } from "../state.js";
import { loadStyle } from "../style.js";

/** Width of the line, as a sine. */
const LINE = 0.0016;
/** CSS pixels from the line within which a finger takes hold of it. */
const REACH = 28;
const PARTS = ["wipe", "left", "right"];

class Wipe {
  constructor() {
    this.host = $("sphere");
    /** Where the line is on the screen, 0..1. */
    this.at = 0.5;
    /** The choice on the left. */
    this.left = "original";
    /** Yaw of the line in a headset. */
    this.yaw = app.stage.view.gaze().yaw;
  }

  /** The choice on the right. */
  get right() {
    const choice = chosen();
    return choice === this.left ? best() : choice;
  }

  /** Stage names of the two pictures. @returns {[string, string]} */
  pair() {
    if (this.right === this.left) this.left = "original";
    $("left").textContent = t(`viewer.${this.left}`);
    $("right").textContent = t(`viewer.${this.right}`);
    return [pictureOf(this.left), pictureOf(this.right)];
  }

  /** The plane through the eye and the line: its normal in world axes, and the line's width. */
  plane() {
    const { view, optics } = app.stage;
    if (optics) return direction(this.yaw + Math.PI / 2, 0).concat(LINE);
    const [tx] = view.frustum(this.host.clientWidth / this.host.clientHeight);
    const m = matrix(view.orientation());
    // In camera axes the line is at x = offset on the plane z = -1, so the normal is (1, 0, offset).
    const offset = (2 * this.at - 1) * tx;
    const size = Math.hypot(1, offset);
    return [0, 1, 2].map((k) => (m[k] + m[k + 6] * offset) / size).concat(LINE);
  }

  /** @param {number} x 0..1 across the screen */
  move(x) {
    this.at = clamp(x, 0.02, 0.98);
    const handle = $("wipe");
    handle.style.left = `${this.at * 100}%`;
    handle.setAttribute("aria-valuenow", String(Math.round(this.at * 100)));
    app.stage.dirty = true;
  }

  /** Another picture on the left. */
  nextLeft() {
    const open = available().filter((choice) => choice !== this.right);
    this.left = open[(open.indexOf(this.left) + 1) % open.length];
    app.stage.dirty = true;
  }

  wire() {
    const drag = (/** @type {number} */ x) => this.move(x / this.host.clientWidth);
    const handle = $("wipe");
    app.drag.options.grab = (x) => (Math.abs(x - this.at * this.host.clientWidth) < REACH ? drag : null);
    handle.onpointerdown = (event) => handle.setPointerCapture(event.pointerId);
    handle.onpointermove = (event) => {
      if (event.buttons || event.pressure) drag(event.clientX);
    };
    handle.onkeydown = (event) => {
      const step = { ArrowLeft: -0.04, ArrowRight: 0.04, Home: -1, End: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      this.move(this.at + step);
    };
    $("left").onclick = () => this.nextLeft();
  }
}

/** @returns {{stop: () => void}} */
export function start() {
  const wipe = new Wipe();
  app.stage.use({
    pair: () => wipe.pair(),
    apply(scene) {
      scene.bloom = false;
      scene.wipe = wipe.plane();
    },
  });
  wipe.wire();
  wipe.move(0.5);
  let on = true;
  const show = () => {
    for (const id of PARTS) $(id).hidden = !on;
  };
  loadStyle("modes/compare").then(show);
  return {
    stop() {
      on = false;
      show();
      app.drag.options.grab = undefined;
    },
  };
}
