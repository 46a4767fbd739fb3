/** What is said of a photo until it is ready: its turn, how far it is, what keeps it waiting, why it failed. */

import { duration, t } from "../shared/i18n.js";
import { explain, more, titleOf } from "../shared/said.js";
import { $, app, best } from "./app.js";
import { notice, say } from "./viewer.js";

/** @typedef {import("./app.js").Status} Status */

const EVERY = 10000;

let asked = -EVERY;
let expected = "";
/** @type {Promise<void> | null} */
let titles = null;

/** A sentence where something keeps photos from being dreamed; empty where all is well. Asks every ten seconds at most. */
async function expectation() {
  if (performance.now() - asked < EVERY) return expected;
  asked = performance.now();
  const answer = await fetch("/api/kiosk").catch(() => null);
  const about = answer && answer.ok ? await answer.json().catch(() => null) : null;
  const trouble = about && about.out_of_service;
  // Neither a camera nor a pause keeps what was brought from being dreamed.
  if (!trouble || trouble.code === "camera" || trouble.code === "paused") expected = "";
  else {
    await more("errors");
    expected = explain(trouble);
  }
  return expected;
}

/** @param {Status} status @returns {[string, string]} */
function queue(status) {
  const place = status.position || 1;
  const head = place <= 1 ? t("state.next") : t("state.waiting", { n: place });
  if (!status.eta_seconds) return [head, t("state.soon")];
  const ready = t("state.eta", { time: duration(status.eta_seconds) });
  return [head, best() ? `${ready} ${t("state.look")}` : ready];
}

/** @param {Status} status */
function working(status) {
  const words = t(`state.${status.state}`);
  return status.eta_seconds && status.eta_seconds > 3
    ? `${words} · ${t("state.left", { time: duration(status.eta_seconds) })}`
    : words;
}

/** @param {Status} status */
async function name(status) {
  if (!status.title) return;
  titles = titles || more("styles");
  await titles;
  document.title = `${titleOf(status)} · Dream Kiosk`;
}

/** Say how a photo is. @param {Status} status */
export async function tell(status) {
  if (app.status !== status) return;
  name(status);
  if (status.state === "ready") return;
  if (status.state === "failed") {
    notice(t("state.failed"), "", true);
    await more("errors");
    $("sentence").textContent = explain(status.error || { code: "", message: "" });
    return;
  }
  const waiting = status.state === "waiting" || status.state === "received";
  notice(...(waiting ? queue(status) : /** @type {[string, string]} */ (["", ""])));
  say(waiting ? "" : working(status), 0);
  const text = await expectation();
  if (!text || app.status !== status) return;
  if (waiting) $("sentence").textContent = text;
  else say(text, 0);
}
