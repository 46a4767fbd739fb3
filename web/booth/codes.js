/** The QR codes beside the picture: to join the Wi-Fi, and to open the dream. */

import { t } from "../shared/i18n.js";

/**
 * @typedef {object} Kiosk
 * @property {string} name
 * @property {string} version
 * @property {string} guest_url
 * @property {{ssid: string} | null} wifi
 * @property {boolean} can_capture whether there is a camera that takes photos on request
 */

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** Pixels per module in the SVG of a code. */
const SVG_PIXELS = 10;

/**
 * Show the codes. The image of a code changes only if the code does.
 * @param {Kiosk} kiosk
 * @param {string} token of the photo on the screen, or empty
 * @param {boolean} mine whether it was just taken here
 * @param {boolean} expecting whether a photo was just taken here whose token is not known yet: the code on the screen is
 *   not its code, and is marked so
 */
export function showCodes(kiosk, token, mine, expecting) {
  $("panel").hidden = false;
  $("join").hidden = !kiosk.wifi;
  $("second").hidden = !kiosk.wifi;
  $("panel").classList.toggle("steps", Boolean(kiosk.wifi));
  if (kiosk.wifi) {
    $("join-line").textContent = t("booth.join", { name: kiosk.wifi.ssid });
    code("join-code", "/qr/wifi.svg", kiosk.wifi.ssid, t("booth.join.code", { name: kiosk.wifi.ssid }));
  }
  const line = token ? (mine ? "booth.open.own" : "booth.open") : "booth.open.first";
  $("open-line").textContent = t(expecting ? "booth.open.soon" : line);
  $("open").classList.toggle("soon", expecting);
  code("open-code", `/qr/${token || "kiosk"}.svg`, kiosk.guest_url, t("booth.open.code"));
  const address = $("address");
  address.textContent = t("booth.address");
  const strong = document.createElement("strong");
  strong.textContent = kiosk.guest_url.replace(/^https?:\/\/|\/$/g, "");
  address.append(strong);
}

/** @param {string} id @param {string} path @param {string} version @param {string} alt */
function code(id, path, version, alt) {
  const image = /** @type {HTMLImageElement} */ ($(id));
  const url = `${path}?${encodeURIComponent(version)}`;
  if (image.getAttribute("src") !== url) image.src = url;
  image.alt = alt;
}

/** Make every module a whole number of pixels, so that cameras read the code from farther away. */
export function even() {
  for (const image of /** @type {NodeListOf<HTMLImageElement>} */ (document.querySelectorAll(".paper img"))) {
    const width = /** @type {HTMLElement} */ (image.parentElement).clientWidth;
    const modules = image.naturalWidth / SVG_PIXELS;
    const pixels = Math.floor(width / modules);
    image.style.width = pixels > 1 ? `${pixels * modules}px` : "";
  }
}
