// What is not saved yet stays in this tab of the browser, for whoever is logged in, until it is saved or thrown away.
import { FACTS } from "./words.js";

const PREFIX = "kairos-editor:";
const nameOf = (id) => `${PREFIX}${FACTS.who}:${id ?? "new"}`;

/** What was kept of an offer (null: the one that is not saved yet): {document, version, text}; null where nothing was. */
export function kept(id) {
  try {
    return JSON.parse(sessionStorage.getItem(nameOf(id)));
  } catch {
    return null;
  }
}

/**
 * Keep a document, and which version of the offer it began from; `text` is the JSON as it was typed, where it is none (yet).
 * A full store is no reason to stop writing.
 */
export function keep(id, document, version, text) {
  try {
    sessionStorage.setItem(nameOf(id), JSON.stringify({ document, version, text }));
  } catch {
    return;
  }
}

/** Forget it. */
export const forget = (id) => sessionStorage.removeItem(nameOf(id));

/** Who logs out leaves nothing behind. */
document.querySelector("form.leave")?.addEventListener("submit", () => {
  for (const name of Object.keys(sessionStorage)) if (name.startsWith(PREFIX)) sessionStorage.removeItem(name);
});
