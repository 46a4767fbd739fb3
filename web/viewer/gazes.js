/**
 * The other guests: all who look at the same dream see where the others look, as soft lights, and one may lead.
 *
 * Each page makes up an id when it loads, and sends its gaze a few times a second; nothing is stored.
 */

import { moreWords, t } from "../shared/i18n.js";
import { direction, wrap } from "../shared/sphere/view.js";
import { say } from "./messages.js";
import { $, app, token } from "./state.js";
import { loadStyle } from "./style.js";

/**
 * @typedef {object} Room
 * @property {string} token of the photo; another one if the leader has gone there
 * @property {[string, number, number][]} gazes who, yaw, pitch
 * @property {string | null} leader
 */

/** Brightness of a light. */
const GLOW = 0.5;
/** Time constant of a light's movement toward the gaze, seconds. */
const LAG = 0.18;
/** Milliseconds between reports of a gaze that rests. */
const STILL_HERE = 2500;
/** Seconds after a touch until the view follows the leader again. */
const HANDS_OFF = 3;
const LEADING = "dreamkiosk.leading";
/** Numbers of lights that shaders are compiled for; guests beyond the last are not shown. */
const COUNTS = [2, 4, 8, 16];
const HUES = [
  [1, 0.62, 0.36],
  [1, 0.4, 0.55],
  [0.6, 0.45, 1],
  [0.35, 0.7, 1],
  [0.5, 0.95, 0.7],
];

const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(
  "",
);
/** @type {Map<string, {yaw: number, pitch: number, to: [number, number], strength: number, gone: boolean, hue: number[]}>} */
const guests = new Map();
let me = "";
/** @type {string | null} */
let leader = null;
let leading = false;
/** Whether the panel has its style and its words. */
let visible = false;
/** The gaze that was sent last, and when. */
let last = { yaw: 9, pitch: 9, at: 0 };
/** Milliseconds until the gaze is sent again. */
let wait = 250;

/** Where the others look now. @returns {{yaw: number, pitch: number}[]} */
export function others() {
  return [...guests.values()].filter((other) => !other.gone);
}

/** Send the gaze. @param {Record<string, unknown>} [more] what else to tell the server */
async function send(more = {}) {
  const { yaw, pitch } = app.stage.view.gaze();
  last = { yaw, pitch, at: performance.now() };
  try {
    const answer = await fetch(`/api/photos/${token}/room`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ id, yaw, pitch, ...more }),
    });
    if (!answer.ok) {
      wait = 2000;
      return;
    }
    const seen = await answer.json();
    me = seen.me;
    wait = Math.max(250, seen.wait * 1000);
  } catch {
    wait = 3000;
  }
}

/** Send the gaze from time to time while it moves. */
async function report() {
  const { yaw, pitch } = app.stage.view.gaze();
  const moved = Math.abs(wrap(yaw - last.yaw)) + Math.abs(pitch - last.pitch) > 0.012;
  const due = performance.now() - last.at > STILL_HERE;
  if (!document.hidden && (moved || due)) await send(leading ? { lead: true } : {});
  setTimeout(report, wait);
}

/** Take in what the server says. @param {Room} room */
export function hear(room) {
  if (room.token !== token) {
    if (!leading) location.assign(`/v/${room.token}`);
    return;
  }
  leader = room.leader;
  for (const other of guests.values()) other.gone = true;
  for (const [who, yaw, pitch] of room.gazes) {
    if (who === me) continue;
    const known = guests.get(who);
    if (known) {
      known.to = [yaw, pitch];
      known.gone = false;
    } else {
      const hue = HUES[parseInt(who.slice(0, 4), 16) % HUES.length];
      guests.set(who, { yaw, pitch, to: [yaw, pitch], strength: 0, gone: false, hue });
    }
  }
  if (leading && leader && leader !== me) leading = false;
  panel();
  app.stage.dirty = true;
}

