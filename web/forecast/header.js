/** What a photo's file says about itself, read on the phone: a place on a sphere, marks of phones, and its size. */

/** Bytes read from the beginning of a file, where most formats have their tags, and from its end, where WebP has them. */
const HEAD = 512 * 1024;
const TAIL = 128 * 1024;
/** The most properties, boxes and entries looked at: no real file has more. */
const MOST = 200;
/** Brands of the MP4 family that are films; photos have others, such as heic and avif. */
const FILM = /^(?:iso\w|mp4\d|avc\d|dash|qt {2}|M4V |3g[p2]\w|f4v |mmp4|MSNV)/;
/** How TIFF and Exif begin: little end first, and big. */
const ORDERS = ["II*\0", "MM\0*"];
/** Apple's value of Exif's CustomRendered for a panorama. */
const APPLE_PANORAMA = 6;
/** How the files of Insta360's cameras end. */
const INSTA360 = "8db42d694ccc418790edff439fe026bf";
/** Tags of TIFF and Exif. */
const TAG = { width: 256, height: 257, exif: 0x8769, rendered: 0xa401 };

/**
 * @typedef {object} Claims
 * @property {Record<string, string>} gpano the photo sphere properties, without their prefix
 * @property {boolean} panorama whether a phone marked it as one
 * @property {boolean} fisheyes whether an Insta360 camera took it, whose two pictures are not joined yet
 * @property {boolean} screenshot
 * @property {boolean} film
 * @property {[number, number] | null} size width and height in pixels, only of formats that not every browser shows
 */

/** @param {Blob} file @param {number} start @param {number} length bytes @returns {Promise<DataView>} shorter at the file's end */
function part(file, start, length) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(new DataView(/** @type {ArrayBuffer} */ (reader.result)));
    reader.onerror = () => reject(reader.error);
    reader.readAsArrayBuffer(file.slice(start, start + length));
  });
}

/** One character a byte. @param {DataView} view */
const textOf = (view) => new TextDecoder("latin1").decode(view);

/**
 * The photo sphere properties in any XMP packet, as attributes or as elements; the first of each name counts.
 * @param {string} text bytes that may contain packets
 */
export function properties(text) {
  const named = /xmlns:(\w{1,20})\s?=\s?["']http:\/\/ns\.google\.com\/photos\/1\.0\/panorama\/["']/.exec(text);
  const prefix = named ? named[1] : "GPano";
  const each = new RegExp(`\\b${prefix}:(\\w{1,40})(?:\\s?=\\s?["']([^"'<>]{0,60})["']|>\\s{0,9}([^<>]{0,60})<)`, "g");
  /** @type {Record<string, string>} */
  const found = {};
  for (let count = 0; count < MOST; count++) {
    const next = each.exec(text);
    if (!next) break;
    if (!(next[1] in found)) found[next[1]] = (next[2] || next[3] || "").trim();
  }
  return found;
}

/**
 * The numbers in a directory of TIFF or Exif: tag -> value, or the offset of a longer one.
 * @param {DataView} view @param {number} at offset of the directory @param {boolean} little byte order
 */
function directory(view, at, little) {
  /** @type {Map<number, number>} */
  const found = new Map();
  if (at + 2 > view.byteLength) return found;
  const end = Math.min(at + 2 + 12 * Math.min(view.getUint16(at, little), MOST), view.byteLength);
  for (let entry = at + 2; entry + 12 <= end; entry += 12) {
    const short = view.getUint16(entry + 2, little) === 3;
    const value = short ? view.getUint16(entry + 8, little) : view.getUint32(entry + 8, little);
    found.set(view.getUint16(entry, little), value);
  }
  return found;
}

/** Whether the Exif tags say that an iPhone took a panorama. @param {DataView} head @param {string} text of it */
function isApplePanorama(head, text) {
  const start = text.indexOf("Exif\0\0") + 6;
  const order = text.slice(start, start + 4);
  if (start < 6 || !ORDERS.includes(order) || !text.includes("Apple\0")) return false;
  const little = order[0] === "I";
  const tiff = new DataView(head.buffer, start, Math.min(64 * 1024, head.byteLength - start));
  if (tiff.byteLength < 8) return false;
  const exif = directory(tiff, tiff.getUint32(4, little), little).get(TAG.exif);
  return exif !== undefined && directory(tiff, exif, little).get(TAG.rendered) === APPLE_PANORAMA;
}

/** Whether Samsung's table behind the picture says that it is a panorama. @param {string} end of the file */
function isSamsungPanorama(end) {
  return end.endsWith("SEFT") && /(?:Panorama_Shot|Motion_Panorama|Interactive_Panorama)_Info/.test(end);
}

/** The size of a TIFF. @param {Blob} file @param {DataView} head @param {string} text @returns {Promise<[number, number] | null>} */
async function sizeOfTiff(file, head, text) {
  if (!ORDERS.includes(text.slice(0, 4)) || head.byteLength < 8) return null;
  const little = text[0] === "I";
  // The directory may be behind the pixels.
  const tags = directory(await part(file, head.getUint32(4, little), 2 + 12 * MOST), 0, little);
  return [tags.get(TAG.width) || 0, tags.get(TAG.height) || 0];
}

/**
 * The size of a HEIC or AVIF: that of its largest item, which is the photo; tiles and thumbnails are smaller.
 * @param {DataView} head @param {string} text @returns {[number, number] | null}
 */
function sizeOfHeif(head, text) {
  if (text.slice(4, 8) !== "ftyp") return null;
  let [width, height, turned] = [0, 0, false];
  for (let at = text.indexOf("ispe"), count = 0; at >= 0 && count < MOST; at = text.indexOf("ispe", at + 4), count++) {
    if (at + 16 > head.byteLength) break;
    const [across, down] = [head.getUint32(at + 8), head.getUint32(at + 12)];
    if (across * down > width * height) [width, height] = [across, down];
  }
  const turn = text.indexOf("irot");
  if (turn >= 0 && turn + 4 < head.byteLength) turned = head.getUint8(turn + 4) % 2 === 1;
  return turned ? [height, width] : [width, height];
}

/** Whether it begins like a film. @param {Blob} file @param {string} text its beginning */
function isFilm(file, text) {
  if (/^video\//.test(file.type)) return true;
  const brand = text.slice(4, 8) === "ftyp" ? text.slice(8, 12) : "";
  // Matroska and WebM, and AVI.
  return FILM.test(brand) || text.startsWith("\x1aE\xdf\xa3") || (/^RIFF/.test(text) && text.slice(8, 12) === "AVI ");
}

/** What a file says. Rejects if it cannot be read. @param {File} file @returns {Promise<Claims>} */
export async function read(file) {
  const head = await part(file, 0, HEAD);
  const text = textOf(head);
  const rest = file.size > HEAD ? textOf(await part(file, Math.max(HEAD, file.size - TAIL), TAIL)) : "";
  const end = rest || text;
  return {
    gpano: { ...properties(rest), ...properties(text) },
    panorama: isApplePanorama(head, text) || isSamsungPanorama(end),
    fisheyes: end.endsWith(INSTA360),
    // In Exif, and in the XMP of a PNG.
    screenshot: text.includes("ASCII\0\0\0Screenshot") || text.includes(">Screenshot<"),
    film: isFilm(file, text),
    size: (await sizeOfTiff(file, head, text)) || sizeOfHeif(head, text),
  };
}
