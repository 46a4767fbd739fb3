/** What the server says of a photo, in the guest's language, and whether the kiosk keeps it waiting. */

import { explain, more, titleOf } from "../shared/said.js";
import { $, app } from "./app.js";
import { say } from "./viewer.js";

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

/** @param {Status} status */
export async function tell(status) {
  if (status.title) {
    titles = titles || more("styles");
    await titles;
    document.title = `${titleOf(status)} · Dream Kiosk`;
  }
  if (status.state === "failed") {
    await more("errors");
    $("sentence").textContent = explain(status.error || { code: "", message: "" });
  } else if (status.state !== "ready") {
    const text = await expectation();
    if (!text || app.status !== status) return;
    if ($("notice").hidden) say(text, 0);
    else $("sentence").textContent = text;
  }
}
