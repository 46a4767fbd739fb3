/**
 * Server-sent events that reconnect: when the connection ends, and when nothing comes for too long. A hidden page has no
 * connection: browsers open at most six to a host, and every stream occupies one.
 */

/** Milliseconds between attempts to connect. */
const RETRY = [1000, 2000, 4000, 8000];
/** Milliseconds; the server sends something every 15 seconds. */
const SILENCE = 35000;
const CHECK = 5000;

/**
 * @param {string} url
 * @param {string[]} names events listened to; their data is JSON
 * @param {(data: any, name: string) => void} heard
 * @param {(connected: boolean) => void} [state] called when the connection is lost and when it is back
 * @param {() => void} [over] called once if there is no such resource any more: `url` without its last part answers
 *   404
 * @returns {() => void} stops listening
 */
export function listen(url, names, heard, state = () => undefined, over) {
  let tries = 0;
  let stopped = false;
  /** @type {EventSource | null} */
  let source = null;
  /** @type {number | undefined} */
  let timer;
  let lastHeard = 0;

  const close = () => {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
  };
  const open = () => {
    close();
    if (stopped) return;
    lastHeard = Date.now();
    const here = new EventSource(url);
    source = here;
    here.onerror = () => {
      state(false);
      if (here.readyState === 2 && here === source) refused();
    };
    on(here, ["open", "ping", ...names], (event) => {
      lastHeard = Date.now();
      if (event.type === "open") {
        tries = 0;
        state(true);
      } else if (event.type !== "ping") heard(JSON.parse(/** @type {MessageEvent} */ (event).data), event.type);
    });
  };
  const refused = async () => {
    close();
    timer = setTimeout(open, RETRY[Math.min(tries++, RETRY.length - 1)]);
    if (!over || !(await isGone(url)) || stopped) return;
    stop();
    over();
  };
  // A dead connection reports no error: the phone slept or changed networks, or the access point restarted.
  const watch = setInterval(() => {
    const silent = Date.now() - lastHeard;
    // The clock was set back.
    if (silent < 0) lastHeard = Date.now();
    if (!source || silent < SILENCE) return;
    state(false);
    open();
  }, CHECK);
  const unwatch = whileVisible(() => {
    if (!source || source.readyState === 2) open();
  }, close);
  const stop = () => {
    stopped = true;
    close();
    clearInterval(watch);
    unwatch();
  };
  return stop;
}

/** Whether what is listened to no longer exists: EventSource does not tell scripts why it failed. @param {string} url */
async function isGone(url) {
  const answer = await fetch(url.slice(0, url.lastIndexOf("/"))).catch(() => null);
  return Boolean(answer && answer.status === 404);
}

/**
 * Call `shown` now and whenever the page comes into view or back online, `hidden` when it goes out of view.
 * @param {() => void} shown @param {() => void} hidden @returns {() => void} ends that
 */
function whileVisible(shown, hidden) {
  const turn = (/** @type {Event} */ event) => (document.hidden || event.type === "pagehide" ? hidden() : shown());
  const ends = [on(document, ["visibilitychange"], turn), on(window, ["pageshow", "online", "pagehide"], turn)];
  if (!document.hidden) shown();
  return () => {
    for (const end of ends) end();
  };
}

/** @param {EventTarget} target @param {string[]} names @param {(event: Event) => void} act @returns {() => void} removes them */
function on(target, names, act) {
  for (const name of names) target.addEventListener(name, act);
  return () => {
    for (const name of names) target.removeEventListener(name, act);
  };
}
