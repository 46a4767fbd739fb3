/** The shared dreams, for as long as they are shared: the gallery, and the newest one behind the title. */

import { listen } from "../shared/events.js";
import { t } from "../shared/i18n.js";
import { loadServerWords, titleOf, wordsOf } from "../shared/server-words.js";
import { clear } from "../shared/sphere/clear.js";

/** @typedef {import("../viewer/state.js").Status} Status */

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const MOST = 8;

let hung = "";
/** The token of the dream behind the title. */
let turning = "";
/** @type {import("../shared/sphere/stage.js").Stage | null} */
let stage = null;

/** @param {Status} photo */
const picture = ({ images }) => images.thumb || images.levels[0] || images.dream || images.original;

/** @param {Status[]} photos newest first */
function hang(photos) {
  const list = /** @type {HTMLElement} */ ($("gallery").querySelector("ul"));
  list.textContent = "";
  for (const photo of photos) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = `/v/${photo.token}`;
    const image = document.createElement("img");
    image.loading = "lazy";
    image.decoding = "async";
    image.alt = "";
    image.src = picture(photo) || "";
    const title = document.createElement("span");
    title.textContent = titleOf(photo) || t("viewer.dream");
    link.append(image, title);
    item.append(link);
    list.append(item);
  }
  $("gallery").hidden = !photos.length;
}

/** The newest dream turns behind the title. @param {Status} photo */
async function turn(photo) {
  const { images, token } = photo;
  const url = images.dream || images.upscaled;
  const level = images.pyramid.filter((each) => !each.tile && each.width <= 2048).pop() || (url && { width: 0, url });
  if (!level) return;
  turning = token;
  const host = $("sphere");
  try {
    if (!stage) {
      const { Stage } = await import("../shared/sphere/stage.js");
      stage = stage || new Stage(host, { still: true, sharpness: 1.25, budget: 24 * 2 ** 20 });
      stage.view.fov = 1.7;
      stage.view.pitch = 0.05;
      stage.onsharper = () => host.classList.add("on");
      const { view } = stage;
      if (!still) {
        stage.before_frame.push((dt) => {
          view.turn(dt * 0.04, 0);
          return window.scrollY < host.clientHeight;
        });
      }
    }
    if (turning !== token) return;
    stage.set(token, [level]);
    stage.show(token);
  } catch {
    // Without WebGL, or without a connection, the page has its plain background.
  }
}

/** @param {{photos: Status[]}} news */
function hear(news) {
  const photos = news.photos.filter(picture).slice(0, MOST);
  const tokens = photos.map((photo) => photo.token).join();
  if (tokens !== hung) {
    hung = tokens;
    hang(photos);
    // The pictures do not wait for their titles in the guest's language.
    const kinds = new Set(photos.map(wordsOf));
    Promise.all([...kinds].map(loadServerWords)).then(() => hung === tokens && hang(photos));
  }
  if (turning && !news.photos.some((photo) => photo.token === turning)) {
    turning = "";
    $("sphere").classList.remove("on");
    if (stage) clear(stage);
  }
  if (!turning && photos.length) turn(photos[0]);
}

/** Keep the gallery up to date while the page is visible. */
export function follow() {
  listen("/api/photos/events", ["photos"], hear);
}
