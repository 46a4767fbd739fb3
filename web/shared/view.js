/**
 * Where the eye looks: mathematics only, angles in radians.
 *
 * World axes: x right, y up, -z ahead; longitude atan2(x, -z) is 0 at the middle of the picture and grows to the
 * right, latitude grows upwards. A camera looks along its own -z. Quaternions are [x, y, z, w].
 */

/** @typedef {[number, number, number, number]} Quaternion */

export const FOV_MIN = Math.PI / 7;
export const FOV_MAX = (Math.PI * 11) / 18;
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

/** Turned right by `yaw`, up by `pitch`, then tipped by `roll`. @returns {Quaternion} */
export function fromAngles(/** @type {number} */ yaw, /** @type {number} */ pitch, roll = 0) {
  const cy = Math.cos(-yaw / 2);
  const sy = Math.sin(-yaw / 2);
  const cp = Math.cos(pitch / 2);
  const sp = Math.sin(pitch / 2);
  return multiply([cy * sp, sy * cp, -sy * sp, cy * cp], [0, 0, Math.sin(roll / 2), Math.cos(roll / 2)]);
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

/** The direction looked at. @param {Quaternion} q @returns {{yaw: number, pitch: number}} */
export function gazeOf(q) {
  const m = matrix(q);
  // Straight up or down there is no ahead: then what is on top of the view says which way one faces.
  const side = m[7] > 0.98 ? 1 : m[7] < -0.98 ? -1 : 0;
  const yaw = side ? Math.atan2(side * m[3], -side * m[5]) : Math.atan2(-m[6], m[8]);
  return { yaw, pitch: Math.asin(clamp(-m[7], -1, 1)) };
}

/** World direction (unit) of a longitude and latitude. @param {number} yaw @param {number} pitch */
export function direction(yaw, pitch) {
  const c = Math.cos(pitch);
  return [c * Math.sin(yaw), Math.sin(pitch), -c * Math.cos(yaw)];
}

/** What is looked at, and how wide. `fov` is the angle across the longer side of the picture. */
export class View {
  constructor() {
    this.yaw = 0;
    this.pitch = 0;
    this.fov = (Math.PI * 85) / 180;
    /** Orientation from the phone's sensors, null while they are not used. @type {Quaternion | null} */
    this.device = null;
  }

  /** Turn right by `yaw` and up by `pitch`. @param {number} yaw @param {number} pitch */
  turn(yaw, pitch) {
    this.yaw = wrap(this.yaw + yaw);
    // Under the sensors a finger turns the world but does not tip it: the horizon stays level.
    if (!this.device) this.pitch = clamp(this.pitch + pitch, -POLE, POLE);
  }

  /** How much wider a degree of yaw looks on the horizon than here: towards the poles it is a shorter way. */
  get stretch() {
    return 1 / Math.max(0.3, Math.cos(this.pitch));
  }

  /** Narrow (factor < 1) or widen the view. @param {number} factor */
  zoom(factor) {
    this.fov = clamp(this.fov * factor, FOV_MIN, FOV_MAX);
  }

  /** A reading of the sensors; the first one does not move the view sideways. @param {Quaternion | null} reading */
  sense(reading) {
    if (reading && !this.device) this.yaw = wrap(this.yaw - gazeOf(reading).yaw);
    if (!reading && this.device) {
      const gaze = gazeOf(this.orientation());
      this.yaw = gaze.yaw;
      this.pitch = gaze.pitch;
    }
    this.device = reading;
  }

  /** Look along `yaw` on the horizon, however the phone is held. */
  recentre(yaw = 0) {
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

  /** Tangents of half the view's width and height, for a picture of this shape. @param {number} aspect width / height */
  frustum(aspect) {
    const long = Math.tan(this.fov / 2);
    return aspect > 1 ? [long, long / aspect] : [long * aspect, long];
  }
}
