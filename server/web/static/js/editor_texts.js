// A text that is the same in every language, or one for each.
import { el } from "./dom.js";
import { say } from "./words.js";
import { CONTROLS, localeName } from "./editor_controls.js";
import { said } from "./editor_paths.js";

const languageOf = (locale) => locale.split("-")[0].toLowerCase();

/** The languages that the moment is told in. */
export const languages = (draft) => [...new Set(Object.keys(draft.read(["moment", "content"]) ?? {}).map(languageOf))];

export const TEXTS = {
  fits: (value) =>
    typeof value === "string" ||
    (value !== null &&
      typeof value === "object" &&
      !Array.isArray(value) &&
      Object.values(value).every((each) => typeof each === "string")),
  draw: (value, spec, put, name) => {
    const inner = spec.long ? CONTROLS.long : CONTROLS.text;
    const spoken = languages(name.draft);
    if (value === undefined || typeof value === "string") {
      const apart = () => put(Object.fromEntries(spoken.map((each) => [each, value ?? ""])), { shape: true });
      const more =
        spoken.length > 1 && el("button", { type: "button", class: "quiet small", onclick: apart }, say("by_language"));
      return el("span", { class: "texts" }, inner.draw(value, spec, put, name), more);
    }
    const missing = spoken.filter((each) => !Object.keys(value).some((locale) => languageOf(locale) === each));
    const write = (locale) => (given) => {
      value[locale] = given ?? "";
      put(value);
    };
    const each = (locale) =>
      el(
        "span",
        { class: "of", dataset: { path: said([...name.path, locale]) } },
        el("span", { class: "locale" }, localeName(locale)),
        inner.draw(value[locale], { ...spec, required: true }, write(locale), {
          id: `${name.id}-${locale}`,
          label: `${name.label}: ${localeName(locale)}`,
        }),
      );
    const together = () => put(Object.values(value)[0] || undefined, { shape: true });
    return el(
      "span",
      { class: "texts", id: name.id, role: "group", "aria-label": name.label },
      [...Object.keys(value), ...missing].map(each),
      el("button", { type: "button", class: "quiet small", onclick: together }, say("one_text")),
    );
  },
};
