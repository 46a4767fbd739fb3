/** Take the picture off the screen when its photo has been deleted or has expired. */

/** Show nothing. @param {import("./stage.js").Stage | import("./flat.js").Flat} stage */
export function clear(stage) {
  if ("sheet" in stage) {
    stage.clear();
    return;
  }
  stage.shown = stage.before = stage.wanted = "";
  stage.blend = 1;
  stage.textures.closeTiles();
  for (const name of [...stage.pictures.keys()]) stage.forget(name);
  const { gl } = stage.renderer;
  gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  gl.clearColor(0.03, 0.03, 0.05, 1);
  gl.clear(gl.COLOR_BUFFER_BIT);
}
