/**
 * All calls to WebGL: textures, programs, and one full-screen triangle per eye. WebGL2, or WebGL1 where there is no
 * other.
 */

import { featuresOf, fragment, vertex } from "./shader.js";

/**
 * @typedef {object} Texture one picture, or one over-under stereo pair, on the graphics card
 * @property {WebGLTexture} handle
 * @property {number} width pixels
 * @property {number} height pixels
 * @property {number} bytes mipmaps included
 *
 * @typedef {object} Program
 * @property {WebGLProgram} program
 * @property {Record<string, WebGLUniformLocation | null> | null} at its uniforms, null until it is first used
 *
 * @typedef {object} Eye where one eye's image is drawn, and which rays it sees
 * @property {[number, number, number, number]} viewport x, y, width, height in drawing-buffer pixels; y from the bottom
 * @property {Float32Array} turn camera to world
 * @property {number[]} rays tangents of half the view (x, y) and of its middle (x, y)
 * @property {number[]} [lens] k1, k2, tangent of the widest angle seen
 * @property {0 | 1} side 0 left, 1 right: which half of an over-under picture
 *
 * @typedef {object} Tiles
 * @property {WebGLTexture} atlas
 * @property {WebGLTexture} pages
 * @property {number[]} grid tiles across, down, height of the whole level
 * @property {number[]} tile side without border, border, side of the atlas; pixels
 *
 * @typedef {object} Scene
 * @property {Texture} a
 * @property {Texture} b
 * @property {number} blend 0 shows a, 1 shows b
 * @property {boolean} [bloom] let dark places change before bright ones
 * @property {[boolean, boolean]} [stereo] which of them are over-under stereo
 * @property {number[]} [wipe] plane through the eye, world axes (x, y, z): b on its side; line width as a sine
 * @property {number[]} [living] amplitude in radians, seconds
 * @property {WebGLTexture} [gaze]
 * @property {Tiles | null} [tiles]
 * @property {0 | 1} [tiled] which picture the tiles belong to
 * @property {{direction: number[], strength: number, hue: number[]}[]} [lights]
 * @property {number} light 0 black .. 1
 */

/** @param {HTMLCanvasElement} canvas @param {boolean} old insist on WebGL1 @param {boolean} xr */
function contextOf(canvas, old, xr) {
  const options = { alpha: false, antialias: false, depth: false, stencil: false, xrCompatible: xr };
  /** @type {WebGL2RenderingContext | null} */
  let two = null;
  if (!old) two = /** @type {WebGL2RenderingContext | null} */ (canvas.getContext("webgl2", options));
  return two || /** @type {WebGLRenderingContext | null} */ (canvas.getContext("webgl", options));
}

