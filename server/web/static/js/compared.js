// What a gate compared, in words: used where decisions are read and where rules are tried (words: decision.toml).
import { el } from "./dom.js";
import { knows, number, say, share, time } from "./words.js";

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
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
  if (typeof value === "object") return plain(value);
  if (name === "kind" && knows(`kind_${value}`)) return say(`kind_${value}`);
  if (name === "local_time") return value.slice(11, 16);
  return INSTANT.test(value) ? time(value, { zone }) : value;
}

const plain = (value) => Object.entries(value).filter(([, each]) => each !== null).map(([name, each]) => `${nameOf(name)}: ${written(name, each)}`).join(", ");
