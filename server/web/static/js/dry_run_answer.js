// What a dry run came to: one sentence, the gates in order with what was compared, and what would be seen.
import { compared, gateName } from "./compared.js";
import { el } from "./dom.js";
import { knows, LANGUAGE, number, say, share, time } from "./words.js";

const GATES = [
  "consent", "late", "trust", "place", "trigger", "active", "local_time", "weather", "segment", "attribute", "event",
  "quiet_hours", "cap", "budget", "arbitration",
];
const CONDITIONS = new Set(["local_time", "weather", "segment", "attribute", "event"]);
const MARKS = { holds: "✓", fails: "✗", unknown: "?", later: "–" };

/** Draw an answer; `asked` is {place, weather} as the form named them. */
export function drawAnswer(answer, asked) {
  const shown = answer.outcome === "show";
  return [
    el("p", { class: `verdict ${shown ? "good" : "wrong"}` }, sentence(answer, asked)),
    answer.moment ? moment(answer.moment) : null,
    answer.dwell_due ? el("p", { class: "note" }, say("dry_due", { time: clock(answer.dwell_due, answer.zone) })) : null,
    el("h3", {}, answer.others?.length ? say("dry_gates_of", { offer: speaker(answer) }) : say("dry_gates")),
    el("ol", { class: "gates" }, steps(answer).map((step) => gate(step, answer.zone))),
    others(answer),
    el("p", { class: "note" }, answer.offer ? `${say("dry_tried", { offer: answer.offer })} ` : null, say("dry_zone", { zone: answer.zone })),
  ];
}

/** Whose gates are told where several were asked: the winner's, else those of the first that came furthest. */
const speaker = ({ offer, others: list, gate: stopped }) => offer ?? (list.find((each) => each.gate === stopped) ?? list[0]).offer;

const clock = (instant, zone) => time(instant, { zone, date: false });

/** "Tuesday 08:12, drizzle, 6 °C at Mitte: shown, because …". */
function sentence(answer, { place, weather }) {
  const day = new Intl.DateTimeFormat(LANGUAGE === "de" ? "de-DE" : "en-GB", { weekday: "long", timeZone: "UTC" });
  const local = answer.local_time;
  const when = `${day.format(new Date(`${local.slice(0, 10)}T12:00Z`))} ${local.slice(11, 16)}`;
  const sky = [];
  if (weather?.kind) sky.push(say(`kind_${weather.kind}`));
  if (weather?.temperature_c !== undefined) sky.push(`${number(weather.temperature_c)} °C`);
  const where = place ? say("dry_at_place", { place }) : say("dry_at_point");
  return say("dry_sentence", { when, weather: sky.map((each) => `, ${each}`).join(""), where, outcome: outcome(answer) });
}

function outcome(answer) {
  if (answer.held_until) return say("dry_held", { time: clock(answer.held_until, answer.zone) });
  if (answer.outcome === "held_out") return say("dry_held_out");
  if (answer.outcome === "none") return say("dry_none", { reason: joined([answer.said]) });
  const held = answer.parts.map((part) => part.said);
  return say("dry_show", { reason: held.length ? joined(held) : say("dry_nothing_against") });
}

/** Make one clause of several sentences. */
function joined(sentences) {
  const begins = new Set(say("dry_lower").split(" "));
  const clauses = sentences.flatMap((each) => each.replace(/\.$/, "").split(". ")).map((each) => {
    const first = each.split(" ", 1)[0];
    return begins.has(first) ? first.toLowerCase() + each.slice(first.length) : each;
  });
  const last = clauses.pop();
  return clauses.length ? `${clauses.join(", ")}${say("dry_and")}${last}` : last;
}

/** Each gate with its state: what passed, what stopped the offer, what was not reached; conditions with their own answer. */
function steps(answer) {
  const stopped = answer.gate === null ? GATES.length : GATES.indexOf(answer.gate);
  return GATES.flatMap((name, at) => {
    const parts = answer.parts.filter((part) => part.gate === name);
    const state = at < stopped ? "holds" : at > stopped ? "later" : answer.truth === "unknown" && CONDITIONS.has(name) ? "unknown" : "fails";
    if (at === stopped && !parts.length) return [{ name, state, said: answer.said, values: answer.values }];
    if (parts.length) return parts.map((part) => ({ name, state: part.truth, part: true, said: part.said, values: part.values }));
    if (CONDITIONS.has(name)) return [];
    return [{ name, state, said: at < stopped && name === "trigger" ? moves(answer.transitions) : null, values: {} }];
  });
}

const moves = (transitions) =>
  transitions.map((each) => say(`dry_transition_${each.type}`, { share: share(each.p_inside) })).join(", ");

function gate({ name, state, part, said, values }, zone) {
  const word = say(part ? `part_${state}` : `truth_${state}`);
  return el("li", { class: `gate ${state}`, dataset: { gate: name } },
    el("span", { class: "mark", "aria-hidden": "true" }, MARKS[state]),
    el("div", {},
      el("p", {}, el("strong", {}, gateName(name)), " ", el("span", { class: "note" }, word)),
      said ? el("p", {}, said) : null,
      compared(values, zone)));
}

function moment(seen) {
  const how = [`placement_${seen.placement}`, `channel_${seen.channel}`].map((key) => (knows(key) ? say(key) : key)).join(", ");
  return el("figure", { class: "seen" },
    el("figcaption", { class: "note" }, `${say("dry_moment")} (${how})`),
    el("div", { class: "moment" }, el("strong", {}, seen.title), el("p", {}, seen.body)));
}

function others({ offer, others: list }) {
  if (!list?.length) return null;
  const head = ["dry_offer", "dry_gate", "dry_reason"].map((key) => el("th", { scope: "col" }, say(key)));
  const rows = list.map((each) => el("tr", {}, el("th", { scope: "row" }, each.offer), el("td", {}, gateName(each.gate)), el("td", {}, each.said)));
  const title = say(offer ? "dry_others" : "dry_all");
  return [el("h3", {}, title), el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
    el("table", { class: "list" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)))];
}
