// What offers cost: redeemed in these days, open in pockets now, and what is left of budgets.
import { narrowed, report } from "./dashboard_reports.js";
import { el, fill, svg } from "./dom.js";
import { FACTS, count, money, say } from "./words.js";

/** Show the table, its totals and its bars. */
export async function showMoney(node) {
  const { rows, totals } = await report("money");
  if (!rows.length) return void fill(node, el("p", { class: "empty" }, say("no_money")));
  const others = Object.keys(FACTS.narrowed).some((name) => name !== "offer_id");
  const few = rows.some((row) => row.suppressed || row.liability_open === null);
  fill(
    node,
    el("dl", { class: "totals" }, sums(totals)),
    el("div", { class: "scroll" }, tableOf(rows)),
    few && el("p", { class: "note" }, `${say("minimum", { least: FACTS.least })} ${say("partly")}`),
    others && el("p", { class: "note" }, say("money_of_offers")),
  );
}

function sums(totals) {
  const told = (name) => totals.filter((each) => each[name]).map((each) => money({ minor: each[name], currency: each.currency })).join(" + ") || "–";
  return [["redeemed_worth", "redeemed"], ["open", "liability_open"]].map(([word, name]) => el("div", {}, el("dt", {}, say(word)), el("dd", {}, told(name))));
}

function tableOf(rows) {
  const heads = ["offer", "status", "redeemed_worth", "open", "budget"];
  const numbers = ["redeemed_worth", "open"];
  return el(
    "table",
    { class: "list money" },
    el("thead", {}, el("tr", {}, heads.map((name) => el("th", { scope: "col", class: numbers.includes(name) && "number" }, say(name))))),
    el("tbody", {}, rows.map(line)),
  );
}

function line(row) {
  const name = "offer_id" in FACTS.narrowed ? row.name : el("a", { href: `${narrowed({ offer_id: row.offer_id })}#table` }, row.name);
  const amounts = (found, label) => el("td", { class: "number", "data-label": say(label) }, found === null ? say("few") : found.map(money).join(" + ") || "–");
  return el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, el("span", { class: "badge" }, say(`status_${row.status}`))), amounts(row.redeemed, "redeemed_worth"), amounts(row.liability_open, "open"), el("td", {}, budget(row.budget)));
}

function budget(found) {
  if (!found) return say("no_budget");
  const { units, units_left: left, liability, liability_left: money_left } = found;
  return [
    units !== null && bar(left, units, say(left === null ? "units_hidden" : "units_left", { left: count(left ?? 0), all: count(units) })),
    liability && bar(money_left?.minor ?? null, liability.minor, money_left ? say("money_left", { left: money(money_left), all: money(liability) }) : say("money_hidden", { all: money(liability) })),
  ];
}

/** A bar of what is left, with words: the bar says nothing that they do not. */
function bar(left, all, words) {
  const share = left === null || !all ? 0 : (100 * left) / all;
  const picture = svg("svg", { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { class: "rail", width: 100, height: 6 }), svg("rect", { class: "left", width: share, height: 6 }));
  return el("div", { class: "budget" }, left !== null && picture, el("small", {}, words));
}
