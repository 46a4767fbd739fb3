/** From addresses to decoded pictures: off the main thread where the browser can, never wider than asked. */

import { after } from "../promises.js";

/** Milliseconds to wait for a picture that `prepare` has begun. */
const PATIENCE = 6000;

/**
 * @typedef {object} Decoded
 * @property {TexImageSource} picture
 * @property {number} width
 * @property {number} height
 * @property {() => void} close frees the memory
 */

/**
 * @param {string} url
 * @param {{width: number, exact?: boolean, powerOfTwo?: boolean, signal?: AbortSignal}} want `width`: the most
 *   pixels across; `exact`: keep the size (tiles); `powerOfTwo`: WebGL1 needs it for a texture that repeats
 * @returns {Promise<Decoded>}
 */
export async function load(url, want) {
  const begun = ahead.get(url);
  ahead.delete(url);
  // About one in three hundred of these never arrives: then it is requested again.
  const image =
    (begun && (await Promise.race([begun, after(PATIENCE)]).catch(() => 0))) || (await decoded(url, want.signal));
  const close = () => ("close" in image ? image.close() : undefined);
  if (want.exact) return { picture: image, width: image.width, height: image.height, close };
  let width = Math.min(image.width, want.width);
  if (want.powerOfTwo) width = 2 ** Math.floor(Math.log2(width) + 0.01);
  // A sphere is 2:1, or 1:1 for over-under stereo.
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

/** What `prepare` has begun. @type {Map<string, Promise<ImageBitmap | HTMLImageElement>>} */
const ahead = new Map();

/**
 * Begin to fetch and decode a picture that `load` will soon be asked for.
 * @param {string} url
 * @returns {Promise<void>} resolves when decoding has begun, off the main thread where the browser can
 */
export function prepare(url) {
  return new Promise((begun) => {
    const image = decoded(url, undefined, begun);
    ahead.set(url, image);
    image.catch(() => begun());
  });
}

/** Which picture formats the browser reads: fetch does not say so by itself, but the server told the page. @returns {Record<string, string>} */
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
  // At once, before the browser draws the page.
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
