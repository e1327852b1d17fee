// Controls of values with parts: durations, money, and bounds on numbers or on what is known of a customer.
import { el } from "./dom.js";
import { FACTS, say } from "./words.js";

const UNITS = { W: 604800, D: 86400, H: 3600, M: 60, S: 1 };

/** A product without the last digits, in which reckoning errs: 2.505 × 100 is 250.5. */
export const neat = (value) => Number(value.toPrecision(15));

/** What stands in a field of numbers. Where none does, an empty text: the server then says that it must be one. */
const amount = (text, times = 1) => (text === "" ? "" : times === 1 ? Number(text) : neat(Number(text) * times));
const isAmount = (value) => value === "" || Number.isFinite(value);

const COUNT = String.raw`(-?\d+(?:\.\d+)?)`;
const SPAN = new RegExp("^P(?=.)(?:#W)?(?:#D)?(?:T(?=.)(?:#H)?(?:#M)?(?:#S)?)?$".replaceAll("#", COUNT));

/** Read an ISO 8601 duration as {count, unit}: in its own unit, or else in the largest that it is a whole number of. */
export function readDuration(text) {
  const found = SPAN.exec(text);
  if (found === null) return null;
  const parts = Object.keys(UNITS)
    .map((unit, at) => [unit, found[at + 1]])
    .filter(([, count]) => count !== undefined);
  if (parts.length === 1) return { count: Number(parts[0][1]), unit: parts[0][0] };
  const seconds = parts.reduce((sum, [unit, count]) => sum + Number(count) * UNITS[unit], 0);
  const unit = Object.keys(UNITS).find((each) => each !== "W" && seconds % UNITS[each] === 0) ?? "S";
  return { count: seconds / UNITS[unit], unit };
}

/** Write so many of a unit as ISO 8601; 1.5 minutes are 90 seconds. What is whole in no unit is left for the server to refuse. */
export function writeDuration(count, unit) {
  const units = Object.keys(UNITS);
  const told = (each) => neat((count * UNITS[unit]) / UNITS[each]);
  const fit = units.slice(units.indexOf(unit)).find((each) => Number.isInteger(told(each))) ?? unit;
  return `${"WD".includes(fit) ? "P" : "PT"}${told(fit)}${fit}`;
}

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
    const tell = () => put(now.count === "" ? undefined : writeDuration(Number(now.count), now.unit));
    const count = figure(
      name.id,
      name.label,
      now.count,
      (text) => {
        now.count = text;
        tell();
      },
      { min: 0, placeholder: usual?.count, inputmode: "decimal" },
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

/** An amount in a currency's usual unit: with its decimals, and with more where more were written. */
function inUnits({ minor, currency }) {
  const worth = neat(minor / 10 ** digitsOf(currency));
  return Number.isInteger(minor) ? worth.toFixed(digitsOf(currency)) : String(worth);
}

export const MONEY = {
  fits: (value) => typeof value?.minor === "number" && typeof value.currency === "string" && Object.keys(value).length === 2,
  draw: (value, spec, put, name) => {
    const now = {
      text: value ? inUnits(value) : "",
      currency: value?.currency ?? spec.currency?.() ?? "EUR",
    };
    const minor = () => amount(now.text, 10 ** digitsOf(now.currency));
    const tell = () => put(now.text === "" ? undefined : { minor: minor(), currency: now.currency });
    const worth = figure(
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
    return el("span", { class: "pair" }, worth, currency);
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
      operator === "between" ? Array.isArray(told) && told.length === 2 && told.every(isAmount) : isAmount(told),
    ),
  draw: (value, spec, put, name) => {
    const scale = spec.scale?.(name.draft, name.path) ?? 1;
    const operand = (told, given, id, label) =>
      figure(id, label, amount(told, 1 / scale), (text) => given(amount(text, scale)), {
        step: spec.whole && scale === 1 ? 1 : "any",
      });
    return drawBounds(value, put, name, { operand, fresh: 0, operators: OPERATORS, unit: spec.unit });
  },
};

const SORTS = { text: "", number: 0, yes: true, date: "2026-01-01" };
const sortOf = (value) =>
  typeof value === "boolean" ? "yes" : typeof value === "number" ? "number" : /^\d{4}-\d\d-\d\d$/.test(value) ? "date" : "text";
/** The sort of what bounds compare with. What was emptied has none: by itself it is a number where it has an order. */
const sortOfAll = (value) => {
  const told = bounds(value).flatMap(([, operand]) => operand);
  const written = told.filter((each) => each !== "");
  return written.length || "eq" in value ? sortOf(written[0] ?? "") : "number";
};

function drawOperand(told, put, id, label, sort) {
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
  if (sort === "number") return figure(id, label, told, (text) => put(amount(text)));
  return el("input", { id, type: sort, "aria-label": label, value: told, oninput: (event) => put(event.target.value) });
}

/** Bounds on a value of any sort: only numbers and dates have an order. */
export const VALUES = {
  fits: isBounds,
  draw: (value, spec, put, name) => {
    const sort = sortOfAll(value);
    const operand = (told, ...more) => drawOperand(told, ...more, told === "" ? sort : sortOf(told));
    const sorts = Object.keys(SORTS).map((each) => [each, say(`sort_${each}`)]);
    const operators = sort === "number" || sort === "date" ? OPERATORS : ["eq"];
    const other = (to) => put({ eq: SORTS[to] }, { shape: true });
    return el(
      "span",
      { class: "bounds" },
      select(`${name.id}-sort`, `${name.label}: ${say("sort")}`, sorts, sort, other),
      drawBounds(value, put, name, { operand, fresh: SORTS[sort], operators }),
    );
  },
};
