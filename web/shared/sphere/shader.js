/**
 * The only shader: one ray per pixel into two equirectangular pictures, and how they are blended.
 *
 * The level of detail comes from the angle that a pixel covers, not from derivatives of the texture coordinates: these
 * jump at +-180 degrees and grow without bound at the poles, which is where other viewers draw a line. The whole view has
 * one level: it hardly varies within a view, and software rasterizers sample a constant level in half the time.
 */

/** Pitch beyond which the rows next to a pole may be in view, radians. */
const LAST_ROWS = 1.5;

const VERTEX = `attribute vec2 corner; varying vec2 at;
void main() { at = corner; gl_Position = vec4(corner, 0., 1.); }`;

/*
 * Uniforms:
 *   A, B     the pictures
 *   turn     camera to world
 *   rays     tangents of half the view (x, y) and of its middle (x, y)
 *   stereo   per picture: height of one eye's part, and where it begins, in [0, 1]
 *   levels   level of detail of each picture
 *   edges    per picture: distance from a pole within which rows are blended with those across it, in [0, 1]
 *   blend    0 shows A, 1 shows B
 *   wipe     plane through the eye, camera axes; w: width of the line as a sine
 *   pixel    angle of the middle pixel, radians
 *   light    brightness, 0..1
 *   lens     k1, k2, tangent of the widest angle seen
 *   living   amplitude of the slow movement in radians; seconds
 *   gaze     how far each place has been looked into the dream, 0..1
 *   atlas, pages  the tiles, and which slot holds which (tiles.js)
 *   grid     tiles across, tiles down, how much of them is seen, which picture they belong to (0 A, 1 B)
 *   tile     pixels: side of a tile without its border, border, side of the atlas
 *   lights   direction, strength
 *   hues     color of each light
 *
 * Across a pole, the neighbor of a pixel is in the same row half a turn away. With BLOOM dark places change first and
 * bright ones last, so that a change spreads through the scene instead of fading in all over it.
 */
const FRAGMENT = `
uniform sampler2D A, B;
uniform mat3 turn;
uniform vec4 rays;
uniform vec4 stereo;
uniform vec2 levels;
uniform vec2 edges;
uniform float blend;
uniform float light;
#ifdef WIPE
uniform vec4 wipe;
uniform float pixel;
#endif
#ifdef LENS
uniform vec4 lens;
#endif
#ifdef LIVING
uniform vec2 living;
#endif
#ifdef GAZE
uniform sampler2D gaze;
#endif
#ifdef TILES
uniform sampler2D atlas, pages;
uniform vec4 grid;
uniform vec3 tile;
#endif
#ifdef LIGHTS
uniform vec4 lights[LIGHTS];
uniform vec3 hues[LIGHTS];
#endif
varying vec2 at;

vec3 look(sampler2D picture, vec2 uv, vec2 eye, float level, float edge) {
  float y = uv.y;
#ifdef POLES
  y = clamp(uv.y, edge, 1. - edge);
#endif
  vec3 c = LOD(picture, vec2(uv.x, eye.y + y * eye.x), level).rgb;
#ifdef POLES
  float over = abs(uv.y - y);
  if (over > 0.) c = mix(c, LOD(picture, vec2(uv.x + .5, eye.y + y * eye.x), level).rgb, .5 * over / edge);
#endif
  return c;
}

#ifdef TILES
vec3 sharpen(vec3 c, vec2 uv) {
  vec2 t = uv * grid.xy;
  vec2 cell = min(floor(t), grid.xy - 1.);
  vec4 page = LOD(pages, (cell + .5) / grid.xy, 0.);
  float side = tile.x + 2. * tile.y;
  vec2 inside = clamp((t - cell) * tile.x + tile.y, vec2(.5), vec2(side - .5));
  vec3 fine = LOD(atlas, (floor(page.xy * 255. + .5) * side + inside) / tile.z, 0.).rgb;
  return mix(c, fine, page.a * grid.z);
}
#endif

void main() {
  vec3 ray = vec3(at * rays.xy + rays.zw, -1.);
  float shade = light;
#ifdef LENS
  float r = dot(ray.xy, ray.xy);
  ray.xy *= 1. + r * (lens.x + r * lens.y);
  shade *= 1. - smoothstep(lens.z * .94, lens.z, length(ray.xy));
#endif
  vec3 d = turn * ray;
#if defined(LIVING) || defined(LIGHTS)
  d = normalize(d);
#endif
#ifdef LIVING
  d += living.x * sin(d.yzx * 3.7 + d.zxy * 2.3 + living.y * vec3(.31, .27, .35));
#endif
  vec2 uv = vec2(atan(d.x, -d.z) * 0.159154943 + .5, .5 - atan(d.y, length(d.xz)) * 0.318309886);
#ifdef PAIR
  float m = blend;
#ifdef WIPE
  float s = dot(normalize(ray), wipe.xyz);
  m = smoothstep(-pixel, pixel, s);
#endif
#ifdef GAZE
  m = LOD(gaze, uv, 0.).r;
#endif
  vec3 a = vec3(0.), b = a;
  if (m < 1.) a = look(A, uv, stereo.xy, levels.x, edges.x);
  if (m > 0.) b = look(B, uv, stereo.zw, levels.y, edges.y);
#ifdef TILES
  if (grid.w < .5 && m < 1.) a = sharpen(a, uv);
  if (grid.w > .5 && m > 0.) b = sharpen(b, uv);
#endif
#ifdef BLOOM
  if (m > 0. && m < 1.) { float n = .55 * dot(a, vec3(.3, .5, .2)); m = smoothstep(n, n + .45, m); }
#endif
  vec3 c = m <= 0. ? a : m >= 1. ? b : mix(a, b, m);
#else
  vec3 c = look(B, uv, stereo.zw, levels.y, edges.y);
#ifdef TILES
  c = sharpen(c, uv);
#endif
#endif
#ifdef LIGHTS
  for (int i = 0; i < LIGHTS; i++) {
    float q = 1. - dot(d, lights[i].xyz);
    c += hues[i] * lights[i].w * (exp(-q * 900.) + .45 * exp(-q * 90.));
  }
#endif
#ifdef WIPE
  float line = 1. - smoothstep(wipe.w - pixel, wipe.w + pixel, abs(s)) + .25 * exp(-abs(s) * 60.);
  c += line * (1. - c) * .9;
#endif
  gl_FragColor = vec4(c * shade, 1.);
}`;

