/** An error page: translates what the server says into the guest's language. */

import { translate } from "../shared/i18n.js";
import { explain, loadServerWords, word } from "../shared/server-words.js";

Promise.all([translate(), loadServerWords("errors")]).then(() => {
  const said = /** @type {HTMLElement} */ (document.querySelector("[data-code]"));
  said.textContent = explain({ code: said.dataset.code || "", message: said.textContent || "" });
  const home = /** @type {HTMLElement} */ (document.querySelector("a"));
  home.textContent = word("error.home") || home.textContent;
});
