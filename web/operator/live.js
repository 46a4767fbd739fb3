/**
 * Keeps a page of the operator's up to date: when something has changed, the page is fetched again, and what stands in
 * elements with `data-live` (each has an id) is replaced, unless somebody is using it. Choices made in it are kept.
 */

import { listen } from "../shared/events.js";

let fetching = false;
let again = false;

/** Whether somebody types or chooses in `part`, or has opened something in it. @param {Element} part */
function isUsed(part) {
  const active = document.activeElement;
  const typing = active && part.contains(active) && active.matches("input:not([type=checkbox]), select, textarea");
  return Boolean(typing || part.querySelector("details[open]"));
}

/** @param {Element} part */
function choices(part) {
  const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (part.querySelectorAll("input[type=checkbox]"));
  return [...boxes].filter((box) => box.checked).map((box) => `${box.name}=${box.value}`);
}

/** Replace `part` with its newer version. @param {Element} part @param {Element} newer */
function renew(part, newer) {
  if (part.outerHTML === newer.outerHTML || isUsed(part)) return;
  const chosen = choices(part);
  const active = document.activeElement;
  const focused = active && part.contains(active) ? active.id || active.getAttribute("aria-label") : null;
  for (const { name, value } of [...newer.attributes]) part.setAttribute(name, value);
  part.replaceChildren(...newer.childNodes);
  for (const box of /** @type {NodeListOf<HTMLInputElement>} */ (part.querySelectorAll("input[type=checkbox]"))) {
    if (chosen.includes(`${box.name}=${box.value}`)) box.checked = true;
  }
  if (!focused) return;
  const same = [...part.querySelectorAll("[id], [aria-label]")].find(
    (one) => (one.id || one.getAttribute("aria-label")) === focused,
  );
  if (same instanceof HTMLElement) same.focus({ preventScroll: true });
}

async function refresh() {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
    // Signed out meanwhile: the page that asks for the PIN.
    if (answer.type === "opaqueredirect" || answer.status === 401) location.reload();
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-live]")) {
        const newer = page.getElementById(part.id);
        if (newer) renew(part, newer);
      }
      document.dispatchEvent(new Event("renewed"));
    }
  } catch {
    // The stream of events tells when the kiosk is back.
  } finally {
    fetching = false;
  }
  if (again) {
    again = false;
    refresh();
  }
}

// A deed that cannot be undone asks once more, on its button.
document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("button[data-sure]") : null;
  if (!(button instanceof HTMLButtonElement)) return;
  event.preventDefault();
  button.textContent = button.dataset.sure || "";
  delete button.dataset.sure;
});

const all = document.getElementById("everything");
if (all) {
  all.hidden = false;
  all.onclick = () => {
    const boxes = /** @type {HTMLInputElement[]} */ ([...document.querySelectorAll("input[name=token]")]);
    const some = boxes.some((box) => !box.checked);
    for (const box of boxes) box.checked = some;
  };
}

if (document.querySelector("[data-live]")) {
  listen("/operator/events", ["changed"], refresh, (connected) => {
    document.body.classList.toggle("offline", !connected);
  });
}

const note = document.getElementById("note");
if (note) {
  // A reload must not tell of the same deed again.
  const address = new URL(location.href);
  address.searchParams.delete("done");
  history.replaceState(null, "", address);
  setTimeout(() => note.remove(), 60000);
}
