/** Takes over from the first picture: wires the controls to what they do, and keeps the page up to date. */

import { listen } from "../shared/events.js";
import { language, t, translate } from "../shared/i18n.js";
import { after, attempt } from "../shared/promises.js";
import { Drag } from "../shared/sphere/drag.js";
import { notice, run, say, sayConnected } from "./messages.js";
import { choose, enter, leave, show } from "./modes.js";
import { $, aim, app, available, best, chosen, pictureOf, register, still, token } from "./state.js";

/** @typedef {import("./state.js").Status} Status */

const PENDING = ["received", "waiting", "dreaming", "upscaling", "publishing"];
/** Radians per second that the view turns until somebody touches it. */
const DRIFT = 0.025;
/** Milliseconds from a finished picture until the other guests are shown. */
const GAZES_AFTER = 5000;

/** @param {string} state */
const isPending = (state) => PENDING.indexOf(state) >= 0;

/** Bring the page up to date. @param {Status} status @param {string} [before] the state before this one */
function update(status, before = "") {
  if (status.state === "expired" || status.state === "deleted") {
    reload();
    return;
  }
  const pending = isPending(status.state);
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
  showBrought(pending && !best() ? status.images.brought : "");
  if (status.state === "ready") {
    notice("", "");
    if (isPending(before)) say(t("state.ready"), 6);
    else if (!before) say(t("viewer.hint"), 5);
  }
  // A finished dream needs no words from the server in English.
  if (status.state !== "ready" || language() !== "en")
    import("./progress.js").then(
      (progress) => progress.tell(status),
      () => 0,
    );
}

/** Show a photo that is not a sphere as it is until its dream begins. @param {string} url empty: no longer */
function showBrought(url) {
  const image = /** @type {HTMLImageElement} */ ($("brought"));
  if (url && image.getAttribute("src") !== url) image.src = url;
  image.classList.toggle("on", Boolean(url));
}

/** The photo is gone, and everything open on the page with it: the new page says why. */
function reload() {
  if (!app.leaving) location.reload();
}

function wirePictures() {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-show]"))) {
    button.onclick = () => choose(button.dataset.show || "");
  }
  $("which").onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const open = available();
    choose(open[(open.indexOf(chosen()) + step + open.length) % open.length]);
    /** @type {HTMLElement} */ (document.querySelector(`[data-show="${app.choice}"]`)).focus();
  };
}

function wireTools() {
  /** @type {[string, () => Promise<void>][]} */
  const tools = [
    [
      "compare",
      async () => {
        if (app.modeName === "compare") leave();
        else enter("compare", (await import("./modes/compare.js")).start);
      },
    ],
    ["alive", async () => (await import("./modes/alive.js")).next()],
    ["motion", async () => (await import("./motion.js")).press()],
    ["headset", async () => (await import("./headset/headset.js")).open()],
    ["keep", async () => (await import("./keep.js")).open()],
  ];
  for (const [id, action] of tools) $(id).onclick = () => run(action);
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

/** Keep the page up to date, and show the other guests once the dream is ready. @param {string} state */
function follow(state) {
  /** @type {Promise<typeof import("./gazes.js")> | null} */
  let gazes = null;
  const stop = listen(
    `/api/photos/${token}/events`,
    ["state", "progress", "preview", "room"],
    (data, name) => {
      if (name === "room") {
        if (gazes) gazes.then((module) => module.hear(data));
        return;
      }
      update(data, state);
      state = data.state;
      if (state === "ready" && !gazes) {
        gazes = after(GAZES_AFTER).then(() => import("./gazes.js"));
        gazes.then((module) => module.join());
      } else if (state !== "ready" && !isPending(state)) stop();
    },
    (connected) => {
      if (connected || state !== "ready") sayConnected(connected);
    },
    reload,
  );
}

/** Make the page complete. @param {Status | null} status null: there is no such photo */
export async function open(status) {
  await translate();
  const { stage } = app;
  if (!status) {
    document.body.classList.remove("loading");
    const { reason } = await import("./gone.js");
    notice(...(await reason()), true);
    return;
  }
  if (stage.flat) (await import("../shared/sphere/flat.js")).explain($("veil"), t("error.webgl"));
  app.drag = new Drag($("sphere"), stage, { still });
  window.addEventListener("hashchange", aim);
  if (!aim() && !still) {
    stage.before_frame.push((dt) => {
      if (app.drag.touched > 0 || stage.view.device || stage.optics) return false;
      stage.view.turn(DRIFT * dt, 0);
      return true;
    });
  }
  wirePictures();
  wireTools();
  update(status);
  // Not before: a button that is seen answers.
  document.body.classList.remove("loading");
  follow(status.state);
}
