/** Takes a photo with the kiosk's camera, and finds out which photo it became: never somebody else's. */

/** @typedef {{code: string, message: string}} Refusal why there is no photo, for `explain` */

const COUNT = 3;
/** Milliseconds between questions. */
const EVERY = 400;
/** Milliseconds. */
const PATIENCE = 90000;

/** Three, two, one. @param {HTMLElement} box where it is shown */
export async function countDown(box) {
  box.hidden = false;
  for (let n = COUNT; n > 0; n--) {
    box.textContent = String(n);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  box.hidden = true;
}

/**
 * @param {string} url @param {RequestInit} [options]
 * @throws {Refusal} if the kiosk refuses
 */
async function ask(url, options) {
  const answer = await fetch(url, options);
  const body = await answer.json();
  if (!answer.ok) throw { code: body.error, message: body.message };
  return body;
}

/** For a camera that does not answer. @returns {Refusal} */
const silent = () => ({ code: "camera", message: "" });

/** @param {any} error @returns {error is Refusal} */
function isRefusal(error) {
  return Boolean(error && error.code && "message" in error && !(error instanceof Error));
}

/**
 * Take a photo and wait until it is known.
 * @returns {Promise<string>} its token
 * @throws {Refusal}
 */
export async function takePhoto() {
  let id = "";
  try {
    id = (await ask("/api/capture", { method: "POST" })).id;
  } catch (error) {
    throw isRefusal(error) ? error : silent();
  }
  const until = performance.now() + PATIENCE;
  while (performance.now() < until) {
    try {
      const { state, token, error } = await ask(`/api/capture/${id}`);
      if (state === "failed") throw error;
      if (state === "taken" && !token) throw { code: "deleted", message: "" };
      if (state === "taken") return token;
    } catch (error) {
      // A server that restarts still knows the request.
      if (isRefusal(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
  throw silent();
}
