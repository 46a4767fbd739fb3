/** Style sheets that only some moments need. */

/** @type {Map<string, Promise<boolean>>} */
const loading = new Map();

/**
 * Load a style sheet once.
 * @param {string} name without .css, below viewer/
 * @returns {Promise<boolean>} whether it was loaded; never rejects
 */
export function loadStyle(name) {
  const known = loading.get(name);
  if (known) return known;
  /** @type {Promise<boolean>} */
  const loaded = new Promise((resolve) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = `/static/viewer/${name}.css`;
    link.onload = () => resolve(true);
    link.onerror = () => resolve(false);
    document.head.append(link);
  });
  loading.set(name, loaded);
  return loaded;
}
