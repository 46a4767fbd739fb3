/** An error's page: what the server says, in the guest's language. Without script it stays in the server's words. */

import { explain, translate } from "../shared/i18n.js";

translate("errors").then(() => {
  const said = /** @type {HTMLElement} */ (document.querySelector("[data-code]"));
  said.textContent = explain({ code: said.dataset.code || "", message: said.textContent || "" });
});
