// One control for each sort of value of a document. `fits` says whether the control can show a value; `draw(value, spec, put,
// name)` makes it: `put(value)` writes (undefined takes away), `name` is {id, label}.
import { el } from "./dom.js";
import { LANGUAGE, say } from "./words.js";
import { EDGE, PERIOD, ZONE } from "./editor_spans.js";
import { BOUNDS, DURATION, MONEY, VALUES, clock, neat } from "./editor_values.js";

const isText = (value) => typeof value === "string";
const isNumber = (value) => typeof value === "number" || value === "";

/** What every input of a field has. */
export const about = (spec, name) => ({
  id: name.id,
  "aria-label": name.label,
  "aria-required": spec.required ? "true" : undefined,
  maxlength: spec.longest,
  list: spec.list && `list-${spec.list}`,
  placeholder: spec.usual,
});

const written = (text, spec) => (text !== "" || spec.required ? text : undefined);

const TEXT = {
  fits: isText,
  draw: (value, spec, put, name) =>
    el("input", {
      ...about(spec, name),
      type: "text",
      value: value ?? "",
      size: spec.size,
      oninput: (event) => put(written(event.target.value, spec)),
    }),
};

const LONG = {
  fits: isText,
  draw: (value, spec, put, name) =>
    el("textarea", {
      ...about(spec, name),
      rows: spec.rows ?? 3,
      value: value ?? "",
      oninput: (event) => put(written(event.target.value, spec)),
    }),
};

const NUMBER = {
  fits: isNumber,
  draw: (value, spec, put, name) => {
    // What is no number yet (a lone "-") is told as such, not as left out; what is not whole the server complains of.
    const read = ({ value: text, validity }) => (text !== "" ? Number(text) : validity.badInput ? "" : undefined);
    return el("input", {
      ...about(spec, name),
      type: "number",
      step: spec.whole ? 1 : "any",
      min: spec.low,
      max: spec.high,
      inputmode: spec.whole ? "numeric" : "decimal",
      value: value === undefined ? "" : String(value),
      oninput: (event) => put(read(event.target)),
    });
  },
};

/** A share that is written as percent: 0.05 is shown as 5. */
const SHARE = {
  fits: isNumber,
  draw: (value, spec, put, name) =>
    NUMBER.draw(round(value, 100), { ...spec, usual: spec.usual }, (given) => put(round(given, 0.01)), name),
};

const round = (value, by) => (typeof value === "number" ? neat(value * by) : value);

/** The word of a choice. */
export const wordOf = (spec, value) => (spec.words ? say(spec.words.replace("{}", value)) : String(value));

const CHOICE = {
  fits: (value, spec) => spec.options.includes(value),
  draw: (value, spec, put, name) => {
    const none = spec.required ? [] : [el("option", { value: "" }, spec.none ? say(spec.none) : say("as_usual"))];
    const options = spec.options.map((each, at) =>
      el("option", { value: String(at), selected: each === value }, wordOf(spec, each)),
    );
    const chosen = (event) => put(event.target.value === "" ? undefined : spec.options[Number(event.target.value)]);
    return el(
      "select",
      { id: name.id, "aria-label": name.label, "aria-required": spec.required ? "true" : undefined, onchange: chosen },
      none,
      options,
    );
  },
};

const TICK = {
  fits: (value) => typeof value === "boolean",
  draw: (value, spec, put, name) =>
    el("input", {
      id: name.id,
      type: "checkbox",
      checked: value === true,
      onchange: (event) => put(event.target.checked ? true : undefined),
    }),
};

const DATE = {
  fits: (value) => isText(value) && /^\d{4}-\d\d-\d\d$/.test(value),
  draw: (value, spec, put, name) =>
    el("input", {
      ...about(spec, name),
      type: "date",
      value: value ?? "",
      oninput: (event) => put(event.target.value || undefined),
    }),
};

/** A wall-clock time; 24:00 is one too, where something ends. */
const CLOCK = {
  fits: isText,
  draw: (value, spec, put, name) =>
    el("input", {
      ...about(spec, name),
      type: "text",
      size: 5,
      maxlength: 5,
      placeholder: spec.usual ?? "00:00",
      autocomplete: "off",
      value: value ?? "",
      oninput: (event) => put(clock(event.target.value.trim()) || undefined),
      onchange: (event) => {
        event.target.value = clock(event.target.value.trim());
      },
    }),
};

/** Some of several words, each to be turned on and off. */
const SEVERAL = {
  fits: (value, spec) =>
    isText(value) ? spec.options.includes(value) : Array.isArray(value) && value.every((each) => spec.options.includes(each)),
  draw: (value, spec, put, name) => {
    const chosen = new Set(isText(value) ? [value] : (value ?? []));
    const turn = (word) => (event) => {
      chosen[event.target.checked ? "add" : "delete"](word);
      put(chosen.size ? spec.options.filter((each) => chosen.has(each)) : undefined);
    };
    const tick = (word, at) =>
      el(
        "label",
        { class: "toggle" },
        el("input", { id: `${name.id}-${at}`, type: "checkbox", checked: chosen.has(word), onchange: turn(word) }),
        el("span", {}, wordOf(spec, word)),
      );
    return el("span", { class: "toggles", role: "group", id: name.id, "aria-label": name.label }, spec.options.map(tick));
  },
};

const COLOUR = {
  fits: isText,
  draw: (value, spec, put, name) => {
    const shown = el("input", {
      type: "color",
      "aria-label": `${name.label}: ${say("colour_pick")}`,
      value: /^#[0-9a-f]{6}$/i.test(value ?? "") ? value : "#808080",
    });
    const text = el("input", {
      ...about(spec, name),
      type: "text",
      size: 8,
      maxlength: 7,
      placeholder: "#rrggbb",
      value: value ?? "",
    });
    shown.addEventListener("input", () => put((text.value = shown.value)));
    text.addEventListener("input", () => {
      if (/^#[0-9a-f]{6}$/i.test(text.value)) shown.value = text.value;
      put(text.value || undefined);
    });
    return el("span", { class: "pair" }, shown, text);
  },
};

export const CONTROLS = {
  text: TEXT,
  long: LONG,
  number: NUMBER,
  share: SHARE,
  choice: CHOICE,
  tick: TICK,
  date: DATE,
  clock: CLOCK,
  several: SEVERAL,
  colour: COLOUR,
  duration: DURATION,
  money: MONEY,
  bounds: BOUNDS,
  values: VALUES,
  zone: ZONE,
  period: PERIOD,
  edge: EDGE,
};

/** The language's name, for people. */
export function localeName(locale) {
  try {
    return new Intl.DisplayNames([LANGUAGE], { type: "language" }).of(locale);
  } catch {
    return locale;
  }
}
