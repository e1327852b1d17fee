// Which places are meant: any, those with a tag, or some that are picked from a list or on the map.
import { el } from "./dom.js";
import { count, say } from "./words.js";
import { said } from "./editor_paths.js";
import { pick } from "./editor_picker.js";
import { placeOf, world } from "./editor_world.js";

const isList = (value) => Array.isArray(value) && value.every((each) => typeof each === "string");
const SHOWN = 12;

function kindOf(value) {
  if (typeof value === "string") return value;
  return "any" in value ? "any" : "tag" in value ? "tag" : "ids";
}

function fresh(kind) {
  if (kind === "any") return { any: true };
  if (kind === "tag") return { tag: "" };
  return kind === "ids" ? { ids: [] } : kind;
}

/** `whole`: any place may be meant; `named`: words that may stand instead, as rewards have them. */
export const PLACES = {
  fits: (value, spec) => {
    if (typeof value === "string") return Boolean(spec.named?.includes(value));
    if (value === null || typeof value !== "object" || Object.keys(value).length !== 1) return false;
    return (value.any === true && spec.whole !== false) || typeof value.tag === "string" || isList(value.ids);
  },
  draw: (value, spec, put, name) => {
    const kinds = [...(spec.named ?? []), ...(spec.whole === false || spec.named ? [] : ["any"]), "tag", "ids"];
    const kind = value === undefined ? (spec.usual ?? "") : kindOf(value);
    const options = kinds.map((each) => el("option", { value: each, selected: each === kind }, say(`places_${each}`)));
    const chosen = (event) => put(fresh(event.target.value), { shape: true });
    const select = el("select", { id: name.id, "aria-label": name.label, onchange: chosen }, options);
    return el(
      "span",
      { class: "pair wide places" },
      select,
      kind === "tag" && tag(value, put, name),
      kind === "ids" && ids(value, put, name),
    );
  },
};

function tag(value, put, name) {
  const told = el("small", { class: "note" });
  const count_ = (text) => {
    told.textContent = world.ready && text ? say("places_count", { number: count(world.tags.get(text) ?? 0) }) : "";
  };
  const input = el("input", {
    id: `${name.id}-tag`,
    type: "text",
    list: "list-tags",
    maxlength: 64,
    "aria-label": say("f_tag"),
    value: value.tag,
    oninput: (event) => {
      put({ tag: event.target.value });
      count_(event.target.value);
    },
  });
  count_(value.tag);
  const onexplored = () => count_(input.value);
  return el("span", { class: "of", dataset: { path: said([...name.path, "tag"]) }, onexplored }, input, told);
}

function ids(value, put, name) {
  if (value.ids.some((id) => !placeOf(id))) world.want();
  const away = (id) => () => put({ ids: value.ids.filter((each) => each !== id) }, { shape: true, focus: `${name.id}-pick` });
  const chip = (id) => {
    const word = el("span");
    const cross = el("button", { type: "button", class: "quiet small", onclick: away(id) }, "×");
    const onexplored = () => {
      word.textContent = placeOf(id)?.name ?? id.slice(0, 8);
      cross.setAttribute("aria-label", `${say("remove")}: ${word.textContent}`);
    };
    onexplored();
    return el("li", { class: "chip", onexplored }, word, cross);
  };
  const open = async () => {
    const picked = await pick(value.ids);
    if (picked) put({ ids: picked }, { shape: true, focus: `${name.id}-pick` });
  };
  const rest = value.ids.length - SHOWN;
  return el(
    "span",
    { class: "of", dataset: { path: said([...name.path, "ids"]), name: say("places_ids") } },
    el(
      "ul",
      { class: "chips" },
      value.ids.slice(0, SHOWN).map(chip),
      rest > 0 && el("li", {}, say("and_others", { number: count(rest) })),
    ),
    el(
      "button",
      { type: "button", class: "quiet", id: `${name.id}-pick`, onclick: open },
      say(value.ids.length ? "pick_others" : "pick"),
    ),
  );
}
