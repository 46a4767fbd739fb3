/** WebXR: draws with the same shader, with the rays of the headset's own projections. */

import { after, attempt } from "../../shared/promises.js";
import { fromAngles, matrix, multiply, raysOf } from "../../shared/sphere/view.js";
import { $, app } from "../state.js";
import { next } from "./tour.js";

/** Milliseconds to wait for the graphics context to be made compatible. */
const PATIENCE = 3000;

/** Enter the headset. Call it in a tap. Rejects if the browser refuses. */
export async function start() {
  const { xr } = /** @type {any} */ (navigator);
  const session = await xr.requestSession("immersive-vr", { optionalFeatures: ["local"] });
  try {
    await wear(session);
  } catch (error) {
    // Else the guest would be left in a dark headset.
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
  // Straight ahead in the headset is where the guest was looking on the screen.
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
  session.addEventListener("select", next);
  session.addEventListener("end", () => {
    stage.paused = false;
    stage.target = null;
    stage.optics = null;
    stage.view.sense(null);
    stage.dirty = true;
    $("headset").setAttribute("aria-pressed", "false");
  });
}
