// Controls of values with parts: durations, money, and bounds on numbers or on what is known of a customer.
import { el } from "./dom.js";
import { FACTS, say } from "./words.js";

const UNITS = { W: 604800, D: 86400, H: 3600, M: 60, S: 1 };

/** Read an ISO 8601 duration as {count, unit}: in its own unit, or else in the largest that it is a whole number of. */
export function readDuration(text) {
  const found = /^P(?=.)(?:(\d+)W)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(text);
  if (found === null) return null;
  const parts = Object.keys(UNITS)
    .map((unit, at) => [unit, found[at + 1]])
    .filter(([, count]) => count !== undefined);
  if (parts.length === 1) return { count: Number(parts[0][1]), unit: parts[0][0] };
  const seconds = parts.reduce((sum, [unit, count]) => sum + Number(count) * UNITS[unit], 0);
  const unit = Object.keys(UNITS).find((each) => each !== "W" && seconds % UNITS[each] === 0);
  return { count: seconds / UNITS[unit], unit };
}

/** Write so many of a unit as ISO 8601. */
export const writeDuration = (count, unit) => ("WD".includes(unit) ? `P${count}${unit}` : `PT${count}${unit}`);

/** 7, 7:30, 7.30 and 730 are told as the document wants them: 07:00 or 07:30. */
export function clock(text) {
  const found = /^(\d{1,2})(?:[:.h ]?(\d{2}))?$/.exec(text);
  return found && Number(found[1]) <= 24 ? `${found[1].padStart(2, "0")}:${found[2] ?? "00"}` : text;
}

const select = (id, label, options, chosen, change) =>
  el(
    "select",
    { id, "aria-label": label, onchange: (event) => change(event.target.value) },
    options.map(([value, word]) => el("option", { value, selected: value === chosen }, word)),
  );

const figure = (id, label, value, change, more = {}) =>
  el("input", {
    id,
    type: "number",
    step: "any",
    "aria-label": label,
    value: value === undefined ? "" : String(value),
    oninput: (event) => change(event.target.value),
    ...more,
  });

export const DURATION = {
  fits: (value) => typeof value === "string" && readDuration(value) !== null,
  draw: (value, spec, put, name) => {
    const usual = spec.usual ? readDuration(spec.usual) : null;
    const now = value === undefined ? { count: "", unit: usual?.unit ?? spec.unit ?? "D" } : readDuration(value);
    const tell = () => put(now.count === "" ? undefined : writeDuration(Math.round(Number(now.count)), now.unit));
    const count = figure(
      name.id,
      name.label,
      now.count,
      (text) => {
        now.count = text;
        tell();
      },
      { step: 1, min: 1, placeholder: usual?.count, inputmode: "numeric" },
    );
    const unit = select(
      `${name.id}-unit`,
      `${name.label}: ${say("unit")}`,
      Object.keys(UNITS)
        .reverse()
        .map((each) => [each, say(`unit_${each}`)]),
      now.unit,
      (text) => {
        now.unit = text;
        tell();
      },
    );
    return el("span", { class: "pair" }, count, unit);
  },
};

/** How many decimals a currency has. */
export function digitsOf(currency) {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  } catch {
    return 2;
  }
}

export const MONEY = {
  fits: (value) => typeof value?.minor === "number" && typeof value.currency === "string" && Object.keys(value).length === 2,
  draw: (value, spec, put, name) => {
    const now = {
      text: value ? (value.minor / 10 ** digitsOf(value.currency)).toFixed(digitsOf(value.currency)) : "",
      currency: value?.currency ?? spec.currency?.() ?? "EUR",
    };
    const tell = () =>
      put(
        now.text === ""
          ? undefined
          : { minor: Math.round(Number(now.text) * 10 ** digitsOf(now.currency)), currency: now.currency },
      );
    const amount = figure(
      name.id,
      name.label,
      now.text,
      (text) => {
        now.text = text;
        tell();
      },
      { min: 0, inputmode: "decimal" },
    );
    const currency = el("input", {
      id: `${name.id}-currency`,
      type: "text",
      size: 4,
      maxlength: 3,
      list: "list-currencies",
      "aria-label": `${name.label}: ${say("currency")}`,
      value: now.currency,
      oninput: (event) => {
        now.currency = event.target.value.toUpperCase();
        tell();
      },
    });
    return el("span", { class: "pair" }, amount, currency);
  },
};

const OPERATORS = FACTS.choices.operator;
const bounds = (value) => Object.entries(value ?? {});
const isBounds = (value) =>
  value !== null &&
  typeof value === "object" &&
  !Array.isArray(value) &&
  bounds(value).length > 0 &&
  bounds(value).every(([operator]) => OPERATORS.includes(operator));