/** The line that says who is here and who leads. */
function panel() {
  const count = others().length;
  const box = $("room");
  box.hidden = !visible || (!count && !leading);
  if (box.hidden) return;
  const words = count === 1 ? t("room.one") : t("room.many", { n: count });
  const led = leader && leader !== me;
  $("here").textContent = led ? `${words} · ${t("room.led")}` : words;
  $("lead").hidden = Boolean(led);
  $("lead").textContent = t(leading ? "room.stop" : "room.lead");
  $("lead").setAttribute("aria-pressed", String(leading));
  $("onward").hidden = !leading;
}

/** Move the lights smoothly, and a follower's view with the leader's. @param {number} dt seconds @returns {boolean} whether anything moved */
function move(dt) {
  const share = 1 - Math.exp(-dt / LAG);
  let moving = false;
  for (const [who, other] of guests) {
    const dy = wrap(other.to[0] - other.yaw);
    const dp = other.to[1] - other.pitch;
    other.yaw = wrap(other.yaw + dy * share);
    other.pitch += dp * share;
    const wanted = other.gone ? 0 : 1;
    other.strength += (wanted - other.strength) * Math.min(1, dt * 2.5);
    if (other.gone && other.strength < 0.02) guests.delete(who);
    moving = moving || Math.abs(dy) + Math.abs(dp) > 1e-3 || Math.abs(wanted - other.strength) > 0.02;
  }
  const guide = leader && leader !== me ? guests.get(leader) : null;
  const { view } = app.stage;
  if (guide && !view.device && performance.now() / 1000 - app.drag.touched > HANDS_OFF) {
    const slow = 1 - Math.exp(-dt / 0.5);
    const yaw = wrap(guide.yaw - view.yaw) * slow;
    const pitch = (guide.pitch - view.pitch) * slow;
    view.turn(yaw, pitch);
    moving = moving || Math.abs(yaw) + Math.abs(pitch) > 1e-4;
  }
  const count = COUNTS.find((size) => size >= guests.size) || COUNTS[COUNTS.length - 1];
  const lights = [...guests.values()].slice(0, count).map((other) => ({
    direction: direction(other.yaw, other.pitch),
    strength: GLOW * other.strength,
    hue: other.hue,
  }));
  while (lights.length && lights.length < count) lights.push({ direction: [0, 1, 0], strength: 0, hue: HUES[0] });
  app.stage.lights = lights;
  return moving;
}

/** The leader takes everyone to the next dream of the gallery. */
async function onward() {
  const answer = await fetch("/api/photos?limit=30");
  if (!answer.ok) return;
  /** @type {string[]} */
  const tokens = (await answer.json()).photos.map((/** @type {{token: string}} */ photo) => photo.token);
  const next = tokens[(tokens.indexOf(token) + 1) % tokens.length];
  if (!next || next === token) return;
  await send({ go: next });
  try {
    sessionStorage.setItem(LEADING, "1");
  } catch {
    // Storage is disabled: the lead has to be taken again there.
  }
  location.assign(`/v/${next}`);
}

/** Begin to show the others and to report this guest's gaze. Call once, and pass events of the room to `hear`. */
export function join() {
  app.stage.before_frame.push(move);
  Promise.all([loadStyle("gazes"), moreWords("viewer")]).then(
    ([styled]) => {
      visible = styled;
      $("onward").textContent = t("room.onward");
      panel();
    },
    () => undefined,
  );
  try {
    leading = sessionStorage.getItem(LEADING) === "1";
    sessionStorage.removeItem(LEADING);
  } catch {
    // As above.
  }
  $("lead").onclick = () => {
    leading = !leading;
    send({ lead: leading });
    if (leading) say(t("room.leading"), 5);
    panel();
  };
  $("onward").onclick = onward;
  window.addEventListener("pagehide", () => {
    navigator.sendBeacon(`/api/photos/${token}/room`, JSON.stringify({ id, yaw: 0, pitch: 0, leave: true }));
  });
  report();
}
