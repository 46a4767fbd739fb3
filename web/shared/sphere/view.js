/**
 * All view mathematics: yaw, pitch, field of view, quaternions, rays. Angles are in radians unless a name says degrees.
 *
 * World axes: x right, y up, -z ahead. Yaw (longitude) is atan2(x, -z): 0 in the middle of the picture, growing to the
 * right. Pitch (latitude) grows upward. A camera looks along its own -z. Quaternions are [x, y, z, w] and turn camera
 * axes into world axes.
 */

/** @typedef {[number, number, number, number]} Quaternion */

export const DEGREE = Math.PI / 180;
const FOV_MIN = Math.PI / 7;
const FOV_MAX = 110 * DEGREE;
const POLE = Math.PI / 2 - 1e-4;

/** @param {number} value @param {number} low @param {number} high */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/** The same angle in [-pi, pi). @param {number} angle */
export function wrap(angle) {
  const turn = 2 * Math.PI;
  return ((((angle + Math.PI) % turn) + turn) % turn) - Math.PI;
}

/** A turn about the x, y, or z axis. @param {0 | 1 | 2} axis @param {number} angle @returns {Quaternion} */
function about(axis, angle) {
  /** @type {Quaternion} */
  const q = [0, 0, 0, Math.cos(angle / 2)];
  q[axis] = Math.sin(angle / 2);
  return q;
}

/** Turned right by `yaw`, then up by `pitch`. @param {number} yaw @param {number} pitch @returns {Quaternion} */
export function fromAngles(yaw, pitch) {
  return multiply(about(1, -yaw), about(0, pitch));
}

/**
 * The orientation of a phone's camera, which looks out of its back. The sensors turn z-x'-y'' from east-north-up; the
 * page's own rotation is undone. (W3C DeviceOrientation, section "Worked example".)
 * @param {number} alpha @param {number} beta @param {number} gamma degrees, as in DeviceOrientationEvent
 * @param {number} screen degrees, as in screen.orientation.angle
 */
export function fromSensors(alpha, beta, gamma, screen) {
  const device = multiply(multiply(about(2, alpha * DEGREE), about(0, beta * DEGREE)), about(1, gamma * DEGREE));
  return multiply(multiply(about(0, -Math.PI / 2), device), about(2, -screen * DEGREE));
}

/** `b` first, then `a`. @param {Quaternion} a @param {Quaternion} b @returns {Quaternion} */
export function multiply(a, b) {
  return [
    a[0] * b[3] + a[3] * b[0] + a[1] * b[2] - a[2] * b[1],
    a[1] * b[3] + a[3] * b[1] + a[2] * b[0] - a[0] * b[2],
    a[2] * b[3] + a[3] * b[2] + a[0] * b[1] - a[1] * b[0],
    a[3] * b[3] - a[0] * b[0] - a[1] * b[1] - a[2] * b[2],
  ];
}

/** Camera to world, 3x3, column by column, as WebGL takes it. @param {Quaternion} q */
export function matrix([x, y, z, w]) {
  return new Float32Array([
    1 - 2 * (y * y + z * z),
    2 * (x * y + z * w),
    2 * (x * z - y * w),
    2 * (x * y - z * w),
    1 - 2 * (x * x + z * z),
    2 * (y * z + x * w),
    2 * (x * z + y * w),
    2 * (y * z - x * w),
    1 - 2 * (x * x + y * y),
  ]);
}

/** World direction (not unit length) of the camera ray (x, y, -1). @param {Float32Array} m camera to world @param {number} x @param {number} y */
export function ray(m, x, y) {
  return [0, 1, 2].map((k) => m[k] * x + m[k + 3] * y - m[k + 6]);
}

/** Unit world direction of a yaw and pitch. @param {number} yaw @param {number} pitch */
export function direction(yaw, pitch) {
  const c = Math.cos(pitch);
  return [c * Math.sin(yaw), Math.sin(pitch), -c * Math.cos(yaw)];
}

/** The inverse of `direction`, for any length. @param {number[]} direction @returns {{yaw: number, pitch: number}} */
export function anglesOf([x, y, z]) {
  return { yaw: Math.atan2(x, -z), pitch: Math.atan2(y, Math.hypot(x, z)) };
}

/** Where a camera looks. @param {Quaternion} q @returns {{yaw: number, pitch: number}} */
export function gazeOf(q) {
  const m = matrix(q);
  const gaze = anglesOf(ray(m, 0, 0));
  // Straight up or down there is no ahead: then the top of the view says which way one faces.
  if (Math.abs(m[7]) > 0.98) gaze.yaw = anglesOf(m[7] > 0 ? [m[3], 0, m[5]] : [-m[3], 0, -m[5]]).yaw;
  return gaze;
}

/**
 * What the shader needs of a WebXR projection matrix.
 * @param {Float32Array} p column by column
 * @returns {number[]} tangents of half the view (x, y) and of its middle (x, y)
 */
export function raysOf(p) {
  return [1 / p[0], 1 / p[5], p[8] / p[0], p[9] / p[5]];
}

/** Where somebody looks, and how wide. `fov` is the angle across the longer side of the picture. */
export class View {
  constructor() {
    this.yaw = 0;
    this.pitch = 0;
    this.fov = 85 * DEGREE;
    /** Orientation from the phone's sensors, null while they are not used. @type {Quaternion | null} */
    this.device = null;
  }

  /** Turn right by `yaw` and up by `pitch`. @param {number} yaw @param {number} pitch */
  turn(yaw, pitch) {
    this.yaw = wrap(this.yaw + yaw);
    // While the sensors are used a finger turns the world but does not tip it: the horizon stays level.
    if (!this.device) this.pitch = clamp(this.pitch + pitch, -POLE, POLE);
  }

  /** How much wider a degree of yaw looks on the horizon than at this pitch. */
  get stretch() {
    return 1 / Math.max(0.3, Math.cos(this.pitch));
  }

  /** Narrow (factor < 1) or widen the view. @param {number} factor */
  zoom(factor) {
    this.fov = clamp(this.fov * factor, FOV_MIN, FOV_MAX);
  }

  /** Take a reading of the sensors; the first one does not change the yaw. @param {Quaternion | null} reading null: no longer used */
  sense(reading) {
    if (reading && !this.device) this.yaw = wrap(this.yaw - gazeOf(reading).yaw);
    if (!reading && this.device) Object.assign(this, this.gaze());
    this.device = reading;
  }

  /** Look along `yaw` on the horizon, whichever way the phone is held. */
  recenter(yaw = 0) {
    this.yaw = this.device ? wrap(yaw - gazeOf(this.device).yaw) : yaw;
    this.pitch = 0;
  }

  /** Camera to world. @returns {Quaternion} */
  orientation() {
    return this.device ? multiply(fromAngles(this.yaw, 0), this.device) : fromAngles(this.yaw, this.pitch);
  }

  /** @returns {{yaw: number, pitch: number}} */
  gaze() {
    return gazeOf(this.orientation());
  }

  /** Tangents of half the view's width and height. @param {number} aspect width / height */
  frustum(aspect) {
    const long = Math.tan(this.fov / 2);
    return aspect > 1 ? [long, long / aspect] : [long * aspect, long];
  }
}

/** A view of the flat picture: every degree has the same number of pixels. */
export class FlatView extends View {
  /** Half the angles across and down. @param {number} aspect width / height */
  frustum(aspect) {
    const long = this.fov / 2;
    return aspect > 1 ? [long, long / aspect] : [long * aspect, long];
  }

  get stretch() {
    return 1;
  }
}
