/** Why there is no such photo. */

import { t, translate } from "../shared/i18n.js";
import { token } from "./state.js";

/** @returns {Promise<[string, string]>} a headline and a sentence */
export async function reason() {
  const [answer] = await Promise.all([fetch(`/api/photos/${token}`).catch(() => null), translate("viewer")]);
  const { error } = answer ? await answer.json().catch(() => ({})) : { error: "" };
  if (error === "deleted") return [t("state.deleted"), t("state.deleted.more")];
  if (error === "expired") return [t("state.expired"), t("state.expired.more")];
  return [t("state.missing"), t("state.missing.more")];
}
