/** The box that says why the kiosk does not work now. */

import { t } from "../shared/i18n.js";
import { explain } from "../shared/server-words.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * Show the box if there is something to say. Its text changes only if what it says does.
 * @param {import("../shared/server-words.js").ServerError | null} outOfService
 * @param {boolean} connected whether the server answers
 */
export function showTrouble(outOfService, connected) {
  const box = $("trouble");
  box.hidden = !outOfService && connected;
  if (box.hidden) return;
  const head = outOfService ? t("booth.trouble") : t("booth.offline");
  const text = outOfService ? explain(outOfService) : t("booth.offline.more");
  if ($("trouble-head").textContent !== head) $("trouble-head").textContent = head;
  if ($("trouble-line").textContent !== text) $("trouble-line").textContent = text;
}