const WEBGL2 = `#version 300 es
precision highp float;
#define varying in
#define LOD textureLod
#define gl_FragColor color
out vec4 color;
`;

const WEBGL1 = `#ifdef GL_EXT_shader_texture_lod
#extension GL_EXT_shader_texture_lod : enable
#endif
precision highp float;
#ifdef GL_EXT_shader_texture_lod
#define LOD texture2DLodEXT
#else
#define LOD(t, p, l) texture2D(t, p)
#endif
`;

/**
 * The fragment shader with some of PAIR, POLES, WIPE, LENS, LIVING, GAZE, TILES, BLOOM, LIGHTS switched on. What is off
 * costs nothing: to look around in one picture takes one sample per pixel.
 * @param {boolean} webgl2
 * @param {string[]} features a name, or "NAME value"
 */
export function fragment(webgl2, features) {
  const defines = features.map((name) => `#define ${name}\n`).join("");
  const head = webgl2 ? WEBGL2 : WEBGL1;
  return head + defines + FRAGMENT;
}

/** @param {boolean} webgl2 */
export function vertex(webgl2) {
  return webgl2 ? `#version 300 es\n#define attribute in\n#define varying out\n${VERTEX}` : VERTEX;
}

/**
 * The features that a scene needs, for `fragment`.
 * @param {import("./renderer.js").Scene} scene @param {import("./renderer.js").Eye[]} eyes @param {boolean} pair whether both pictures are seen
 * @param {number} detail how much of the tiles is seen, 0..1
 */
export function featuresOf(scene, eyes, pair, detail) {
  const lights = (scene.lights || []).length;
  /** @type {[string, any][]} */
  const all = [
    ["PAIR", pair],
    ["WIPE", pair && scene.wipe],
    ["POLES", eyes.some(seesPole)],
    ["LENS", eyes[0].lens],
    ["LIVING", scene.living && scene.living[0]],
    ["GAZE", pair && scene.gaze],
    ["TILES", detail],
    ["BLOOM", pair && scene.bloom],
    [`LIGHTS ${lights}`, lights],
  ];
  return all.filter(([, on]) => on).map(([name]) => name);
}

/** Whether a pole may be in view, where rows from across it are needed. @param {import("./renderer.js").Eye} eye */
function seesPole({ turn, rays, lens }) {
  const wide = Math.hypot(rays[0] + Math.abs(rays[2]), rays[1] + Math.abs(rays[3]));
  const half = lens ? Math.PI / 2 : Math.atan(wide);
  return Math.asin(Math.min(1, Math.abs(turn[7]))) + half > LAST_ROWS;
}
