/** Bytes to pictures: fetch, decode off the main thread where the browser can, never wider than asked. */

const PATIENCE = 6000;

/**
 * @typedef {object} Decoded
 * @property {TexImageSource} picture
 * @property {number} width
 * @property {number} height
 * @property {() => void} close gives the memory back
 */

/**
 * @param {string} url
 * @param {{width: number, exact?: boolean, powerOfTwo?: boolean, signal?: AbortSignal}} want `width`: the widest that
 *   may come back; `exact`: leave the size alone (tiles); `powerOfTwo`: what WebGL1 asks of a picture that repeats
 * @returns {Promise<Decoded>}
 */
export async function load(url, want) {
  const begun = ahead.get(url);
  ahead.delete(url);
  // What was begun ahead may get lost, once in some three hundred times: then it is asked for again.
  const image =
    (begun && (await Promise.race([begun, after(PATIENCE)]).catch(() => 0))) || (await decoded(url, want.signal));
  const close = () => ("close" in image ? image.close() : undefined);
  if (want.exact) return { picture: image, width: image.width, height: image.height, close };
  let width = Math.min(image.width, want.width);
  if (want.powerOfTwo) width = 2 ** Math.floor(Math.log2(width) + 0.01);
  // A sphere is 2:1; eye over eye it is 1:1.
  const height = image.height > image.width * 0.75 ? width : Math.round(width / 2);
  if (width === image.width && height === image.height) return { picture: image, width, height, close };
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  close();
  return { picture: canvas, width, height, close: () => (canvas.width = 0) };
}

/** @type {Map<string, Promise<ImageBitmap | HTMLImageElement>>} */
const ahead = new Map();

/** @param {number} time milliseconds @returns {Promise<any>} */
export const after = (time) => new Promise((resolve) => setTimeout(resolve, time));

/**
 * What a browser may leave pending for ever, refuse, or answer with no promise at all (full screen, wake lock, sensors,
 * headsets): begun at once, while the tap still counts.
 * @param {() => any} begin
 * @returns {Promise<any>} its answer; undefined where it is refused. Never rejects; who waits for it sets a limit.
 */
export const attempt = (begin) => new Promise((answered) => answered(begin())).catch(() => undefined);

/**
 * Fetch and decode a picture that `load` will be asked for in a moment.
 * @param {string} url
 * @returns {Promise<void>} kept when it is being decoded, off the main thread where the browser can
 */
export function prepare(url) {
  return new Promise((begun) => {
    const image = decoded(url, undefined, begun);
    ahead.set(url, image);
    image.catch(() => begun());
  });
}

/** Scripts do not say by themselves which pictures the browser reads; the page was told. @returns {Record<string, string>} */
function accepted() {
  const smaller = /** @type {HTMLMetaElement | null} */ (document.querySelector("meta[name=pictures]"));
  return smaller ? { Accept: `${smaller.content},*/*` } : {};
}

/** @param {string} url @param {AbortSignal} [signal] @param {() => void} [begun] */
async function decoded(url, signal, begun) {
  const answer = await fetch(url, { signal, headers: begun ? {} : accepted() });
  if (!answer.ok) throw new Error(`${answer.status} ${url}`);
  const blob = await answer.blob();
  const image = "createImageBitmap" in self ? createImageBitmap(blob).catch(() => decode(blob)) : decode(blob);
  // At once, before the browser thinks of drawing the page.
  if (begun) begun();
  return image;
}

/** @param {Blob} blob @returns {Promise<HTMLImageElement>} */
function decode(blob) {
  const image = new Image();
  const url = URL.createObjectURL(blob);
  return new Promise((resolve, reject) => {
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("no picture"));
    image.src = url;
  }).finally(() => URL.revokeObjectURL(url));
}