export class Renderer {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{webgl1?: boolean}} [options]
   * @throws {Error} where there is no WebGL at all
   */
  constructor(canvas, options = {}) {
    const gl = contextOf(canvas, Boolean(options.webgl1), false);
    if (!gl) throw new Error("no WebGL");
    this.canvas = canvas;
    this.gl = gl;
    this.webgl2 = "drawBuffers" in gl;
    /** @type {Map<string, Program>} */
    this.programs = new Map();
    this.maxTexture = 0;
    this.mipmaps = false;
    this.prepare();
  }

  /** Create all that a lost context takes away, except textures. */
  prepare() {
    const gl = this.gl;
    this.programs.clear();
    this.maxTexture = /** @type {number} */ (gl.getParameter(gl.MAX_TEXTURE_SIZE));
    // Without explicit levels of detail mipmaps would draw a line at +-180 degrees: then there are none.
    this.mipmaps = this.webgl2 || gl.getExtension("EXT_shader_texture_lod") !== null;
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.DITHER);
  }

  /** @param {number} width @param {number} height drawing-buffer pixels */
  resize(width, height) {
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
  }

  /** Begin to compile a program, without waiting for it. @param {string[]} features */
  compile(features) {
    const key = features.join();
    const known = this.programs.get(key);
    if (known) return known;
    const gl = this.gl;
    const program = /** @type {WebGLProgram} */ (gl.createProgram());
    for (const [type, text] of /** @type {[number, string][]} */ ([
      [gl.VERTEX_SHADER, vertex(this.webgl2)],
      [gl.FRAGMENT_SHADER, fragment(this.webgl2, features)],
    ])) {
      const shader = /** @type {WebGLShader} */ (gl.createShader(type));
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.bindAttribLocation(program, 0, "corner");
    gl.linkProgram(program);
    /** @type {Program} */
    const made = { program, at: null };
    this.programs.set(key, made);
    return made;
  }

  /** A program ready for use, and the locations of its uniforms. @param {string[]} features */
  program(features) {
    const made = this.compile(features);
    const { program } = made;
    if (made.at) return { program, at: made.at };
    const gl = this.gl;
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      const [, shader] = gl.getAttachedShaders(program) || [];
      throw new Error(`${gl.getProgramInfoLog(program)} ${shader ? gl.getShaderInfoLog(shader) : ""}`);
    }
    /** @type {Record<string, WebGLUniformLocation | null>} */
    const at = {};
    const count = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS);
    for (let i = 0; i < count; i++) {
      const info = gl.getActiveUniform(program, i);
      if (info) at[info.name.replace("[0]", "")] = gl.getUniformLocation(program, info.name);
    }
    gl.useProgram(program);
    ["A", "B", "gaze", "atlas", "pages"].forEach((name, unit) => {
      if (at[name]) gl.uniform1i(at[name], unit);
    });
    made.at = at;
    return { program, at };
  }

  /**
   * Upload an equirectangular picture; it repeats around the horizon.
   * @param {TexImageSource} picture for WebGL1, its sides must be powers of two
   * @param {number} width @param {number} height
   * @returns {Texture}
   */
  upload(picture, width, height) {
    const gl = this.gl;
    const handle = this.blank();
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, picture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.REPEAT);
    if (this.mipmaps) {
      gl.generateMipmap(gl.TEXTURE_2D);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    }
    return { handle, width, height, bytes: width * height * (this.mipmaps ? 16 / 3 : 4) };
  }

  /** A new texture, bound: linear filtering without mipmaps, clamped. */
  blank() {
    const gl = this.gl;
    const handle = /** @type {WebGLTexture} */ (gl.createTexture());
    gl.activeTexture(gl.TEXTURE7);
    gl.bindTexture(gl.TEXTURE_2D, handle);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    return handle;
  }

  /** @param {WebGLTexture} handle */
  free(handle) {
    this.gl.deleteTexture(handle);
  }

  /**
   * Draw the scene for each eye.
   * @param {Scene} scene
   * @param {Eye[]} eyes
   * @param {WebGLFramebuffer | null} [target] the headset's, or the canvas
   */
  draw(scene, eyes, target = null) {
    const gl = this.gl;
    if (gl.isContextLost()) return;
    const pair = scene.a !== scene.b && (scene.blend < 1 || Boolean(scene.wipe || scene.gaze));
    const pixel = (2 * eyes[0].rays[1]) / eyes[0].viewport[3];
    const detail = scene.tiles ? 1 - Math.min(1, levelOf(pixel, scene.tiles.grid[2])) : 0;
    const { program, at } = this.program(featuresOf(scene, eyes, pair, detail));
    gl.bindFramebuffer(gl.FRAMEBUFFER, target);
    gl.useProgram(program);
    if (pair) this.bind(0, scene.a.handle);
    this.bind(1, scene.b.handle);
    if (pair && scene.gaze) this.bind(2, scene.gaze);
    if (scene.tiles && detail) {
      this.bind(3, scene.tiles.atlas);
      this.bind(4, scene.tiles.pages);
      gl.uniform4f(at.grid, scene.tiles.grid[0], scene.tiles.grid[1], detail, scene.tiled || 0);
      gl.uniform3fv(at.tile, scene.tiles.tile);
    }
    gl.uniform1f(at.blend, scene.blend);
    gl.uniform1f(at.light, scene.light);
    if (at.pixel) gl.uniform1f(at.pixel, pixel);
    if (scene.living && at.living) gl.uniform2fv(at.living, scene.living);
    const lights = scene.lights || [];
    if (lights.length) {
      const flat = (/** @type {number[][]} */ rows) => rows.reduce((all, row) => all.concat(row), []);
      gl.uniform4fv(at.lights, flat(lights.map((light) => [...light.direction, light.strength])));
      gl.uniform3fv(at.hues, flat(lights.map((light) => light.hue)));
    }
    gl.enable(gl.SCISSOR_TEST);
    for (const eye of eyes) this.drawEye(scene, eye, at, pixel);
    gl.disable(gl.SCISSOR_TEST);
  }

  /**
   * @param {Scene} scene
   * @param {Eye} eye
   * @param {Record<string, WebGLUniformLocation | null>} at
   * @param {number} pixel angle of the middle pixel, radians
   */
  drawEye(scene, eye, at, pixel) {
    const gl = this.gl;
    const [x, y, width, height] = eye.viewport;
    gl.viewport(x, y, width, height);
    gl.scissor(x, y, width, height);
    gl.uniformMatrix3fv(at.turn, false, eye.turn);
    gl.uniform4fv(at.rays, eye.rays);
    const parts = (scene.stereo || [false, false]).map((two) => (two ? [0.5, eye.side * 0.5] : [1, 0]));
    gl.uniform4fv(at.stereo, [...parts[0], ...parts[1]]);
    const heights = [scene.a.height * parts[0][0], scene.b.height * parts[1][0]];
    const levels = heights.map((rows) => levelOf(pixel, rows));
    gl.uniform2fv(at.levels, levels);
    if (at.edges)
      gl.uniform2fv(
        at.edges,
        levels.map((level, i) => (0.5 * 2 ** Math.min(8, level)) / heights[i]),
      );
    if (at.wipe && scene.wipe) gl.uniform4fv(at.wipe, toCamera(scene.wipe, eye.turn));
    if (eye.lens) gl.uniform4fv(at.lens, [eye.lens[0], eye.lens[1], eye.lens[2], 0]);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** @param {number} unit @param {WebGLTexture} handle */
  bind(unit, handle) {
    this.gl.activeTexture(this.gl.TEXTURE0 + unit);
    this.gl.bindTexture(this.gl.TEXTURE_2D, handle);
  }
}

/**
 * Level of detail for a picture of `rows` (pole to pole) where the middle pixel covers `pixel` radians: a little finer
 * than that needs, because a pixel near the edge of a flat view covers less.
 * @param {number} pixel @param {number} rows
 */
function levelOf(pixel, rows) {
  return Math.max(0, Math.log2((pixel * rows) / Math.PI) - 0.2);
}

/** A plane's normal from world to camera axes, by the transpose. @param {number[]} wipe @param {Float32Array} m */
function toCamera([x, y, z, w], m) {
  return [m[0] * x + m[1] * y + m[2] * z, m[3] * x + m[4] * y + m[5] * z, m[6] * x + m[7] * y + m[8] * z, w];
}
