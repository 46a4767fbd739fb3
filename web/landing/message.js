/** An error's page: what the server says, in the guest's language. Without script it stays in the server's words. */

import { translate } from "../shared/i18n.js";
import { explain, more, word } from "../shared/said.js";

Promise.all([translate(), more("errors")]).then(() => {
  const said = /** @type {HTMLElement} */ (document.querySelector("[data-code]"));
  said.textContent = explain({ code: said.dataset.code || "", message: said.textContent || "" });
  const home = /** @type {HTMLElement} */ (document.querySelector("a"));
  home.textContent = word("error.home") || home.textContent;
});
