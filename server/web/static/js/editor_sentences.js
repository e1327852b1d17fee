// The kinds of conditions as sentences: each is a list of parts, a part a piece of text with fields in its gaps.
// part: {name, keys: members it is made of, fields: {gap: description}, fresh: what adding it writes, need: it always stands}
import { FACTS } from "./words.js";
import { digitsOf } from "./editor_values.js";

const { choices } = FACTS;
const UNITS = { temperature_c: "°C", apparent_c: "°C", precipitation_mm: "mm", wind_mps: "m/s", humidity: "%", uv: "" };

const quantity = (key, fresh) => ({
  name: key,
  keys: [key],
  fields: { value: { at: [key], kind: "bounds", word: `weather_${key}`, unit: UNITS[key] } },
  fresh: { [key]: fresh },
  measure: true,
});
const span = (key, word, fresh, need = false) => ({
  name: key,
  keys: [key],
  fields: { value: { at: [key], kind: "duration", word, required: need } },
  fresh: { [key]: fresh },
  need,
});
const whole = (fields) => [{ name: "self", keys: [], fields, need: true }];

const LOCAL_TIME = [
  {
    name: "days",
    keys: ["days"],
    fields: { days: { at: ["days"], kind: "several", options: choices.day, words: "day_{}", word: "local_time_days" } },
    fresh: { days: ["mon", "tue", "wed", "thu", "fri"] },
  },
  {
    name: "window",
    keys: ["from", "to"],
    fields: {
      from: { at: ["from"], kind: "clock", word: "local_time_from" },
      to: { at: ["to"], kind: "clock", word: "local_time_to", usual: "24:00" },
    },
    fresh: { from: "08:00", to: "18:00" },
  },
  { name: "place_open", keys: ["place_open"], fields: {}, fresh: { place_open: true } },
  {
    name: "holidays",
    keys: ["holidays"],
    fields: {
      holidays: {
        at: ["holidays"],
        kind: "choice",
        options: ["skip", "only", "ignore"],
        words: "holidays_{}",
        word: "local_time_holidays",
        required: true,
      },
    },
    fresh: { holidays: "skip" },
  },
  {
    name: "tz",
    keys: ["tz"],
    fields: { tz: { at: ["tz"], kind: "zone", word: "zone", required: true } },
    fresh: { tz: "place" },
  },
];

const WEATHER = [
  {
    name: "kind",
    keys: ["kind"],
    fields: { kind: { at: ["kind"], kind: "several", options: choices.sky, words: "sky_{}", word: "weather_kind" } },
    fresh: { kind: ["rain"] },
  },
  quantity("temperature_c", { lte: 12 }),
  quantity("apparent_c", { lte: 10 }),
  quantity("precipitation_mm", { gte: 0.3 }),
  quantity("wind_mps", { gte: 10 }),
  quantity("humidity", { gte: 80 }),
  quantity("uv", { gte: 6 }),
  span("max_age", "weather_max_age", "PT90M"),
  span("ahead", "weather_ahead", "PT2H"),
];

const EVENT = [
  {
    name: "name",
    keys: ["name"],
    fields: { value: { at: ["name"], kind: "text", list: "events", word: "event_name", required: true, longest: 64 } },
    fresh: { name: "purchase" },
    need: true,
  },
  {
    name: "offer",
    keys: ["offer"],
    fields: { value: { at: ["offer"], kind: "text", list: "offers", word: "event_offer", longest: 64, required: true } },
    fresh: { offer: "" },
  },
  span("within", "event_within", "P7D", true),
  {
    name: "count",
    keys: ["count"],
    fields: { value: { at: ["count"], kind: "bounds", whole: true, word: "event_count" } },
    fresh: { count: { gte: 2 } },
  },
];

const numbers = (key, fresh, scale) => ({
  name: key,
  keys: [key],
  fields: { value: { at: [key], kind: "bounds", whole: true, word: `rfm_${key}`, scale } },
  fresh: { [key]: fresh },
});
const minorUnits = (draft, path) => 10 ** digitsOf(draft.read([...path.slice(0, -1), "currency"]) ?? "EUR");

const RFM = [
  numbers("recency_days", { lte: 30 }),
  numbers("frequency", { gte: 3 }),
  numbers("monetary_minor", { gte: 5000 }, minorUnits),
  {
    name: "currency",
    keys: ["currency"],
    fields: {
      value: { at: ["currency"], kind: "text", list: "currencies", word: "currency", longest: 3, size: 4, required: true },
    },
    fresh: { currency: "EUR" },
  },
  span("within", "rfm_within", "P365D"),
  {
    name: "events",
    keys: ["events"],
    fields: { value: { at: ["events"], kind: "several", options: choices.bought, words: "bought_{}", word: "rfm_events" } },
    fresh: { events: ["purchase"] },
  },
];

/** How each kind is told; `attribute` has a part for each name that it compares. */
export const KINDS = {
  local_time: { parts: LOCAL_TIME },
  weather: { parts: WEATHER },
  event: { parts: EVENT },
  rfm: { parts: RFM },
  attribute: { parts: [] },
  segment: { parts: whole({ value: { at: [], kind: "text", list: "segments", word: "segment", longest: 64, required: true } }) },
  topic: { parts: whole({ value: { at: [], kind: "text", list: "topics", word: "topic", longest: 64, required: true } }) },
  daylight: {
    parts: whole({
      value: { at: [], kind: "choice", options: [true, false], words: "daylight_{}", word: "daylight", required: true },
    }),
  },
  place: { parts: whole({ value: { at: [], kind: "places", whole: false, word: "places", fresh: { tag: "" } } }) },
};

/** What the list of new conditions offers: a word (new_…) and what is written. */
export const FRESH = {
  local_time: () => ({ local_time: { days: ["mon", "tue", "wed", "thu", "fri"], from: "08:00", to: "18:00" } }),
  open: () => ({ local_time: { place_open: true } }),
  holidays: () => ({ local_time: { holidays: "skip" } }),
  sky: () => ({ weather: { kind: ["drizzle", "rain"] } }),
  temperature: () => ({ weather: { temperature_c: { lte: 12 } } }),
  forecast: () => ({ weather: { kind: ["rain"], ahead: "PT2H" } }),
  daylight: () => ({ daylight: true }),
  segment: () => ({ segment: "" }),
  attribute: () => ({ attribute: { visits: { gte: 3 } } }),
  topic: () => ({ topic: "" }),
  event: () => ({ event: { name: "redemption", within: "P7D" } }),
  rfm: () => ({ rfm: { frequency: { gte: 3 } } }),
  place: () => ({ place: { tag: "" } }),
  any: () => ({ any: [] }),
  all: () => ({ all: [] }),
};
