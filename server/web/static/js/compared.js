// What a gate compared, in words: used where decisions are read and where rules are tried (words: decision.toml).
import { el } from "./dom.js";
import { day, knows, LANGUAGE, number, say, share, time } from "./words.js";

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const DAY = /^\d{4}-\d\d-\d\d$/;
const LENGTH = /^PT(\d+)S$/; // as caps write a rolling period
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const SHARES = new Set(["p_inside", "min_confidence"]);

/** A gate's name. */
export const gateName = (gate) => (knows(`gate_${gate}`) ? say(`gate_${gate}`) : gate);

/** The values as a list of terms; null where there are none. */
export function compared(values, zone) {
  const entries = Object.entries(values ?? {});
  if (!entries.length) return null;
  const lines = entries.map(([name, value]) => el("div", {}, el("dt", {}, nameOf(name)), el("dd", {}, written(name, value, zone))));
  return el("dl", { class: "compared", "aria-label": say("compared") }, lines);
}

const nameOf = (name) => (knows(`value_${name}`) ? say(`value_${name}`) : name);

function written(name, value, zone) {
  if (value === null || value === undefined) return say("nobody_knows");
  if (typeof value === "boolean") return say(value ? "yes" : "no");
  if (typeof value === "number") return SHARES.has(name) ? share(value) : number(value, 2);
  if (Array.isArray(value)) return value.map((each) => written(name, each, zone)).join(", ") || "–";
  if (typeof value === "object") return plain(value, zone);
  const word = name === "kind" ? `kind_${value}` : `reads_${name === "name" ? "event" : name}_${value}`; // of a cause it is the event's
  if (knows(word)) return say(word);
  if (name === "local_time") return value.slice(11, 16);
  if (LENGTH.test(value)) return length(Number(LENGTH.exec(value)[1])) || value;
  if (Number.isNaN(Date.parse(value))) return value; // whatever it looks like
  if (DAY.test(value)) return day(value);
  return INSTANT.test(value) ? time(value, { zone }) : value;
}

/** "1 day 12 hours" for a number of seconds. */
function length(seconds) {
  let rest = seconds;
  const words = UNITS.map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count ? new Intl.NumberFormat(LANGUAGE, { style: "unit", unit, unitDisplay: "long" }).format(count) : "";
  });
  return words.filter(Boolean).join(" ");
}

const plain = (value, zone) => Object.entries(value).filter(([, each]) => each !== null).map(([name, each]) => `${nameOf(name)}: ${written(name, each, zone)}`).join(", ");
