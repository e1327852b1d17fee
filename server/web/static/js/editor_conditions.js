// Conditions as sentences: groups of all and any, each line with its fields and what can be done with it, by keyboard too.
import { el } from "./dom.js";
import { knows, say } from "./words.js";
import { field, foreign, idOf, inline } from "./editor_fields.js";
import { copy, read, said } from "./editor_paths.js";
import { FRESH, KINDS } from "./editor_sentences.js";
import { add, groupOf, isGroup, move, moves, placeOf, put, take, unwrap } from "./editor_tree.js";

/** The whole `if` of a document. */
export function drawConditions(draft) {
  const is = draft.read(["if"]) !== undefined;
  const tree = is
    ? [el("ol", { class: "conditions" }, drawCondition(draft, ["if"]))]
    : [el("p", { class: "note" }, say("if_none"))];
  const root = is ? unwrap(draft.document, ["if"], read) : null;
  return [
    el("p", { class: "note" }, say("if_about")),
    tree,
    root && isGroup(root.kind, root.value) && root.nots === 0 ? null : adding(draft, null),
  ];
}

/** Tell that the tree has another shape, and look at what was done. */
function reshaped(draft, path, focus) {
  draft.tell("change", "if");
  draft.tell("shape", focus ?? firstOf(draft, path));
}

/** The id of the first field of a condition, or of its line. */
const firstOf = (draft, path) => `${idOf(path)}-line`;

/** The list from which a new condition is chosen. `list` is the path of the members it joins; null is the whole `if`. */
function adding(draft, list) {
  const id = `${idOf(list ?? ["if"])}-new`;
  const chosen = (event) => {
    const name = event.target.value;
    event.target.value = "";
    if (!name) return;
    const path = add(draft, list, FRESH[name]());
    reshaped(draft, path);
  };
  const options = [
    el("option", { value: "" }, say("new_condition")),
    ...Object.keys(FRESH).map((name) => el("option", { value: name }, say(`new_${name}`))),
  ];
  return el("div", { class: "adding" }, el("select", { id, "aria-label": say("new_condition"), onchange: chosen }, options));
}

function drawCondition(draft, path) {
  const { path: inner, kind, value, nots } = unwrap(draft.document, path, read);
  const body = isGroup(kind, value) ? drawGroup(draft, inner, kind, value) : drawLeaf(draft, inner, kind, value);
  const negated = nots % 2 === 1;
  const line = {
    class: `condition${isGroup(kind, value) ? " group" : ""}${negated ? " negated" : ""}`,
    dataset: { path: said(path) },
  };
  const name = isGroup(kind, value) ? say(`group_${kind}`) : knows(`lead_${kind}`) ? say(`lead_${kind}`) : String(kind);
  return el(
    "li",
    line,
    el(
      "div",
      {
        class: "line",
        id: `${idOf(path)}-line`,
        tabindex: "-1",
        role: "group",
        "aria-label": negated ? `${say("not")} ${name}` : name,
      },
      negated ? el("strong", { class: "not" }, say("not")) : null,
      body.head,
      tools(draft, path, { nots, inner, kind, value }),
    ),
    body.rest,
  );
}

function drawGroup(draft, path, kind, members) {
  const other = (event) => {
    draft.rename([...path, kind], event.target.value, `${idOf(path)}-word`);
  };
  const word = (each) => el("option", { value: each, selected: each === kind }, say(`group_${each}`));
  const head = el(
    "span",
    { class: "sentence" },
    el("select", { id: `${idOf(path)}-word`, "aria-label": say("group_word"), onchange: other }, word("all"), word("any")),
  );
  const list = [...path, kind];
  return {
    head,
    rest: [
      members.length
        ? el(
            "ol",
            { class: "conditions" },
            members.map((_, at) => drawCondition(draft, [...list, at])),
          )
        : el("p", { class: "note" }, say("group_empty")),
      adding(draft, list),
    ],
  };
}

function drawLeaf(draft, path, kind, value) {
  if (kind === null || !KINDS[kind] || (KINDS[kind].parts[0]?.name !== "self" && (value === null || typeof value !== "object")))
    return {
      head: foreign(
        draft.read(path),
        () => {
          put(draft, groupedPath(path), { any: [] });
          reshaped(draft, path);
        },
        { id: idOf(path), label: say("foreign_condition") },
      ),
    };
  const base = [...path, kind];
  const parts =
    kind === "attribute"
      ? attributes(draft, base, value)
      : KINDS[kind].parts
          .filter((part) => part.need || part.keys.some((key) => key in value))
          .map((part) => drawPart(draft, base, kind, part));
  return {
    head: el(
      "span",
      { class: "sentence", dataset: { path: said(base) } },
      el("span", { class: "lead" }, say(`lead_${kind}`)),
      " ",
      parts,
      more(draft, base, kind, value),
    ),
  };
}

