/** Everything of mine as one file. */

import { h } from "../shared/element.js";
import { t } from "../shared/i18n.js";
import { ownKey } from "../shared/owner.js";

/** A form with one button, so that the key is in no address. @param {string} kind class of the button */
export function zip(kind) {
  return h(
    "form",
    { method: "post", action: "/api/mine.zip" },
    h("input", { type: "hidden", name: "owner_key", value: ownKey() }),
    h("button", { class: kind }, t("mine.zip")),
  );
}
