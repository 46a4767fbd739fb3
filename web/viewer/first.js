/** The page's entry: shows the first picture before anything else is loaded. */

import { after } from "../shared/promises.js";
import { prepare } from "../shared/sphere/source.js";
import { stageIn } from "../shared/sphere/stage.js";
import { $, aim, app, best, pictureOf, query, register, still } from "./state.js";

/** Milliseconds to wait for the first picture to begin decoding before a graphics context is made. */
const HEADSTART = 100;
/** Milliseconds to wait for the first picture to be seen. */
const PATIENCE = 1500;

async function start() {
  const sent = $("status");
  /** @type {import("./state.js").Status | null} */
  const status = sent && JSON.parse(sent.textContent || "null");
  /** @type {HTMLLinkElement | null} */
  const early = document.querySelector("link[as=fetch]");
  // While it is decoded, on another thread, this one makes a graphics context.
  if (early) await Promise.race([prepare(early.getAttribute("href") || ""), after(HEADSTART)]);
  app.stage = await stageIn($("sphere"), {
    webgl1: query.get("webgl") === "1",
    flat: query.get("webgl") === "0",
    budget: Number(query.get("budget") || 96) * 2 ** 20,
    still,
  });
  if (status) {
    register(status);
    aim();
    app.stage.show(pictureOf(best()));
    if (early) await Promise.race([app.stage.first, after(PATIENCE)]);
  }
  const { open } = await import("./main.js");
  open(status);
}

start();
