// The reward, and how wallets show it.
import { el } from "./dom.js";
import { FACTS, say } from "./words.js";
import { fields, idOf, rows } from "./editor_fields.js";

const { choices } = FACTS;
const type = (draft) => draft.read(["reward", "type"]);
const has = (draft) => draft.read(["reward"]) !== undefined;
const or =
  (key, ...types) =>
  (draft) =>
    types.includes(type(draft)) || draft.read(["reward", key]) !== undefined;

const currency = (draft) => () => draft.read(["reward", "value", "currency"]) ?? "EUR";

const REWARD = (draft) => [
  { at: ["reward", "type"], kind: "choice", options: choices.reward, words: "reward_{}", required: true, shape: true },
  { at: ["reward", "percent"], kind: "number", low: 0.01, high: 100, when: or("percent", "percent") },
  { at: ["reward", "points"], kind: "number", whole: true, low: 1, high: 1000000, when: or("points", "points", "stamp") },
  { at: ["reward", "value"], kind: "money", currency: currency(draft) },
  { at: ["reward", "sku"], kind: "text", longest: 64 },
  { at: ["reward", "uses"], kind: "number", whole: true, low: 1, high: 1000, usual: "1" },
  { at: ["reward", "minimum_purchase"], kind: "money", currency: currency(draft) },
  { at: ["reward", "valid", "from"], kind: "edge", decision: true, wide: true },
  { at: ["reward", "valid", "until"], kind: "edge", wide: true },
  { at: ["reward", "valid", "at_most"], kind: "duration", unit: "H" },
  {
    at: ["reward", "places"],
    kind: "places",
    usual: "triggering",
    named: ["triggering", "triggering_and_nearest_9", "any"],
    whole: false,
    wide: true,
  },
];

/** The section of the reward. */
export function drawReward(draft) {
  if (!has(draft)) {
    const add = () =>
      draft.set(
        ["reward"],
        { type: "free_item", value: { minor: 250, currency: "EUR" }, uses: 1, valid: { at_most: "PT8H" } },
        { shape: true, focus: idOf(["reward", "type"]) },
      );
    return [
      el("p", { class: "note" }, say("reward_none")),
      el("button", { type: "button", class: "quiet", id: "add-reward", onclick: add }, say("add_reward")),
    ];
  }
  const away = () => draft.set(["reward"], undefined, { shape: true, focus: "add-reward" });
  return [
    fields(draft, [], REWARD(draft)),
    el("button", { type: "button", class: "quiet", onclick: away }, say("remove_reward")),
  ];
}

const WALLET = [
  { at: ["reward", "wallet", "apple"], kind: "choice", options: choices.apple, words: "apple_{}", usual: "coupon", shape: true },
  { at: ["reward", "wallet", "google"], kind: "choice", options: choices.google, words: "google_{}" },
  { at: ["reward", "wallet", "relevance"], kind: "choice", options: choices.relevance, words: "relevance_{}" },
  { at: ["reward", "wallet", "max_distance_m"], kind: "number", whole: true, low: 10, high: 100000 },
  {
    at: ["reward", "wallet", "group"],
    kind: "text",
    longest: 64,
    when: (draft) =>
      draft.read(["reward", "wallet", "apple"]) === "eventTicket" || draft.read(["reward", "wallet", "group"]) !== undefined,
  },
  { at: ["reward", "wallet", "colours", "background"], kind: "colour" },
  { at: ["reward", "wallet", "colours", "foreground"], kind: "colour" },
  { at: ["reward", "wallet", "colours", "label"], kind: "colour" },
  { at: ["reward", "wallet", "terms"], kind: "texts", long: true, longest: 2000, wide: true },
  { at: ["reward", "wallet", "name"], kind: "tick", wide: true },
];

const LINES = {
  at: ["reward", "wallet", "fields"],
  word: "wallet_fields",
  most: 10,
  fresh: () => ({ section: "back", label: "", value: "" }),
  row: [
    { at: ["section"], kind: "choice", options: choices.section, words: "section_{}", word: "line_section", required: true },
    { at: ["label"], kind: "texts", word: "line_label", longest: 40, required: true },
    { at: ["value"], kind: "texts", word: "line_value", longest: 500, required: true },
  ],
};

/** The section of the pass. */
export const drawWallet = (draft) =>
  has(draft)
    ? [
        fields(draft, [], WALLET),
        rows(draft, [], LINES),
        el("p", { class: "note" }, say("on_a_pass", { names: choices.on_a_pass.map((name) => `{{ ${name} }}`).join(", ") })),
      ]
    : [el("p", { class: "note" }, say("wallet_none"))];
