/** Server-sent events that never give up: the browser's own retry, a fresh connection where it stops, and silence noticed. */

const RETRY = [1000, 2000, 4000, 8000];
const SILENCE = 45000;

/**
 * @param {string} url
 * @param {string[]} names events listened to; their data is JSON
 * @param {(data: any, name: string) => void} heard
 * @param {(connected: boolean) => void} [state] told when the line drops and when it is back
 * @returns {() => void} stops it
 */
export function listen(url, names, heard, state = () => undefined) {
  let tries = 0;
  let stopped = false;
  /** @type {EventSource | null} */
  let line = null;
  /** @type {number | undefined} */
  let timer;
  let alive = Date.now();

  const open = () => {
    if (stopped) return;
    line = new EventSource(url);
    const here = line;
    here.onopen = () => {
      alive = Date.now();
      tries = 0;
      state(true);
    };
    here.onerror = () => {
      state(false);
      if (here.readyState === 2) again();
    };
    for (const name of [...names, "ping"]) {
      here.addEventListener(name, (event) => {
        alive = Date.now();
        if (name !== "ping") heard(JSON.parse(/** @type {MessageEvent} */ (event).data), name);
      });
    }
  };
  const again = () => {
    if (line) line.close();
    clearTimeout(timer);
    timer = window.setTimeout(open, RETRY[Math.min(tries++, RETRY.length - 1)]);
  };
  // A phone that slept or changed networks may keep a dead line that reports no error.
  const wake = () => {
    if (!document.hidden && line && (line.readyState === 2 || Date.now() - alive > SILENCE)) again();
  };
  document.addEventListener("visibilitychange", wake);
  window.addEventListener("online", wake);
  open();
  return () => {
    stopped = true;
    clearTimeout(timer);
    if (line) line.close();
    document.removeEventListener("visibilitychange", wake);
    window.removeEventListener("online", wake);
  };
}