/** Draw bounds one by one: `operand(value, put, id, label)` makes the control of one operand, `fresh` is that of another bound. */
function drawBounds(value, put, name, { operand, fresh, operators, unit }) {
  const now = bounds(value);
  const write = (made, shape) => put(made.length ? Object.fromEntries(made) : undefined, { shape });
  const drawn = now.map(([operator, told], at) => {
    const change = (to, shape) =>
      write(
        now.map((each, n) => (n === at ? to : each)),
        shape,
      );
    const asked = (next) => change([next, next === "between" ? [told, told] : Array.isArray(told) ? told[0] : told], true);
    const free = operators.filter((each) => each === operator || !now.some(([taken]) => taken === each));
    const ends = Array.isArray(told)
      ? told.flatMap((end, n) => [
          n ? say("and") : null,
          operand(
            end,
            (given) => {
              told[n] = given;
              change([operator, told], false);
            },
            `${name.id}-${at}-${n}`,
            `${name.label} ${n + 1}`,
          ),
        ])
      : [
          operand(
            told,
            (given) => change([operator, (now[at][1] = given)], false),
            at ? `${name.id}-${at}` : name.id,
            name.label,
          ),
        ];
    const away =
      now.length > 1 &&
      el(
        "button",
        {
          type: "button",
          class: "quiet small",
          "aria-label": say("remove_bound"),
          onclick: () =>
            write(
              now.filter((_, n) => n !== at),
              true,
            ),
        },
        "×",
      );
    return [
      at ? say("and") : null,
      select(
        `${name.id}-${at}-operator`,
        `${name.label}: ${say("compare")}`,
        free.map((each) => [each, say(`operator_${each}`)]),
        operator,
        asked,
      ),
      ends,
      unit,
      away,
    ];
  });
  const missing = ["gte", "lte", "gt", "lt"].find(
    (each) =>
      operators.includes(each) && now.length === 1 && !["eq", "between", each].includes(now[0][0]) && now[0][0][0] !== each[0],
  );
  const more =
    missing &&
    el(
      "button",
      {
        type: "button",
        class: "quiet small",
        "aria-label": say("add_bound"),
        onclick: () => write([...now, [missing, fresh]], true),
      },
      say("and_more"),
    );
  return el("span", { class: "bounds" }, drawn, more);
}

export const BOUNDS = {
  fits: (value) =>
    isBounds(value) &&
    bounds(value).every(([operator, told]) =>
      operator === "between" ? Array.isArray(told) && told.length === 2 && told.every(Number.isFinite) : Number.isFinite(told),
    ),
  draw: (value, spec, put, name) => {
    const scale = spec.scale?.(name.draft, name.path) ?? 1;
    const read = (text) => (spec.whole ? Math.round(Number(text) * scale) : Number(text));
    const operand = (told, given, id, label) =>
      figure(id, label, told / scale, (text) => given(read(text)), { step: spec.whole && scale === 1 ? 1 : "any" });
    return drawBounds(value, put, name, { operand, fresh: 0, operators: OPERATORS, unit: spec.unit });
  },
};

const SORTS = { text: "", number: 0, yes: true, date: "2026-01-01" };
const sortOf = (value) =>
  typeof value === "boolean" ? "yes" : typeof value === "number" ? "number" : /^\d{4}-\d\d-\d\d$/.test(value) ? "date" : "text";
const operandOf = (value) => {
  const [[, told]] = bounds(value);
  return Array.isArray(told) ? told[0] : told;
};

function drawOperand(told, put, id, label) {
  const sort = sortOf(told);
  if (sort === "yes")
    return select(
      id,
      label,
      [
        ["yes", say("yes")],
        ["no", say("no")],
      ],
      told ? "yes" : "no",
      (text) => put(text === "yes"),
    );
  if (sort === "number") return figure(id, label, told, (text) => put(Number(text)));
  return el("input", { id, type: sort, "aria-label": label, value: told, oninput: (event) => put(event.target.value) });
}

/** Bounds on a value of any sort: only numbers and dates have an order. */
export const VALUES = {
  fits: isBounds,
  draw: (value, spec, put, name) => {
    const sort = sortOf(operandOf(value));
    const sorts = Object.keys(SORTS).map((each) => [each, say(`sort_${each}`)]);
    const operators = sort === "number" || sort === "date" ? OPERATORS : ["eq"];
    const other = (to) => put({ eq: SORTS[to] }, { shape: true });
    return el(
      "span",
      { class: "bounds" },
      select(`${name.id}-sort`, `${name.label}: ${say("sort")}`, sorts, sort, other),
      drawBounds(value, put, name, { operand: drawOperand, fresh: SORTS[sort], operators }),
    );
  },
};
