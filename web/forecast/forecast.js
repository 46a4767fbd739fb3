/** What will become of a photo, by the rules of the kiosk (kiosk/sphere/deciding.py) as far as a phone can apply them. */

import { moreWords, t } from "../shared/i18n.js";
import { read } from "./header.js";

/** How far from 2:1 a sphere's shape may be, relative; and if its tags say that it is whole. */
const OFF = 0.01;
const OFF_IF_TAGGED = 0.05;
/** How much the shapes of a picture and of the area that it claims to show may differ, as the logarithm of their ratio. */
const UNLIKE = 0.02;
/** Width over height from which a picture is a panorama. */
const WIDE = 2.2;
/** Pixels of the long side below which a photo gets less than the view of a phone's camera. */
const SMALL = 216;
/** How phones and computers name screenshots. */
const SCREENSHOT = /screen.?shot|bildschirmfoto|captura de pantalla|capture d.{1,3}cran|スクリーンショット/i;
/** Pixels; a place on a sphere that is larger is no place. */
const LARGEST = 1e6;

/** @param {number} width @param {number} height @param {number} off */
const isTwoToOne = (width, height, off) => Math.abs(width / (2 * height) - 1) <= off;

/**
 * What its photo sphere properties make of a picture; empty if nothing, or if its shape contradicts them.
 * @param {Record<string, string>} gpano @param {number} width pixels @param {number} height
 */
function byTags(gpano, width, height) {
  const projection = (gpano.ProjectionType || "").toLowerCase();
  if (projection !== "equirectangular" && projection !== "cylindrical") return "";
  const number = (/** @type {string} */ name, /** @type {number} */ otherwise) => Number(gpano[name] || otherwise);
  const full = [number("FullPanoWidthPixels", width), number("FullPanoHeightPixels", height)];
  const area = [number("CroppedAreaImageWidthPixels", width), number("CroppedAreaImageHeightPixels", height)];
  if (![...full, ...area].every((side) => side >= 1 && side <= LARGEST)) return "";
  const unlike = Math.abs(Math.log((width * area[1]) / (height * area[0])));
  if (unlike > UNLIKE + 1.5 / Math.min(width, height) + 1.5 / Math.min(...area)) return "";
  const isWhole = area[0] >= full[0] && area[1] >= full[1];
  if (projection === "cylindrical") return isWhole && width < WIDE * height ? "" : "band";
  if (isWhole && isTwoToOne(width, height, OFF_IF_TAGGED)) return "sphere";
  // Filled up by an editor that left the tags as they were.
  if (isTwoToOne(width, height, OFF) && width === full[0] && height === full[1]) return "sphere";
  if (isWhole) return width > 2 * height ? "band" : "";
  return area[0] > 0.95 * full[0] ? "band" : "part";
}

/**
 * What a photo will be: sphere, stereo, part, band, view; small or screen, which are views; fisheyes or film, which
 * cannot be used; empty if that cannot be told.
 * @param {import("./header.js").Claims} claims @param {string} name of its file
 * @param {number} width pixels, upright; 0 if unknown @param {number} height
 */
export function kindOf(claims, name, width, height) {
  if (claims.film) return "film";
  if (!(width > 0 && height > 0)) return /\.insp$/i.test(name) ? "fisheyes" : "";
  const tagged = byTags(claims.gpano, width, height);
  // The maker's app may leave its mark in what it has joined.
  const raw = /\.insp$/i.test(name) || (claims.fisheyes && isTwoToOne(width, height, OFF));
  if (raw && tagged !== "sphere") return "fisheyes";
  const eyes = claims.gpano.StereoMode || "";
  if (/^(?:top.bottom|over.under)$/i.test(eyes) && isTwoToOne(width, height / 2, OFF_IF_TAGGED)) return "stereo";
  if (/^(?:left.right|side.by.side)$/i.test(eyes) && isTwoToOne(width / 2, height, OFF_IF_TAGGED)) return "stereo";
  if (tagged) return tagged;
  if (claims.screenshot || SCREENSHOT.test(name)) return "screen";
  if (claims.panorama && width > height) return "band";
  if (isTwoToOne(width, height, OFF)) return "sphere";
  if (width > WIDE * height) return "band";
  return Math.max(width, height) < SMALL ? "small" : "view";
}

/**
 * The sentence about a photo that was chosen; empty if there is nothing to say.
 * @param {File} file
 * @param {Promise<[number, number] | null>} shown its size in pixels as the browser shows it; null: it cannot
 * @returns {Promise<{words: string, useful: boolean}>} useful: whether the kiosk can dream it
 */
export async function forecast(file, shown) {
  const [claims] = await Promise.all([read(file), moreWords("forecast")]);
  const size = await shown;
  const [width, height] = size || claims.size || [0, 0];
  const kind = kindOf(claims, file.name, width, height);
  const words = kind ? [t(`forecast.${kind}`)] : [];
  const useful = kind !== "fisheyes" && kind !== "film";
  if (!size && useful) words.push(t("forecast.blind"));
  return { words: words.join(" "), useful };
}
