/** WebXR: the same shader, with the rays that the headset's own projection asks for. */

import { after, attempt } from "../shared/source.js";
import { fromAngles, matrix, multiply } from "../shared/view.js";
import { $, app } from "./app.js";
import { turnPage } from "./headset.js";

/** @param {Float32Array} p a projection matrix, column by column: its rays at depth 1 */
export function raysOf(p) {
  return [1 / p[0], 1 / p[5], p[8] / p[0], p[9] / p[5]];
}

const PATIENCE = 3000;

/** In a tap: enter the headset. Rejects where the browser refuses. */
export async function start() {
  const { xr } = /** @type {any} */ (navigator);
  const session = await xr.requestSession("immersive-vr", { optionalFeatures: ["local"] });
  try {
    await wear(session);
  } catch (error) {
    // Nobody is left in the dark with a headset on.
    attempt(() => session.end());
    throw error;
  }
}

/** @param {any} session */
async function wear(session) {
  const { stage } = app;
  const gl = /** @type {any} */ (stage.renderer.gl);
  if (gl.makeXRCompatible) await Promise.race([attempt(() => gl.makeXRCompatible()), after(PATIENCE)]);
  const Layer = /** @type {any} */ (window).XRWebGLLayer;
  const layer = new Layer(session, gl, { alpha: false, depth: false, stencil: false, antialias: false });
  session.updateRenderState({ baseLayer: layer });
  const space = await session.requestReferenceSpace("local").catch(() => session.requestReferenceSpace("viewer"));
  // Ahead of the body is where the guest was looking on the screen.
  const base = fromAngles(stage.view.gaze().yaw, 0);
  stage.paused = true;
  stage.target = layer.framebuffer;
  $("headset").setAttribute("aria-pressed", "true");

  const draw = (/** @type {number} */ time, /** @type {any} */ frame) => {
    session.requestAnimationFrame(draw);
    const pose = frame.getViewerPose(space);
    if (!pose) return;
    const q = pose.transform.orientation;
    stage.view.device = multiply(base, [q.x, q.y, q.z, q.w]);
    stage.view.yaw = 0;
    stage.optics = () =>
      pose.views.map((/** @type {any} */ view) => {
        const port = layer.getViewport(view);
        const turn = view.transform.orientation;
        return {
          viewport: [port.x, port.y, port.width, port.height],
          turn: matrix(multiply(base, [turn.x, turn.y, turn.z, turn.w])),
          rays: raysOf(view.projectionMatrix),
          side: view.eye === "right" ? 1 : 0,
        };
      });
    stage.dirty = true;
    stage.target = layer.framebuffer;
    stage.frame(time / 1000);
  };
  session.requestAnimationFrame(draw);
  session.addEventListener("select", turnPage);
  session.addEventListener("end", () => {
    stage.paused = false;
    stage.target = null;
    stage.optics = null;
    stage.view.sense(null);
    stage.dirty = true;
    $("headset").setAttribute("aria-pressed", "false");
  });
}
