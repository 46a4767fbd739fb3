/** Compare: a wipe between two pictures. On the screen a finger moves it; in a headset it stands in the world. */

import { t } from "../shared/i18n.js";
import { clamp, direction, matrix } from "../shared/view.js";
import { $, app, best, chosen, pictureOf } from "./app.js";

const LINE = 0.0016;

/** @returns {{stop: () => void}} */
export function start() {
  const { stage } = app;
  const host = $("sphere");
  const handle = $("wipe");
  let at = 0.5;
  let left = "original";
  /** The meridian that a headset's wipe stands on. */
  const meridian = stage.view.gaze().yaw;

  const right = () => {
    const choice = chosen();
    return choice === left ? best() : choice;
  };
  const name = (/** @type {string} */ choice) => t(`viewer.${choice}`);
  const place = (/** @type {number} */ x) => {
    at = clamp(x, 0.02, 0.98);
    handle.style.left = `${at * 100}%`;
    handle.setAttribute("aria-valuenow", String(Math.round(at * 100)));
    stage.dirty = true;
  };
  const label = () => {
    if (right() === left) left = "original";
    $("left").textContent = name(left);
    $("right").textContent = name(right());
  };
  const drag = (/** @type {number} */ x) => place(x / host.clientWidth);

  stage.use({
    pair: () => {
      label();
      return [pictureOf(left), pictureOf(right())];
    },
    apply(scene) {
      scene.bloom = false;
      if (stage.optics) {
        const [x, y, z] = direction(meridian + Math.PI / 2, 0);
        scene.wipe = [x, y, z, LINE];
        return;
      }
      const [tx] = stage.view.frustum(host.clientWidth / host.clientHeight);
      const m = matrix(stage.view.orientation());
      // The plane through the eye and the line on the screen: its normal in camera axes is (1, 0, x).
      const offset = (2 * at - 1) * tx;
      const size = Math.hypot(1, offset);
      scene.wipe = [0, 1, 2].map((k) => (m[k] + m[k + 6] * offset) / size).concat(LINE);
    },
  });
  app.drag.options.grab = (x) => (Math.abs(x - at * host.clientWidth) < 28 ? drag : null);
  handle.onpointerdown = (event) => handle.setPointerCapture(event.pointerId);
  handle.onpointermove = (event) => {
    if (event.buttons || event.pressure) drag(event.clientX);
  };
  handle.onkeydown = (event) => {
    const step = { ArrowLeft: -0.04, ArrowRight: 0.04, Home: -1, End: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    place(at + step);
  };
  $("left").onclick = () => {
    const open = ["original", "dream", "upscaled"].filter((choice) => pictureOf(choice) && choice !== right());
    left = open[(open.indexOf(left) + 1) % open.length];
    stage.dirty = true;
  };
  for (const id of ["wipe", "left", "right"]) $(id).hidden = false;
  place(0.5);
  return {
    stop() {
      app.drag.options.grab = undefined;
      for (const id of ["wipe", "left", "right"]) $(id).hidden = true;
    },
  };
}
