// Fields of a place: labels, hints, tags as chips, and what is wrong with them at their place.
import { all, el, fill } from "./dom.js";
import { reason } from "./places_reasons.js";
import { FACTS, knows, say } from "./words.js";

let made = 0;

/** An input with label, hint (where it can be written in) and room for a complaint; `name` is the field's in the contract. */
export function field(name, input, { label = say(`field_${name}`), hint: about } = {}) {
  const hint = input.readOnly || input.hidden ? undefined : about;
  const id = `field-${++made}`;
  input.id = id;
  input.setAttribute("aria-describedby", `${id}-wrong${hint ? ` ${id}-hint` : ""}`);
  return el(
    "div",
    { class: "field", dataset: { field: name } },
    el("label", { for: id }, label),
    input,
    hint && el("p", { class: "note", id: `${id}-hint` }, hint),
    el("p", { class: "complaint", id: `${id}-wrong`, hidden: true }),
  );
}

/** A text input. */
export const text = (value, attributes = {}) => el("input", { type: "text", autocomplete: "off", value: value ?? "", ...attributes });

/** A number input; what is no number is sent as null, and refused with the field's own words. */
export const figure = (value, attributes = {}) => el("input", { type: "number", step: "any", inputmode: "decimal", value: value ?? "", ...attributes });

/** What stands in a number input. */
export const read = (input) => (input.value.trim() === "" || !Number.isFinite(Number(input.value)) ? null : Number(input.value));

/** Tags as chips. Answers {node, read}. */
export function tagsField(tags, { readonly = false } = {}) {
  let kept = [...tags];
  const chips = el("span", { class: "chips" });
  const input = text("", { maxlength: FACTS.longest.tag, hidden: readonly });

  const show = () =>
    fill(chips, kept.map((tag) =>
      readonly
        ? el("span", { class: "badge" }, tag)
        : el("button", { type: "button", class: "badge", "aria-label": say("remove_tag", { tag }), onclick: () => drop(tag) }, tag, " ×"),
    ));
  const drop = (tag) => {
    kept = kept.filter((each) => each !== tag);
    show();
    input.focus();
  };
  const take = () => {
    const tag = input.value.trim();
    if (tag && !kept.includes(tag)) kept.push(tag);
    input.value = "";
    show();
  };
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== ",") return;
    event.preventDefault();
    take();
  });
  // A new chip moves what is below: under a button that is being pressed, which then would hear no click.
  input.addEventListener("blur", (event) => event.relatedTarget?.closest("button") || take());
  show();
  const node = field("tags", input, { hint: say("tags_hint") });
  node.insertBefore(chips, input);
  return {
    node,
    read() {
      take();
      return kept;
    },
  };
}

/** Tell from now on whether a form was changed: what stands in its fields, its tags, and what `drawn` gives. */
export function watch(form, drawn = () => null) {
  const now = () =>
    JSON.stringify([all("input", form).map((input) => (input.type === "checkbox" ? input.checked : input.value)), all(".chips .badge", form).map((chip) => chip.textContent), drawn()]);
  const before = now();
  return () => now() !== before;
}

/** Say what is wrong, at the fields it is about; the rest at the end of the form. `errors` lists {field, message}. */
export function complain(form, errors) {
  quieten(form);
  const rest = [];
  for (const error of errors) {
    const at = all("[data-field]", form).filter((node) => covers(node.dataset.field, error.field)).sort((a, b) => a.dataset.field.length - b.dataset.field.length).at(-1);
    const said = reason(error.message);
    const room = at && roomOf(at, form);
    if (!room) {
      const word = `field_${error.field.split(/[.[]/)[0]}`;
      rest.push(`${knows(word) ? `${say(word)}:` : error.field} ${said}`);
      continue;
    }
    for (let folded = at.closest("details"); folded; folded = folded.parentNode.closest("details")) folded.open = true;
    room.textContent = room.hidden ? said : `${room.textContent} ${said}`;
    room.hidden = false;
    for (const input of all("input, select, textarea", at)) input.setAttribute("aria-invalid", "true");
  }
  const summary = form.querySelector(".rest");
  summary.textContent = rest.join("; ");
  summary.hidden = !rest.length;
  (form.querySelector("[aria-invalid=true]") ?? summary).focus?.();
}

/** Take complaints back. */
export function quieten(form) {
  for (const node of all(".complaint", form)) {
    node.hidden = true;
    node.textContent = "";
  }
  for (const node of all("[aria-invalid]", form)) node.removeAttribute("aria-invalid");
}

const covers = (name, given) => given === name || given.startsWith(`${name}.`) || given.startsWith(`${name}[`);

/** The complaint of a field, or of the field that it is a part of. */
function roomOf(at, form) {
  for (let node = at; node && node !== form.parentNode; node = node.parentNode.closest("[data-field]")) {
    const room = node.querySelector(":scope > .complaint");
    if (room) return room;
    if (!form.contains(node.parentNode)) return null;
  }
  return null;
}

/** Check what can be checked without asking: a name, a position, a radius that was not changed by an import. */
export function checked({ name, lat, lon, radius_m: radius }, { circle = true, before } = {}) {
  const errors = [];
  const outside = (value, least, most) => value === null || !(value >= least && value <= most);
  const wrong = (field, word, gaps) => errors.push({ field, message: say(word, gaps) });
  if (!name.trim()) wrong("name", "wrong_text", { a: FACTS.longest.name });
  if (!circle) return errors;
  if (outside(lat, -90, 90)) wrong("lat", "wrong_number", { a: -90, b: 90 });
  if (outside(lon, -180, 180)) wrong("lon", "wrong_number", { a: -180, b: 180 });
  const { least, most } = FACTS.radius;
  if (outside(radius, least, most) && radius !== before) wrong("radius_m", "wrong_number", { a: least, b: most });
  return errors;
}

/** The buttons at the end of a form, and the place for complaints about no field in particular. */
export function ending({ readonly, remove, close }) {
  return [
    el("p", { class: "complaint rest", role: "alert", tabindex: "-1", hidden: true }),
    el(
      "div",
      { class: "buttons" },
      !readonly && el("button", { type: "submit" }, say("save")),
      el("button", { type: "button", class: "quiet", onclick: close }, say(readonly ? "close" : "cancel")),
      !readonly && remove && el("button", { type: "button", class: "danger end", onclick: remove }, say("delete")),
    ),
  ];
}
