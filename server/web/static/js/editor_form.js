// The form: its sections, each a table of fields or a drawing of its own. It is drawn anew whenever its shape changes.
import { el, fill, find } from "./dom.js";
import { FACTS, say } from "./words.js";
import { drawConditions } from "./editor_conditions.js";
import { fields, rows } from "./editor_fields.js";
import { drawMoment } from "./editor_moment.js";
import { drawReward, drawWallet } from "./editor_reward.js";
import { drawWhen } from "./editor_when.js";

const BASICS = [
  { at: ["name"], kind: "text", longest: 64, required: true },
  { at: ["priority"], kind: "number", whole: true, low: 0, high: 1000, usual: "50" },
  { at: ["active", "from"], kind: "date" },
  { at: ["active", "to"], kind: "date" },
  { at: ["goal", "event"], kind: "text", list: "events", longest: 64, usual: "redemption" },
  { at: ["goal", "within"], kind: "duration", usual: "P7D", seed: { "goal.event": "redemption" } },
  { at: ["topic"], kind: "text", list: "topics", longest: 64 },
];

const CAPS = {
  at: ["limits", "per_customer"],
  word: "per_customer",
  most: 20,
  fresh: () => ({ max: 1, period: { calendar: "day", tz: "customer_home" } }),
  row: [
    { at: ["max"], kind: "number", whole: true, low: 1, high: 1e9, word: "cap_max", required: true },
    { at: ["period"], kind: "period", zone: "customer_home", word: "cap_period" },
  ],
};

const LIMITS = (draft) => [
  { at: ["limits", "total", "units"], kind: "number", whole: true, low: 1, high: 1e9 },
  { at: ["limits", "total", "liability"], kind: "money", currency: () => draft.read(["reward", "value", "currency"]) ?? "EUR" },
  {
    at: ["limits", "per_place", "units"],
    kind: "number",
    whole: true,
    low: 1,
    high: 1e9,
    seed: { "limits.per_place.period": { calendar: "day", tz: "place" } },
    removes: ["limits", "per_place"],
    late: true,
  },
  {
    at: ["limits", "per_place", "period"],
    kind: "period",
    zone: "place",
    when: () => draft.read(["limits", "per_place"]) !== undefined,
  },
  { at: ["limits", "pressure_class"], kind: "text", list: "pressure", longest: 64, usual: "marketing" },
  { at: ["holdout", "share"], kind: "share", low: 0, high: 100, removes: ["holdout"], late: true },
  { at: ["holdout", "salt"], kind: "text", longest: 200, when: () => draft.read(["holdout"]) !== undefined },
];

const DELIVERY = [
  { at: ["fresh"], kind: "duration", usual: "PT3M" },
  { at: ["deliver_by"], kind: "duration", usual: "PT5M" },
  { at: ["trust", "mock"], kind: "choice", options: ["deny", "allow"], words: "mock_{}" },
  { at: ["trust", "teleport"], kind: "choice", options: ["hold", "allow"], words: "teleport_{}" },
];

/** Sections by name: what of the document they hold (for mistakes that have no field), and how they are drawn. */
const SECTIONS = {
  basics: { draw: (draft) => fields(draft, [], BASICS) },
  when: { path: "when", draw: drawWhen },
  if: { path: "if", draw: drawConditions },
  moment: { path: "moment", draw: drawMoment },
  reward: { path: "reward", draw: drawReward },
  wallet: { path: "reward.wallet", draw: drawWallet },
  limits: { path: "limits", draw: (draft) => [rows(draft, [], CAPS), fields(draft, [], LIMITS(draft))] },
  delivery: { path: "trust", draw: (draft) => fields(draft, [], DELIVERY) },
};

/** Draw the whole form; `focus` is the id to look at afterwards, else what was looked at before. */
export function drawForm(node, draft, focus = document.activeElement?.id) {
  draft.drawn += 1;
  fill(
    node,
    Object.entries(SECTIONS).map(([name, section]) =>
      el(
        "section",
        { class: "panel", id: `s-${name}`, dataset: section.path ? { path: section.path } : {} },
        el("h2", {}, say(`s_${name}`)),
        section.draw(draft),
      ),
    ),
  );
  const found = focus && document.getElementById(focus);
  if (found && found !== document.activeElement) found.focus();
}

/** Links to the sections. */
export const drawWays = () => Object.keys(SECTIONS).map((name) => el("a", { href: `#s-${name}` }, say(`s_${name}`)));

/** Fill the lists of words that are known beforehand. */
export function drawLists() {
  const listed = (id, words) =>
    fill(
      find(`#list-${id}`),
      words.map((value) => el("option", { value })),
    );
  listed("events", ["redemption", "purchase", "sign_up", "birthday", "inactivity"]);
  listed("pressure", FACTS.pressure);
  listed("currencies", ["EUR", "CHF", "USD", "GBP", "PLN", "SEK", "DKK", "NOK", "CZK", "JPY"]);
}
