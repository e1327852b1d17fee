// A field: a member of the document with its control, its words, and a place for what is wrong with it.
// A description is {at: [steps], kind: "text", …}; `word` names its label (f_…) and its hint (h_…).
import { el } from "./dom.js";
import { knows, say } from "./words.js";
import { CONTROLS } from "./editor_controls.js";
import { PLACES } from "./editor_places.js";
import { TEXTS } from "./editor_texts.js";
import { said } from "./editor_paths.js";

const KINDS = { ...CONTROLS, places: PLACES, texts: TEXTS };
const SINGLE = new Set(["text", "long", "number", "share", "choice", "date", "clock", "zone"]);

/** The id of the element that a path is written by: a word, whatever the path's names are. */
export const idOf = (path) => `f-${said(path).replace(/[^\w-]/g, (sign) => `_${sign.codePointAt(0).toString(16)}`)}`;

const wordOf = (spec) => spec.word ?? spec.at.filter((step) => typeof step === "string").join("_");

/** The control of a field, or where it cannot show what stands there, that as it is. */
function control(draft, base, spec, label) {
  const path = [...base, ...spec.at];
  const value = draft.read(path);
  const id = idOf(path);
  const kind = KINDS[spec.kind];
  const put = draft.heard((given, { shape = spec.shape, focus = id } = {}) => {
    for (const [at, fresh] of Object.entries(spec.seed ?? {})) {
      const beside = at.split(".");
      if (given !== undefined && draft.read([...base, ...beside]) === undefined) draft.set([...base, ...beside], fresh);
    }
    if (given === undefined && spec.removes) draft.set(spec.removes, undefined, { shape: true, focus });
    else draft.set(path, given, { floor: spec.floor ?? base.length, shape: shape || (spec.late && value === undefined), focus });
  });
  if (value !== undefined && !kind.fits(value, spec))
    return foreign(value, () => put(spec.fresh, { shape: true }), { id, label });
  return kind.draw(value, spec, put, { id, label, draft, path });
}

/** What the form has no control for stays as it is until somebody writes it anew. */
export const foreign = (value, away, name) =>
  el(
    "span",
    { class: "foreign", id: name.id, role: "group", "aria-label": name.label },
    el("code", {}, JSON.stringify(value)),
    el("button", { type: "button", class: "quiet small", onclick: away }, say("write_anew")),
  );

/** A field with its label above. */
export function field(draft, base, spec) {
  const path = [...base, ...spec.at];
  const label = say(`f_${wordOf(spec)}`);
  const id = idOf(path);
  const made = control(draft, base, spec, label);
  const hint = knows(`h_${wordOf(spec)}`) && el("small", { class: "note", id: `${id}-hint` }, say(`h_${wordOf(spec)}`));
  if (hint && "setAttribute" in made) made.setAttribute("aria-describedby", hint.id);
  const has = { class: `field ${spec.kind}${spec.wide ? " wide" : ""}`, dataset: { path: said(path) } };
  if (spec.kind === "tick" && made.type === "checkbox") return el("div", has, el("label", { class: "tick" }, made, label), hint);
  const single = SINGLE.has(spec.kind) && made.id === id && !made.classList.contains("foreign");
  if (single) made.removeAttribute("aria-label");
  return el("div", has, single ? el("label", { for: id }, label) : el("span", { class: "label" }, label), made, hint);
}

/** A field within a sentence: without a label that is seen. */
export function inline(draft, base, spec) {
  const path = [...base, ...spec.at];
  const name = say(`f_${spec.word}`);
  return el("span", { class: `inline ${spec.kind}`, dataset: { path: said(path), name } }, control(draft, base, spec, name));
}

/** Fields side by side; those whose `when` says no are left out. */
export const fields = (draft, base, specs) =>
  el(
    "div",
    { class: "fields" },
    specs.filter((spec) => !spec.when || spec.when(draft)).map((spec) => field(draft, base, spec)),
  );

const icon = (sign, word, more) =>
  el("button", { type: "button", class: "quiet small", "aria-label": word, title: word, ...more }, sign);

/** A list of rows that are added and taken away: {at, row: [fields], fresh: () => value, word, most}. */
export function rows(draft, base, spec) {
  const path = [...base, ...spec.at];
  const now = draft.read(path);
  const list = Array.isArray(now) ? now : [];
  const away = (at) => draft.set([...path, at], undefined, { floor: base.length, shape: true, focus: `${idOf(path)}-add` });
  const row = (_, at) => {
    const name = `${say(`f_${spec.word}`)} ${at + 1}`;
    const mine = spec.row.filter((each) => !each.when || each.when(draft, [...path, at]));
    return el(
      "li",
      {},
      el(
        "div",
        { class: "row", role: "group", "aria-label": name, dataset: { path: said([...path, at]) } },
        mine.map((each) => field(draft, [...path, at], each)),
        icon("×", `${say("remove")}: ${name}`, { onclick: () => away(at) }),
      ),
    );
  };
  const focus = () => idOf([...path, list.length, ...spec.row[0].at]);
  const add = () => draft.set([...path, list.length], spec.fresh(draft), { shape: true, focus: focus() });
  const head = el("h3", {}, say(`f_${spec.word}`));
  const hint = knows(`h_${spec.word}`) && el("p", { class: "note" }, say(`h_${spec.word}`));
  if (now !== undefined && !Array.isArray(now))
    return el(
      "div",
      { class: "rows", dataset: { path: said(path) } },
      head,
      foreign(now, () => draft.set(path, undefined, { shape: true }), { id: idOf(path), label: say(`f_${spec.word}`) }),
    );
  const more =
    (!spec.most || list.length < spec.most) &&
    el("button", { type: "button", class: "quiet", id: `${idOf(path)}-add`, onclick: add }, say(`add_${spec.word}`));
  return el(
    "div",
    { class: "rows", dataset: { path: said(path) } },
    head,
    hint,
    list.length ? el("ol", {}, list.map(row)) : null,
    more,
  );
}
