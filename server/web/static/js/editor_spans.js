// Controls of time: zones, periods of caps, and the edges between which a reward is good.
import { el } from "./dom.js";
import { FACTS, say } from "./words.js";
import { DURATION, clock } from "./editor_values.js";

const OWN = ["place", "customer_home"];
const zones = () => (Intl.supportedValuesOf ? Intl.supportedValuesOf("timeZone") : []);

function select(id, label, options, chosen, change) {
  return el(
    "select",
    { id, "aria-label": label, onchange: (event) => change(event.target.value) },
    options.map(([value, word]) => el("option", { value, selected: value === chosen }, word)),
  );
}

/** The zone of a wall clock: the place's, the customer's, or one by its name. */
export const ZONE = {
  fits: (value) => typeof value === "string",
  draw: (value, spec, put, name) => {
    const named = [...new Set([FACTS.zone, ...zones(), ...(value && !OWN.includes(value) ? [value] : [])])];
    const options = [...OWN.map((each) => [each, say(`zone_${each}`)]), ...named.map((each) => [each, each])];
    const none = spec.required ? [] : [["", say(`zone_${spec.usual ?? "place"}`)]];
    return select(
      name.id,
      name.label,
      [...none, ...options.filter(([each]) => spec.required || each !== (spec.usual ?? "place") || value === each)],
      value ?? "",
      (text) => put(text || undefined),
    );
  },
};

const isText = (value) => typeof value === "string";
const isRolling = (value) =>
  value?.rolling === "" || (isText(value?.rolling) && DURATION.fits(value.rolling) && !("calendar" in value));

/** A calendar period in a zone, or a rolling one. */
export const PERIOD = {
  fits: (value) =>
    isRolling(value) || (FACTS.choices.calendar.includes(value?.calendar) && isText(value.tz ?? "") && !("rolling" in value)),
  draw: (value, spec, put, name) => {
    const now = value ?? {};
    const kind = "rolling" in now ? "rolling" : (now.calendar ?? "");
    const kinds = [
      ...(value ? [] : [["", say("as_usual")]]),
      ...FACTS.choices.calendar.map((each) => [each, say(`calendar_${each}`)]),
      ["rolling", say("calendar_rolling")],
    ];
    const chosen = (to) =>
      put(to === "rolling" ? { rolling: "P7D" } : { calendar: to, tz: now.tz ?? spec.zone }, { shape: true });
    const parts = [select(name.id, name.label, kinds, kind, chosen)];
    const inner = { id: `${name.id}-more`, label: name.label };
    if (kind === "rolling")
      parts.push(DURATION.draw(now.rolling || undefined, { unit: "D" }, (given) => put({ rolling: given ?? "" }), inner));
    else if (kind)
      parts.push(
        ZONE.draw(now.tz, { usual: spec.zone }, (given) => put(given ? { ...now, tz: given } : { calendar: now.calendar }), {
          ...inner,
          label: `${name.label}: ${say("zone")}`,
        }),
      );
    return el("span", { class: "pair wide" }, parts);
  },
};

const FRESH = {
  decision: "decision",
  date: () => new Date().toISOString().slice(0, 10),
  instant: () => new Date().toISOString().slice(0, 16) + ":00Z",
  local: () => ({ local: "20:00", tz: "place" }),
};

function edgeOf(value) {
  if (value === undefined) return "";
  if (value === "decision") return "decision";
  if (typeof value === "object") return "local";
  return value.includes("T") ? "instant" : "date";
}

/** From or until when: a day, an instant, or a time on a wall clock. */
export const EDGE = {
  fits: (value) => typeof value === "string" || typeof value?.local === "string",
  draw: (value, spec, put, name) => {
    const kind = edgeOf(value);
    const kinds = ["", ...(spec.decision ? ["decision"] : []), "date", "local", "instant"];
    const chosen = (to) =>
      put(to === "" ? undefined : typeof FRESH[to] === "function" ? FRESH[to]() : FRESH[to], { shape: true });
    const words = kinds.map((each) => [each, each ? say(`edge_${each}`) : say(spec.decision ? "edge_usual" : "edge_none")]);
    return el(
      "span",
      { class: "pair wide" },
      select(name.id, name.label, words, kind, chosen),
      inside(kind, value, put, { ...name, id: `${name.id}-more` }),
    );
  },
};

function inside(kind, value, put, name) {
  const text = (type, told, change, more = {}) =>
    el("input", {
      id: name.id,
      type,
      "aria-label": name.label,
      value: told,
      oninput: (event) => change(event.target.value),
      ...more,
    });
  if (kind === "date") return text("date", value, (given) => put(given || undefined));
  if (kind === "instant") return text("text", value, put, { size: 26 });
  if (kind !== "local") return null;
  const time = text("text", value.local, (given) => put((value = { ...value, local: clock(given.trim()) })), {
    size: 5,
    maxlength: 5,
    onchange: (event) => {
      event.target.value = clock(event.target.value.trim());
    },
  });
  const zone = ZONE.draw(value.tz, {}, (given) => put((value = given ? { ...value, tz: given } : { local: value.local })), {
    id: `${name.id}-zone`,
    label: `${name.label}: ${say("zone")}`,
  });
  return [time, zone];
}
