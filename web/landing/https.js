/** What the browser's certificate warning means, and how to continue. */

import { translate } from "../shared/i18n.js";

async function start() {
  const to = new URLSearchParams(location.search).get("to") || "/";
  // Only paths of this kiosk.
  const path = /^\/(v\/[\w-]+)?$/.test(to) ? to : "/";
  const [about] = await Promise.all([fetch("/api/kiosk"), translate("landing")]);
  const kiosk = await about.json();
  const go = /** @type {HTMLAnchorElement} */ (document.getElementById("go"));
  const back = /** @type {HTMLAnchorElement} */ (document.getElementById("back"));
  back.href = path;
  if (!kiosk.secure_url) return;
  go.href = new URL(path, kiosk.secure_url).href;
  go.hidden = false;
}

start();
