/**
 * The room: who looks at the same dream sees where the others look, as soft lights, and one may lead.
 *
 * A page makes up an id at every load and tells its gaze a few times a second; nothing of it is kept.
 */

import { t } from "../shared/i18n.js";
import { direction, wrap } from "../shared/view.js";
import { $, app, token } from "./app.js";
import { say } from "./viewer.js";

/**
 * @typedef {object} Room
 * @property {string} token another photo when the leader goes there
 * @property {[string, number, number][]} gazes who, yaw, pitch
 * @property {string | null} leader
 */

const GLOW = 0.5;
/** Seconds that a light takes to come most of the way to where it should be. */
const LAG = 0.18;
const STILL_HERE = 2500;
const HANDS_OFF = 3;
const LEADING = "dreamkiosk.leading";
/** Shaders are made for these many lights; more people than that are a sky full of stars already. */
const SKIES = [2, 4, 8, 16];
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
const others = new Map();
let me = "";
/** @type {string | null} */
let leader = null;
let leading = false;
/** Whether the panel's style is there: it comes with the company, after the picture. */
let styled = false;
let last = { yaw: 9, pitch: 9, at: 0 };
let wait = 250;

/** Where the others look now. @returns {{yaw: number, pitch: number}[]} */
export function gazes() {
  return [...others.values()].filter((other) => !other.gone);
}

/** @param {Record<string, unknown>} [more] */
async function tell(more = {}) {
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

async function speak() {
  const { yaw, pitch } = app.stage.view.gaze();
  const moved = Math.abs(wrap(yaw - last.yaw)) + Math.abs(pitch - last.pitch) > 0.012;
  const due = performance.now() - last.at > STILL_HERE;
  if (!document.hidden && (moved || due)) await tell(leading ? { lead: true } : {});
  setTimeout(speak, wait);
}

/** What the server says about the room. @param {Room} room */
export function hear(room) {
  if (room.token !== token) {
    if (!leading) location.assign(`/v/${room.token}`);
    return;
  }
  leader = room.leader;
  for (const other of others.values()) other.gone = true;
  for (const [who, yaw, pitch] of room.gazes) {
    if (who === me) continue;
    const known = others.get(who);
    if (known) {
      known.to = [yaw, pitch];
      known.gone = false;
    } else {
      const hue = HUES[parseInt(who.slice(0, 4), 16) % HUES.length];
      others.set(who, { yaw, pitch, to: [yaw, pitch], strength: 0, gone: false, hue });
    }
  }
  if (leading && leader && leader !== me) leading = false;
  panel();
  app.stage.dirty = true;
}

/** The line that says who is here, and the lead. */
function panel() {
  const count = gazes().length;
  const box = $("room");
  box.hidden = !styled || (!count && !leading);
  if (box.hidden) return;
  const words = count === 1 ? t("room.one") : t("room.many", { n: count });
  const led = leader && leader !== me;
  $("here").textContent = led ? `${words} · ${t("room.led")}` : words;
  $("lead").hidden = Boolean(led);
  $("lead").textContent = t(leading ? "room.stop" : "room.lead");
  $("lead").setAttribute("aria-pressed", String(leading));
  $("onward").hidden = !leading;
}

/** Lights move softly, and a follower's view with the leader's. @param {number} dt seconds */
function move(dt) {
  const share = 1 - Math.exp(-dt / LAG);
  let moving = false;
  for (const [who, other] of others) {
    const dy = wrap(other.to[0] - other.yaw);
    const dp = other.to[1] - other.pitch;
    other.yaw = wrap(other.yaw + dy * share);
    other.pitch += dp * share;
    const wanted = other.gone ? 0 : 1;
    other.strength += (wanted - other.strength) * Math.min(1, dt * 2.5);
    if (other.gone && other.strength < 0.02) others.delete(who);
    moving = moving || Math.abs(dy) + Math.abs(dp) > 1e-3 || Math.abs(wanted - other.strength) > 0.02;
  }
  const guide = leader && leader !== me ? others.get(leader) : null;
  const { view } = app.stage;
  if (guide && !view.device && performance.now() / 1000 - app.drag.touched > HANDS_OFF) {
    const slow = 1 - Math.exp(-dt / 0.5);
    const yaw = wrap(guide.yaw - view.yaw) * slow;
    const pitch = (guide.pitch - view.pitch) * slow;
    view.turn(yaw, pitch);
    moving = moving || Math.abs(yaw) + Math.abs(pitch) > 1e-4;
  }
  const sky = SKIES.find((size) => size >= others.size) || SKIES[SKIES.length - 1];
  const lights = [...others.values()].slice(0, sky).map((other) => ({
    direction: direction(other.yaw, other.pitch),
    strength: GLOW * other.strength,
    hue: other.hue,
  }));
  while (lights.length && lights.length < sky) lights.push({ direction: [0, 1, 0], strength: 0, hue: HUES[0] });
  app.stage.lights = lights;
  return moving;
}

/** The leader takes everybody to the next dream of the gallery. */
async function onward() {
  const answer = await fetch("/api/photos?limit=30");
  if (!answer.ok) return;
  /** @type {string[]} */
  const tokens = (await answer.json()).photos.map((/** @type {{token: string}} */ photo) => photo.token);
  const next = tokens[(tokens.indexOf(token) + 1) % tokens.length];
  if (!next || next === token) return;
  await tell({ go: next });
  try {
    sessionStorage.setItem(LEADING, "1");
  } catch {
    // Storage switched off: there the lead has to be taken again.
  }
  location.assign(`/v/${next}`);
}

/** Take part, once: the photo's events are listened to already. */
export function join() {
  app.stage.before_frame.push(move);
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = "/static/viewer/room.css";
  style.onload = () => {
    styled = true;
    panel();
  };
  document.head.append(style);
  try {
    leading = sessionStorage.getItem(LEADING) === "1";
    sessionStorage.removeItem(LEADING);
  } catch {
    // As above.
  }
  $("lead").onclick = () => {
    leading = !leading;
    tell({ lead: leading });
    if (leading) say(t("room.leading"), 5);
    panel();
  };
  $("onward").textContent = t("room.onward");
  $("onward").onclick = onward;
  window.addEventListener("pagehide", () => {
    navigator.sendBeacon(`/api/photos/${token}/room`, JSON.stringify({ id, yaw: 0, pitch: 0, leave: true }));
  });
  speak();
}
