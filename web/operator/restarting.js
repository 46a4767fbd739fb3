/** Goes on to the next page once the kiosk has started anew. */

const SECONDS_BETWEEN = 1;
/** By then it has stopped, or does not start anew at all. */
const SECONDS_UNTIL_STOPPED = 6;
const onward = /** @type {HTMLAnchorElement} */ (document.getElementById("onward"));
let stopped = false;
let passed = 0;

async function look() {
  passed += SECONDS_BETWEEN;
  try {
    await fetch("/healthz", { cache: "no-store" });
    if (stopped || passed >= SECONDS_UNTIL_STOPPED) {
      location.href = onward.href;
      return;
    }
  } catch {
    stopped = true;
  }
  setTimeout(look, SECONDS_BETWEEN * 1000);
}
setTimeout(look, SECONDS_BETWEEN * 1000);
