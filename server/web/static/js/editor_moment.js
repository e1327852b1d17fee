// The moment: its words in each language and manner of address, with placeholders to put in, and what a tap does.
import { el } from "./dom.js";
import { FACTS, say } from "./words.js";
import { localeName } from "./editor_controls.js";
import { fields, foreign, idOf, rows } from "./editor_fields.js";
import { said } from "./editor_paths.js";

const CONTENT = ["moment", "content"];
const { choices } = FACTS;
const isGerman = (locale) => locale.toLowerCase().split("-")[0] === "de";
const isContent = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

const ABOUT = [
  { at: ["moment", "surfaces"], kind: "several", options: choices.surface, words: "surface_{}" },
  { at: ["moment", "action", "type"], kind: "choice", options: ["pass", "link"], words: "action_{}", shape: true },
  {
    at: ["moment", "action", "url"],
    kind: "text",
    longest: 2000,
    when: (draft) => draft.read(["moment", "action", "type"]) === "link" || draft.read(["moment", "action", "url"]) !== undefined,
  },
  { at: ["moment", "collapse_key"], kind: "text", longest: 64 },
];

const VARIANTS = {
  at: ["variants"],
  word: "variants",
  most: 20,
  fresh: (draft) => fresh(free(draft)),
  row: [
    { at: ["id"], kind: "text", word: "variant_id", longest: 64, required: true },
    { at: ["placement"], kind: "choice", options: choices.placement, words: "as_{}", word: "variant_placement" },
    { at: ["weight"], kind: "number", whole: true, low: 0, high: 10000, word: "variant_weight", usual: "1" },
  ],
};

function free(draft) {
  const taken = new Set((draft.read(["variants"]) ?? []).map((each) => each?.id));
  return ["card", "banner", "interstitial", "inbox", ..."abcdefghijklmnop"].find((each) => !taken.has(each)) ?? "variant";
}

const fresh = (id) => ({ id, weight: 50, placement: choices.placement.includes(id) ? id : "card" });

/** The section of the moment. */
export function drawMoment(draft) {
  const content = draft.read(CONTENT);
  const shown = isContent(content) ? Object.keys(content) : [];
  const panels =
    content !== undefined && !isContent(content)
      ? [foreign(content, () => draft.set(CONTENT, {}, { shape: true }), { id: idOf(CONTENT), label: say("f_moment_content") })]
      : shown.flatMap((locale) =>
          Array.isArray(content[locale])
            ? content[locale].map((_, at) => panel(draft, [...CONTENT, locale, at], locale))
            : [panel(draft, [...CONTENT, locale], locale)],
        );
  const fallback = { at: ["moment", "fallback_locale"], kind: "choice", options: shown, required: true };
  return [
    el("div", { class: "contents", dataset: { path: said(CONTENT), name: say("f_moment_content") } }, panels),
    another(draft, shown),
    fields(draft, [], [...(shown.length ? [fallback] : []), ...ABOUT]),
    rows(draft, [], VARIANTS),
  ];
}

/** The words of one locale (and manner of address). */
function panel(draft, path, locale) {
  const value = draft.read(path);
  const name = `${localeName(locale)} (${locale})`;
  if (!isContent(value))
    return foreign(value, () => draft.set(path, { title: "", body: "" }, { shape: true }), { id: idOf(path), label: name });
  const manner = ["du", "sie"].includes(value.formality) ? `${name} · ${say(`formality_${value.formality}`)}` : name;
  const specs = [
    { at: ["title"], kind: "text", word: "title", longest: 300, required: true, wide: true },
    { at: ["body"], kind: "long", word: "body", longest: 2000, required: true, wide: true },
    ...(isGerman(locale) || value.formality !== undefined
      ? [{ at: ["formality"], kind: "choice", options: ["du", "sie"], words: "formality_{}", word: "formality", shape: true }]
      : []),
    { at: ["image_url"], kind: "text", word: "image_url", longest: 2000 },
  ];
  return el(
    "fieldset",
    { class: "content", dataset: { path: said(path), locale } },
    el("legend", {}, manner),
    fields(draft, path, specs),
    placeholders(draft, path),
    el("div", { class: "buttons" }, both(draft, path, locale, value), away(draft, path, manner)),
  );
}

