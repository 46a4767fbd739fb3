/** Elements made by scripts. */

/**
 * An element with attributes, event handlers (onclick), and children.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") /** @type {any} */ (element)[name] = value;
    else if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child !== null)));
  return element;
}

/** A button that acts at the second press. @param {string} kind its class @param {string} words @param {string} sure what it asks then @param {() => void} act */
export function twice(kind, words, sure, act) {
  const button = h("button", { type: "button", class: kind }, words);
  button.onclick = () => {
    if (button.dataset.sure) act();
    button.dataset.sure = "1";
    button.textContent = sure;
  };
  return button;
}