function groupedPath(path) {
  while (path.at(-1) === "not") path = path.slice(0, -1);
  return path;
}

/** A part: its text with the fields in the gaps, and a way to take it out again. */
function drawPart(draft, base, kind, part) {
  const pieces = (part.measure ? `${say(`f_weather_${part.name}`)} {value}` : say(`part_${kind}_${part.name}`))
    .split(/(\{\w+\})/)
    .map((piece) => (piece.startsWith("{") ? inline(draft, base, part.fields[piece.slice(1, -1)]) : piece));
  const away = () => {
    for (const key of part.keys) draft.set([...base, key], undefined, { floor: base.length });
    draft.tell("shape", `${idOf(base)}-more`);
  };
  const out =
    !part.need &&
    el(
      "button",
      {
        type: "button",
        class: "quiet small out",
        "aria-label": `${say("leave_out")}: ${say(`more_${kind}_${part.name}`)}`,
        onclick: away,
      },
      "×",
    );
  return [el("span", { class: "part" }, pieces, out), " "];
}

/** What else the sentence may say. */
function more(draft, base, kind, value) {
  if (kind === "attribute") return another(draft, base, value);
  const missing = KINDS[kind].parts.filter((part) => !part.need && !part.keys.some((key) => key in value));
  if (!missing.length) return null;
  const chosen = (event) => {
    const part = missing.find((each) => each.name === event.target.value);
    for (const [key, fresh] of Object.entries(part.fresh)) draft.set([...base, key], copy(fresh));
    draft.tell("shape", idOf([...base, ...Object.keys(part.fresh).slice(0, 1)]));
  };
  const options = missing.map((part) => el("option", { value: part.name }, say(`more_${kind}_${part.name}`)));
  return el(
    "select",
    { class: "more", id: `${idOf(base)}-more`, "aria-label": say("say_more"), onchange: chosen },
    el("option", { value: "" }, say("say_more")),
    options,
  );
}

function attributes(draft, base, value) {
  return Object.keys(value).map((name) => {
    const rename = draft.heard((event) => {
      const to = event.target.value.trim();
      if (to && to !== name && !(to in value)) draft.rename([...base, name], to, idOf([...base, to]));
      else event.target.value = name;
    });
    const named = el("input", {
      type: "text",
      size: 12,
      maxlength: 64,
      "aria-label": say("f_attribute_name"),
      value: name,
      onchange: rename,
    });
    const away = () => draft.set([...base, name], undefined, { floor: base.length, shape: true, focus: `${idOf(base)}-more` });
    const out =
      Object.keys(value).length > 1 &&
      el(
        "button",
        { type: "button", class: "quiet small out", "aria-label": `${say("leave_out")}: ${name}`, onclick: away },
        "×",
      );
    return el(
      "span",
      { class: "part" },
      named,
      inline(draft, base, { at: [name], kind: "values", word: "attribute_value" }),
      out,
    );
  });
}

function another(draft, base, value) {
  const add = () => {
    let name = "attribute";
    for (let n = 2; name in value; n += 1) name = `attribute${n}`;
    draft.set([...base, name], { eq: "" }, { shape: true, focus: idOf([...base, name]) });
  };
  return el("button", { type: "button", class: "quiet small", id: `${idOf(base)}-more`, onclick: add }, say("add_attribute"));
}

/** What can be done with a condition. */
function tools(draft, path, { nots, inner, kind, value }) {
  const can = moves(draft, path, read);
  const name = (what, at = path) => `${idOf(at)}-${what}`;
  const button = (what, sign, act, more = {}) =>
    el(
      "button",
      {
        type: "button",
        class: "quiet small",
        id: name(what),
        "aria-label": say(`do_${what}`),
        title: say(`do_${what}`),
        onclick: act,
        ...more,
      },
      sign,
    );
  const go = (what, sign) =>
    can[what] &&
    button(what, sign, () => {
      const there = move(draft, path, can[what]);
      reshaped(draft, there, name(what, there));
    });
  const negate = () => {
    const now = draft.read(path);
    put(draft, path, nots ? now.not : { not: now });
    reshaped(draft, path, name("not"));
  };
  const group = () => {
    put(draft, path, { any: [draft.read(path)] });
    reshaped(draft, path, `${idOf([...path, "any"])}-new`);
  };
  const away = () => {
    take(draft, path);
    const place = placeOf(path);
    reshaped(draft, path, `${idOf(place && draft.read(place.list) ? place.list : ["if"])}-new`);
  };
  return el(
    "span",
    { class: "tools" },
    button("not", say("not"), negate, { "aria-pressed": String(nots % 2 === 1) }),
    go("up", "↑"),
    go("down", "↓"),
    go("into", "→"),
    go("out", "←"),
    !isGroup(kind, value) && kind !== null && button("group", say("or"), group),
    button("remove", "×", away),
  );
}
