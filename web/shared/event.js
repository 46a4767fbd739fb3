/** What the operator made of the pages for an event: a name, a logo, a sentence, a color. */

/**
 * @typedef {object} About what /api/kiosk says, as far as guests' pages use it
 * @property {string} name
 * @property {number} upload_mb
 * @property {{name: string, title: string, line: string, thumbnail: string | null}[]} styles
 * @property {string} style
 * @property {"ask" | "yes" | "no"} show whether the guest's switch is offered, and how it starts
 * @property {boolean} approve whether the staff look at dreams before others see them
 * @property {{welcome: string, accent: string, logo: string | null}} event
 * @property {{code: string, message: string} | null} out_of_service
 */

/** Relative luminance 0..1 of "#rrggbb" (WCAG 2.2). @param {string} color */
function luminance(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Luminance on which dark and light words have the same contrast: sqrt(1.05 * 0.05) - 0.05 (WCAG 2.2). */
const MIDDLE = 0.179;

/** Show the event's name, logo and color. @param {About} about @param {HTMLElement} name where the name stands */
export function dress({ name: title, event }, name) {
  name.textContent = title;
  if (event.logo) {
    const logo = document.createElement("img");
    logo.id = "logo";
    logo.alt = "";
    logo.onerror = () => logo.remove();
    logo.src = event.logo;
    name.prepend(logo);
  }
  if (!/^#[0-9a-f]{6}$/i.test(event.accent)) return;
  const { style } = document.documentElement;
  const light = luminance(event.accent);
  style.setProperty("--dawn", event.accent);
  style.setProperty("--ink", light > MIDDLE ? "#08070d" : "#fff");
  // Words of this color on the dark page: only where they can be read.
  if (light > MIDDLE) style.setProperty("--warm", event.accent);
}
