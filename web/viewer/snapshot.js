/** A flat picture of what is seen now, drawn once more, larger than the screen. */

import { app } from "./state.js";

/** Pixels of the longer side, or as many as the graphics card draws. */
const LONGEST = 2048;
const QUALITY = 0.92;

/**
 * Draw the view as it is framed now, without the lights of other guests.
 * @returns {Promise<Blob | null>} a JPEG; null where nothing is shown, or the page has no sphere
 */
export function snapshot() {
  const { stage } = app;
  const scene = stage.flat ? null : stage.scene(0);
  if (!scene) return Promise.resolve(null);
  const { renderer, host } = stage;
  const { gl } = renderer;
  const most = Math.min(LONGEST, gl.getParameter(gl.MAX_RENDERBUFFER_SIZE));
  const scale = most / Math.max(host.clientWidth, host.clientHeight);
  renderer.resize(Math.round(host.clientWidth * scale), Math.round(host.clientHeight * scale));
  // Browsers may give less than they were asked for.
  const [width, height] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
  const eyes = stage.eyes(width, height);
  renderer.draw({ ...scene, light: 1, lights: [] }, eyes);
  const copy = document.createElement("canvas");
  copy.width = width;
  copy.height = height;
  const paper = copy.getContext("2d");
  // At once: what was drawn is gone after this task.
  if (paper) paper.drawImage(renderer.canvas, 0, 0);
  stage.dirty = true;
  return new Promise((resolve) => copy.toBlob(resolve, "image/jpeg", QUALITY));
}
