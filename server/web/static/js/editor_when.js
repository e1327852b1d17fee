// What sets the offer off, and where: each trigger with its own fields.
import { el } from "./dom.js";
import { FACTS, say } from "./words.js";
import { CONTROLS } from "./editor_controls.js";
import { field, fields, idOf } from "./editor_fields.js";
import { copy } from "./editor_paths.js";
import { readSchedule, writeSchedule } from "./editor_schedule.js";

const OWN = {
  dwell: { dwell: "PT2M" },
  near: { within_m: 500 },
  event: { event: "purchase" },
  schedule: { cron: "0 9 * * mon" },
};
const MINE = { dwell: ["dwell"], near: ["within_m"], event: ["event", "after"], schedule: ["cron", "rrule", "tz"] };
const is =
  (...triggers) =>
  (draft) =>
    triggers.includes(draft.read(["when", "trigger"]));

const SPECS = [
  { at: ["when", "dwell"], kind: "duration", unit: "M", required: true, when: is("dwell") },
  { at: ["when", "within_m"], kind: "number", low: 1, high: 20000, required: true, when: is("near") },
  { at: ["when", "event"], kind: "text", list: "events", longest: 64, required: true, shape: false, when: is("event") },
  {
    at: ["when", "after"],
    kind: "duration",
    unit: "D",
    when: (draft) =>
      is("event")(draft) && (draft.read(["when", "event"]) === "inactivity" || draft.read(["when", "after"]) !== undefined),
  },
  { at: ["when", "places"], kind: "places", usual: "any", fresh: { any: true }, wide: true },
  {
    at: ["when", "min_confidence"],
    kind: "number",
    low: 0.05,
    high: 1,
    usual: "0.7",
    when: (draft) => !is("schedule", "event", "weather_change")(draft) || draft.read(["when", "min_confidence"]) !== undefined,
  },
];

/** The section of the trigger. */
export function drawWhen(draft) {
  const asked = field(draft, [], {
    at: ["when", "trigger"],
    kind: "choice",
    options: FACTS.choices.trigger,
    words: "trigger_{}",
    required: true,
  });
  const select = asked.querySelector("select");
  const now = draft.read(["when", "trigger"]);
  select?.addEventListener("change", (event) => {
    const to = FACTS.choices.trigger[Number(event.target.value)];
    if (to !== now) change(draft, now, to);
  });
  return [asked, is("schedule")(draft) ? schedule(draft) : null, fields(draft, [], SPECS)];
}

/** Another trigger: what belonged to the one before alone goes, what the new one needs comes. */
function change(draft, from, to) {
  for (const key of MINE[from] ?? []) draft.set(["when", key], undefined);
  draft.set(["when", "trigger"], to);
  for (const [key, value] of Object.entries(OWN[to] ?? {})) draft.set(["when", key], copy(value));
  draft.tell("shape", idOf(["when", "trigger"]));
}

const KINDS = ["daily", "weekly", "monthly", "nth", "cron", "rrule"];

function schedule(draft) {
  const when = draft.read(["when"]);
  const now = readSchedule(when);
  const id = "f-schedule";
  const write = draft.heard((told, shape = false) => {
    for (const key of ["cron", "rrule"]) if (!(key in told)) draft.set(["when", key], undefined);
    for (const [key, value] of Object.entries(told)) draft.set(["when", key], value);
    if (shape) draft.tell("shape", id);
  });
  const change = (more, shape) => write(writeSchedule(Object.assign(now, more)), shape);
  const line = now.line ?? when.cron ?? when.rrule;
  const kinds = KINDS.map((each) => el("option", { value: each, selected: each === now.kind }, say(`schedule_${each}`)));
  const select = el("select", { id, onchange: (event) => change({ kind: event.target.value, line }, true) }, kinds);
  const part = (kind, word, value, put, more = {}) =>
    CONTROLS[kind].draw(value, more, put, { id: `${id}-${word}`, label: say(`f_schedule_${word}`) });
  const time =
    now.line === undefined && part("clock", "time", now.time ?? "09:00", (given) => change({ time: given ?? "00:00" }));
  const parts = {
    daily: [],
    weekly: [
      part("several", "days", now.days ?? ["mon"], (days) => change({ days: days ?? [] }), {
        options: FACTS.choices.day,
        words: "day_{}",
      }),
    ],
    monthly: [part("number", "day", now.day ?? 1, (day) => change({ day: day ?? 1 }), { low: 1, high: 31, whole: true })],
    nth: [
      part("choice", "nth", now.nth ?? 1, (nth) => change({ nth }), {
        options: [1, 2, 3, 4, -1],
        words: "nth_{}",
        required: true,
      }),
      part("choice", "weekday", now.days?.[0] ?? "mon", (day) => change({ days: [day] }), {
        options: FACTS.choices.day,
        words: "day_{}",
        required: true,
      }),
    ],
    cron: [part("text", "cron", line ?? "", (text) => change({ line: text ?? "" }))],
    rrule: [part("text", "rrule", line ?? "", (text) => change({ line: text ?? "" }))],
  }[now.kind];
  const paths = ["cron", "rrule"].find((key) => key in when) ?? "cron";
  return el(
    "div",
    { class: "field schedule", dataset: { path: `when.${paths}` } },
    el("label", { for: id }, say("f_schedule")),
    el("span", { class: "pair wide" }, select, parts, time),
    el("small", { class: "note" }, say("h_schedule")),
    fields(draft, [], [{ at: ["when", "tz"], kind: "zone", usual: "place", word: "zone" }]),
  );
}
