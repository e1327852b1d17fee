// One decision in words: what became of each offer that was looked at, what was compared, and what the customer reads of it.
import { compared, gateName } from "./compared.js";
import { el } from "./dom.js";
import { count, FACTS, say, time } from "./words.js";

const MARKS = { holds: "✓", fails: "✗", unknown: "?" };
const GATES = [
  "consent", "late", "trust", "place", "trigger", "active", "local_time", "weather", "segment", "attribute", "event",
  "quiet_hours", "cap", "budget", "arbitration",
];

/** Put lines of one receipt together: those that follow each other with one time and one moment, of each offer one. */
export function grouped(items) {
  const groups = [];
  for (const item of items) {
    const last = groups.at(-1)?.[0];
    if (last && last.at === item.at && last.moment_id === item.moment_id && last.customer_id === item.customer_id && !groups.at(-1).some((each) => each.offer === item.offer)) groups.at(-1).push(item);
    else groups.push([item]);
  }
  return groups;
}

/** Draw one decision; `look` is called with a query when one asks for more than is there (`whole`: it is all of it). */
export function drawDecision(lines, look, whole) {
  const [{ at, moment_id: moment, customer_id: customer }] = lines;
  const link = (name, value, text) => el("button", { type: "button", class: "quiet", onclick: () => look(name, value) }, text);
  return el("section", { class: "decision" },
    el("header", {},
      el("h2", {}, time(at, { zone: FACTS.zone, seconds: true })),
      moment ? el("span", { class: "note" }, say("made_moment"), " ", el("code", {}, moment)) : el("span", { class: "note" }, say("made_none")),
      customer ? el("span", { class: "note" }, say("of_customer"), " ", el("code", {}, customer)) : null),
    el("ol", { class: "gates" }, lines.map(line)),
    el("div", { class: "buttons" },
      moment && !whole ? link("moment_id", moment, say("whole")) : null,
      customer ? link("customer_id", customer, say("more_of_customer")) : null));
}

function line(item) {
  const state = item.gate === null ? "holds" : item.truth === "unknown" ? "unknown" : "fails";
  return el("li", { class: `gate ${state}`, dataset: { gate: item.gate ?? "none" } },
    el("span", { class: "mark", "aria-hidden": "true" }, MARKS[state]),
    el("div", {},
      el("h3", {}, item.offer),
      el("p", {}, el("strong", {}, item.gate === null ? say("came_through") : say("stopped_at", { gate: gateName(item.gate) })), " ", item.said),
      compared(item.values, item.values.zone ?? FACTS.zone),
      passed(item.gate),
      item.weight ? el("p", { class: "note" }, say("stands_for", { count: count(item.weight) })) : null,
      el("p", { class: "reads" }, say("customer_reads"), " ", el("q", {}, item.customer_reads))));
}

/** Name what stood before the gate that stopped it. */
function passed(gate) {
  const before = gate === null ? [] : GATES.slice(0, GATES.indexOf(gate));
  return before.length ? el("p", { class: "note" }, say("passed", { gates: before.map(gateName).join(", ") })) : null;
}