function away(draft, path, name) {
  const remove = () => {
    draft.set(path, undefined, { floor: 1 });
    const left = Object.keys(draft.read(CONTENT) ?? {});
    const list = draft.read(path.slice(0, 3));
    if (Array.isArray(list) && list.length === 1) draft.set(path.slice(0, 3), list[0]);
    if (!left.includes(draft.read(["moment", "fallback_locale"]))) draft.set(["moment", "fallback_locale"], left[0]);
    draft.tell("shape", "new-locale");
  };
  return el(
    "button",
    { type: "button", class: "quiet small", onclick: remove, "aria-label": `${say("remove")}: ${name}` },
    say("remove"),
  );
}

/** German has two manners of address: the other one joins the one that is there. */
function both(draft, path, locale, value) {
  if (!isGerman(locale) || path.length !== 3) return null;
  const add = () => {
    const mine = ["du", "sie"].includes(value.formality) ? value.formality : FACTS.formality;
    const other = mine === "du" ? "sie" : "du";
    draft.set(
      path,
      [
        { ...value, formality: mine },
        { formality: other, title: "", body: "" },
      ],
      { shape: true, focus: idOf([...path, 1, "title"]) },
    );
  };
  return el("button", { type: "button", class: "quiet small", onclick: add }, say("add_formality"));
}

/** What may stand in title and body: put in where the cursor was last. */
function placeholders(draft, path) {
  const options = ["customer.first_name", ...choices.placeholder].map((name) =>
    el("option", { value: name }, say(`placeholder_${name.replace(".", "_")}`)),
  );
  const chosen = (event) => {
    const name = event.target.value;
    event.target.value = "";
    const text = name.startsWith("customer.") ? `{{ ${name} | default: '${say("placeholder_default")}' }}` : `{{ ${name} }}`;
    insert(event.target.closest("fieldset"), text);
  };
  return el(
    "label",
    { class: "insert" },
    say("insert"),
    el("select", { id: `${idOf(path)}-insert`, onchange: chosen }, el("option", { value: "" }, "…"), options),
  );
}

/** Put a text where the cursor is, or was last, in a panel's title or body. */
function insert(panel, text) {
  const body = panel.querySelector("textarea");
  const input = panel.contains(insert.last) && insert.last ? insert.last : body;
  const [from, to] = [input.selectionStart ?? input.value.length, input.selectionEnd ?? input.value.length];
  input.setRangeText(text, from, to, "end");
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.focus();
}
document.addEventListener("focusin", (event) => {
  if (event.target.matches?.(".content textarea, .content .field.text input")) insert.last = event.target;
});

/** The list of languages that words may be added in. */
function another(draft, shown) {
  const listed = [
    ...new Set([...FACTS.locales, "de-DE", "en-US", "en-GB", "fr-FR", "it-IT", "es-ES", "nl-NL", "pl-PL", "tr-TR"]),
  ].filter((each) => !shown.includes(each));
  const input = el("input", {
    id: "new-locale",
    type: "text",
    list: "list-locales",
    size: 8,
    maxlength: 35,
    autocomplete: "off",
    placeholder: listed[0] ?? "",
    onkeydown: (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        add();
      }
    },
  });
  const add = () => {
    const locale = input.value.trim() || listed[0];
    if (!locale || shown.includes(locale)) return;
    const content = isGerman(locale) ? { formality: FACTS.formality, title: "", body: "" } : { title: "", body: "" };
    draft.set([...CONTENT, locale], content);
    if (draft.read(["moment", "fallback_locale"]) === undefined) draft.set(["moment", "fallback_locale"], locale);
    draft.tell("shape", idOf([...CONTENT, locale, "title"]));
  };
  return el(
    "div",
    { class: "pair wide" },
    el("label", {}, say("new_locale"), input),
    el("button", { type: "button", class: "quiet", id: "add-locale", onclick: add }, say("add_locale")),
    el(
      "datalist",
      { id: "list-locales" },
      listed.map((value) => el("option", { value }, localeName(value))),
    ),
  );
}
