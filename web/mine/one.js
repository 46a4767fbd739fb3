/** What a guest may do with one of their own dreams: show it to others or not, take all of theirs, delete it. */

import { h, twice } from "../shared/element.js";
import { moreWords, t } from "../shared/i18n.js";
import { forget, keyOf, ownKey } from "../shared/owner.js";
import { zip } from "./zip.js";

/** @typedef {import("../viewer/state.js").Status} Status */

/** What becomes of the guest's wish. @param {Status} status */
function explain({ show, held, state }) {
  if (!show) return t("mine.one.off");
  if (held) return t(`mine.one.${held}`);
  return state === "ready" ? t("mine.one.on") : t("mine.one.soon");
}

/** The switch with a line of what becomes of it. @param {Status} status @param {(status: Status) => void} changed */
function sharing(status, changed) {
  const line = h("p", { role: "status" }, explain(status));
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", role: "switch" }));
  input.checked = Boolean(status.show);
  input.onchange = async () => {
    const asked = {
      method: "PATCH",
      headers: { "X-Owner-Key": keyOf(status.token) },
      body: JSON.stringify({ show: input.checked }),
    };
    const answer = await fetch(`/api/photos/${status.token}`, asked).catch(() => null);
    const now = answer && answer.ok && (await answer.json().catch(() => null));
    if (now) changed(now);
    else input.checked = !input.checked;
    line.textContent = now ? explain(now) : t("error.connection");
  };
  return [h("label", { class: "option" }, input, t("mine.one.show")), line];
}

/** Delete the photo. @param {string} token @returns {Promise<boolean>} whether it is gone */
async function remove(token) {
  const asked = { method: "DELETE", headers: { "X-Owner-Key": keyOf(token) } };
  const answer = await fetch(`/api/photos/${token}`, asked).catch(() => null);
  const gone = Boolean(answer && (answer.ok || answer.status === 404));
  if (gone) forget(token);
  return gone;
}

/**
 * The lines of a sheet that only the photo's guest sees.
 * @param {Status} status
 * @param {{changed: (status: Status) => void, begin: () => void, end: (gone: [string, string] | null) => void}} told
 *   begin: it is about to be deleted; end: headline and sentence that it is gone, or null if that failed
 * @returns {Promise<HTMLElement[]>}
 */
export async function controls(status, told) {
  const [answer] = await Promise.all([fetch("/api/kiosk").catch(() => null), moreWords("mine")]);
  const about = answer && answer.ok ? await answer.json().catch(() => null) : null;
  const { token } = status;
  const bin = twice("button danger", t("mine.one.delete"), t("mine.one.sure"), async () => {
    told.begin();
    told.end((await remove(token)) ? [t("mine.one.gone"), t("mine.one.gone.more")] : null);
  });
  return [
    // Where the operator shows nobody's dreams there is nothing to switch.
    ...(about && about.show === "no" ? [] : sharing(status, told.changed)),
    ...(keyOf(token) === ownKey() ? [zip("button")] : []),
    bin,
  ];
}
