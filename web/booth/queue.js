/** The line below the picture: whether a photo is being dreamed, how many wait, and how long the last one will. */

import { duration, t } from "../shared/i18n.js";

/** @param {{state: string, progress: number, eta_seconds: number | null}[]} queue */
export function line(queue) {
  const box = /** @type {HTMLElement} */ (document.getElementById("queue"));
  const working = queue.find((job) => job.state !== "waiting" && job.state !== "received");
  const waiting = queue.length - (working ? 1 : 0);
  const last = queue[queue.length - 1];
  const words = [];
  if (working) words.push(t("booth.dreaming"));
  if (waiting) words.push(t(waiting === 1 ? "booth.waiting.one" : "booth.waiting", { n: waiting }));
  if (last && last.eta_seconds && waiting) words.push(t("booth.eta", { time: duration(last.eta_seconds) }));
  const progress = working ? working.progress : 0;
  box.innerHTML = queue.length
    ? `<svg class="ring" viewBox="0 0 40 40"><circle cx="20" cy="20" r="17"/><circle cx="20" cy="20" r="17" stroke-dasharray="107" stroke-dashoffset="${107 * (1 - progress)}"/></svg><span></span>`
    : "";
  if (box.lastChild) box.lastChild.textContent = words.join(" · ");
}
