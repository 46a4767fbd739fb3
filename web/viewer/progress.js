/** What is said about a photo until it is ready: its place in the queue, how far it is, what delays it, why it failed. */

import { duration, t } from "../shared/i18n.js";
import { explain, loadServerWords, titleOf, wordsOf } from "../shared/server-words.js";
import { notice, say } from "./messages.js";
import { $, app, best } from "./state.js";

/** @typedef {import("./state.js").Status} Status */

/** Milliseconds between questions for what delays all photos. */
const EVERY = 10000;

let asked = -EVERY;
let delay = "";
/** @type {Promise<void> | null} */
let titles = null;

/** Why no photo is being dreamed now; empty if all is well. Asks the server every ten seconds at most. */
async function delayed() {
  if (performance.now() - asked < EVERY) return delay;
  asked = performance.now();
  const answer = await fetch("/api/kiosk").catch(() => null);
  const about = answer && answer.ok ? await answer.json().catch(() => null) : null;
  const trouble = about && about.out_of_service;
  // Neither a broken camera nor a pause delays photos that were sent.
  if (!trouble || trouble.code === "camera" || trouble.code === "paused") delay = "";
  else {
    await loadServerWords("errors");
    delay = explain(trouble);
  }
  return delay;
}

/** Headline and sentence for a photo that waits. @param {Status} status @returns {[string, string]} */
function queue(status) {
  const place = status.position || 1;
  const head = place <= 1 ? t("state.next") : t("state.waiting", { n: place });
  const ready = status.eta_seconds ? t("state.eta", { time: duration(status.eta_seconds) }) : t("state.soon");
  if (!best()) return [head, ready];
  return [head, `${ready} ${t(isPlaced(status) ? "state.placed" : "state.look")}`];
}

/** Whether the photo is only a part of the sphere that is shown. @param {Status} status */
function isPlaced({ kind, images }) {
  return kind ? kind !== "sphere" && kind !== "stereo" : images.original !== images.brought;
}

/** Sentence for a photo that is being dreamed. @param {Status} status */
function working(status) {
  const words = t(`state.${status.state}`);
  return status.eta_seconds && status.eta_seconds > 3
    ? `${words} · ${t("state.left", { time: duration(status.eta_seconds) })}`
    : words;
}

/** Put the style's title into the page's title. @param {Status} status */
async function entitle(status) {
  if (!status.title) return;
  titles = titles || loadServerWords(wordsOf(status));
  await titles;
  document.title = `${titleOf(status)} · Dream Kiosk`;
}

/** Say how a photo is doing. @param {Status} status nothing is said if it is no longer the latest */
export async function tell(status) {
  if (app.status !== status) return;
  entitle(status);
  if (status.state === "ready") return;
  if (status.state === "failed") {
    document.body.classList.remove("standing");
    notice(t("state.failed"), "", true);
    await loadServerWords("errors");
    $("sentence").textContent = explain(status.error || { code: "", message: "" });
    return;
  }
  const waiting = status.state === "waiting" || status.state === "received";
  // What is said of a photo leaves it in sight.
  document.body.classList.toggle("standing", waiting && Boolean(best()));
  notice(...(waiting ? queue(status) : /** @type {[string, string]} */ (["", ""])));
  say(waiting ? "" : working(status), 0);
  const text = await delayed();
  if (!text || app.status !== status) return;
  if (waiting) $("sentence").textContent = text;
  else say(text, 0);
}
