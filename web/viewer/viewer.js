/** Everything around the picture: words, controls, and what the kiosk says while it works. Modes are loaded when asked for. */

import { Drag } from "../shared/drag.js";
import { language, t, translate } from "../shared/i18n.js";
import { listen } from "../shared/live.js";
import { after, attempt } from "../shared/source.js";
import { $, aim, app, best, CHOICES, chosen, pictureOf, register, still, token } from "./app.js";

/** @typedef {import("./app.js").Status} Status */

const PENDING = ["received", "waiting", "dreaming", "upscaling", "publishing"];
const DRIFT = 0.025;
const ROOM_AFTER = 5000;

/** A sentence at the lower edge, gone after a while. @param {string} text @param {number} [seconds] 0 keeps it */
export function say(text, seconds = 4.5) {
  const live = $("live");
  if (live.textContent !== text) live.textContent = text;
  clearTimeout(saying);
  if (seconds) saying = window.setTimeout(() => (live.textContent = ""), seconds * 1000);
}
/** @type {number | undefined} */
let saying;

/** @param {Status} status */
function update(status, before = "") {
  const pending = PENDING.indexOf(status.state) >= 0;
  if (status.state === "expired" || status.state === "deleted") {
    over();
    return;
  }
  app.status = status;
  register(status);
  if (status.title) document.title = `${status.title} · Dream Kiosk`;
  show();
  $("dock").hidden = status.state === "failed" || !best();
  for (const id of ["compare", "alive"]) {
    /** @type {HTMLButtonElement} */ ($(id)).disabled = !(pictureOf("dream") || pictureOf("upscaled"));
  }
  const progress = $("progress");
  progress.hidden = !pending;
  progress.setAttribute("aria-valuenow", String(Math.round(status.progress * 100)));
  /** @type {HTMLElement} */ (progress.firstElementChild).style.transform = `scaleX(${status.progress})`;
  brought(pending && !best() ? status.images.brought : "");
  if (status.state === "ready") {
    notice("", "");
    if (PENDING.indexOf(before) >= 0) say(t("state.ready"), 6);
    else if (!before) say(t("viewer.hint"), 5);
  }
  // In English a finished dream needs no words of the server.
  if (status.state !== "ready" || language() !== "en")
    import("./said.js").then(
      (said) => said.tell(status),
      () => 0,
    );
}

/** A photo that one cannot stand in is shown as it is until its dream begins. @param {string} url empty: none (any more) */
function brought(url) {
  const image = /** @type {HTMLImageElement} */ ($("brought"));
  if (url && image.getAttribute("src") !== url) image.src = url;
  image.classList.toggle("on", Boolean(url));
}

/** The photo is gone, and with it every picture, code and button that is still open: the page begins anew, and says why. */
function over() {
  if (!app.leaving) location.reload();
}

/** A headline over the veiled sphere, or none. @param {string} headline @param {string} sentence */
export function notice(headline, sentence, over = false) {
  $("notice").hidden = !headline;
  document.body.classList.toggle("noticed", Boolean(headline));
  $("headline").textContent = headline;
  $("sentence").textContent = sentence;
  $("way-out").hidden = !over;
}

/** Bring the stage and the switch in line with the choice. */
export function show() {
  const choice = chosen();
  const name = pictureOf(choice);
  if (name) app.stage.show(name);
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-show]"))) {
    const mine = button.dataset.show || "";
    button.disabled = !pictureOf(mine);
    button.setAttribute("aria-checked", String(mine === choice));
    button.tabIndex = mine === choice ? 0 : -1;
  }
}

/** @param {string} choice */
function choose(choice) {
  app.choice = choice;
  show();
}

/** Switch a mode on; one at a time. @param {string} name its button @param {() => {stop: () => void}} begin */
export function enter(name, begin) {
  leave();
  app.modeName = name;
  $(name).setAttribute("aria-pressed", "true");
  app.mode = begin();
}

/** Leave the mode that is on. */
export function leave() {
  if (app.mode) app.mode.stop();
  if (app.modeName) $(app.modeName).setAttribute("aria-pressed", "false");
  app.mode = null;
  app.modeName = "";
  app.stage.use(null);
}

/** What a button does is fetched when it is pressed; without a connection it says so. @param {string} id @param {() => Promise<void>} action */
function press(id, action) {
  $(id).onclick = () => action().catch(() => say(t("error.connection"), 5));
}

function wire() {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-show]"))) {
    button.onclick = () => choose(button.dataset.show || "");
  }
  $("which").onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const open = CHOICES.filter((choice) => pictureOf(choice));
    const now = open.indexOf(/** @type {any} */ (app.choice || best()));
    choose(open[(now + step + open.length) % open.length]);
    /** @type {HTMLElement} */ (document.querySelector(`[data-show="${app.choice}"]`)).focus();
  };
  press("compare", async () => {
    if (app.modeName === "compare") leave();
    else enter("compare", (await import("./compare.js")).start);
  });
  press("alive", async () => (await import("./alive.js")).next());
  press("motion", async () => (await import("./motion.js")).press());
  press("headset", async () => (await import("./headset.js")).open());
  press("keep", async () => (await import("./keep.js")).open());
  const root = document.documentElement;
  const full = $("full");
  full.hidden = !root.requestFullscreen;
  full.onclick = () =>
    attempt(() => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen()));
  app.drag.ontap = () => document.body.classList.toggle("quiet");
  document.addEventListener("focusin", (event) => {
    if (event.target !== $("sphere")) document.body.classList.remove("quiet");
  });
}

/** Take over from the first picture. @param {Status | null} status null: there is no such photo (any more) */
export async function open(status) {
  await translate();
  document.body.classList.remove("loading");
  const { stage } = app;
  if (!status) {
    const { reason } = await import("./gone.js");
    notice(...(await reason()), true);
    return;
  }
  if (stage.flat) (await import("../shared/flat.js")).explain($("veil"), t("error.webgl"));
  const host = $("sphere");
  app.drag = new Drag(host, stage, { still });
  window.addEventListener("hashchange", aim);
  if (!aim() && !still) {
    stage.before_frame.push((dt) => {
      if (app.drag.touched > 0 || stage.view.device || stage.optics) return false;
      stage.view.turn(DRIFT * dt, 0);
      return true;
    });
  }
  wire();
  update(status);
  let { state } = status;
  /** @type {Promise<typeof import("./room.js")> | null} */
  let room = null;
  const stop = listen(
    `/api/photos/${token}/events`,
    ["state", "progress", "preview", "room"],
    (data, name) => {
      if (name === "room") {
        if (room) room.then((module) => module.hear(data));
        return;
      }
      update(data, state);
      state = data.state;
      if (state === "ready" && !room) {
        // Company comes after the picture.
        room = after(ROOM_AFTER).then(() => import("./room.js"));
        room.then((module) => module.join());
      } else if (state !== "ready" && PENDING.indexOf(state) < 0) stop();
    },
    (connected) => {
      const lost = t("error.connection");
      if (!connected && state !== "ready") say(lost, 0);
      else if (connected && $("live").textContent === lost) say("", 0);
    },
    over,
  );
}
