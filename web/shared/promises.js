/** Waiting, and asking the browser for what it may never answer. */

/** @param {number} time milliseconds @returns {Promise<any>} */
export const after = (time) => new Promise((resolve) => setTimeout(resolve, time));

/**
 * Call a browser function that may refuse, stay pending forever, or return no promise at all (full screen, wake lock,
 * sensors, headsets). It is called synchronously, while the user activation of a tap still counts.
 * @param {() => any} begin
 * @returns {Promise<any>} its result, or undefined if it was refused. Never rejects; may never settle, so race it
 *   against `after`.
 */
export const attempt = (begin) => new Promise((resolve) => resolve(begin())).catch(() => undefined);
