/**
 * Server-sent events that never give up while somebody looks: a fresh connection where one ends or falls silent, none
 * for a page that nobody sees. Browsers open six connections to a host, and every stream keeps one.
 */

const RETRY = [1000, 2000, 4000, 8000];
/** The server says something every 15 seconds. */
const SILENCE = 35000;
const LOOK = 5000;

/**
 * @param {string} url
 * @param {string[]} names events listened to; their data is JSON
 * @param {(data: any, name: string) => void} heard
 * @param {(connected: boolean) => void} [state] told when the line drops and when it is back
 * @param {() => void} [over] told once that what is listened to is not there (any more): `url` without its last part
 *   answers 404
 * @returns {() => void} stops it
 */
export function listen(url, names, heard, state = () => undefined, over) {
  let tries = 0;
  let stopped = false;
  let away = false;
  /** @type {EventSource | null} */
  let line = null;
  /** @type {number | undefined} */
  let timer;
  let alive = 0;

  const hangUp = () => {
    clearTimeout(timer);
    if (line) line.close();
    line = null;
  };
  const open = () => {
    hangUp();
    if (stopped || away) return;
    alive = Date.now();
    const here = new EventSource(url);
    line = here;
    here.onopen = () => {
      alive = Date.now();
      tries = 0;
      state(true);
    };
    here.onerror = () => {
      state(false);
      if (here.readyState === 2 && here === line) refused();
    };
    for (const name of [...names, "ping"]) {
      here.addEventListener(name, (event) => {
        alive = Date.now();
        if (name !== "ping") heard(JSON.parse(/** @type {MessageEvent} */ (event).data), name);
      });
    }
  };
  const again = () => {
    hangUp();
    timer = window.setTimeout(open, RETRY[Math.min(tries++, RETRY.length - 1)]);
  };
  // Why a stream is refused is not told to scripts.
  const refused = async () => {
    again();
    if (!over) return;
    const answer = await fetch(url.slice(0, url.lastIndexOf("/"))).catch(() => null);
    if (stopped || !answer || answer.status !== 404) return;
    stop();
    over();
  };
  // A dead line reports no error: a phone that slept or changed networks, an access point that lost its way.
  const watch = setInterval(() => {
    const silent = Date.now() - alive;
    // A clock that was put back.
    if (silent < 0) alive = Date.now();
    if (!line || silent < SILENCE) return;
    state(false);
    open();
  }, LOOK);
  const turn = () => {
    away = document.hidden;
    if (away) hangUp();
    else if (!line || line.readyState === 2) open();
  };
  const leave = () => {
    away = true;
    hangUp();
  };
  const on = (/** @type {"addEventListener" | "removeEventListener"} */ or) => {
    document[or]("visibilitychange", turn);
    window[or]("pageshow", turn);
    window[or]("online", turn);
    window[or]("pagehide", leave);
  };
  const stop = () => {
    stopped = true;
    hangUp();
    clearInterval(watch);
    on("removeEventListener");
  };
  on("addEventListener");
  turn();
  return stop;
}
