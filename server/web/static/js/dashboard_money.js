// What offers cost: redeemed in these days, open in pockets now, and what is left of budgets.
import { colour } from "./colours.js";
import { narrowed, periodOf, report } from "./dashboard_reports.js";
import { el, fill, svg } from "./dom.js";
import { savePng, write } from "./png.js";
import { FACTS, count, money, say } from "./words.js";

/** Show the table, its totals and its bars; answers what saves the bars as a picture. */
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
  return () => save(rows);
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
  const amounts = (found, label) => el("td", { class: "number", "data-label": say(label) }, sumOf(found));
  return el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, el("span", { class: "badge" }, say(`status_${row.status}`))), amounts(row.redeemed, "redeemed_worth"), amounts(row.liability_open, "open"), el("td", {}, budget(row.budget)));
}

const sumOf = (found) => (found === null ? say("few") : found.map(money).join(" + ") || "–");

/** What is left of a budget: [share or null, words] of its passes and of its money. */
function limits({ units, units_left: left, liability, liability_left: rest }) {
  return [
    units !== null && [left === null ? null : left / units, say(left === null ? "units_hidden" : "units_left", { left: count(left ?? 0), all: count(units) })],
    liability && [rest && rest.minor / liability.minor, say(rest ? "money_left" : "money_hidden", { left: money(rest), all: money(liability) })],
  ].filter(Boolean);
}

const budget = (found) => (found ? limits(found).map(bar) : say("no_budget"));

/** A bar of what is left, with words: the bar says nothing that they do not. */
function bar([share, words]) {
  const picture = svg("svg", { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { class: "rail", width: 100, height: 6 }), svg("rect", { class: "left", width: 100 * (share || 0), height: 6 }));
  return el("div", { class: "budget" }, share !== null && picture, el("small", {}, words));
}

function save(rows) {
  const lines = rows.map((row) => ({ row, bars: row.budget ? limits(row.budget) : [] }));
  const high = ({ bars }) => 34 + 26 * Math.max(0, bars.length - 1);
  const height = 24 + lines.reduce((sum, each) => sum + high(each), 0);
  savePng(`kairos-money-${FACTS.range.from}`, { title: say("money"), note: periodOf(FACTS.range), height }, (pen, width) => {
    const [redeemed, open, left] = [430, 600, 640];
    write(pen, say("redeemed_worth"), redeemed, 10, { size: 12, ink: "quiet", align: "right" });
    write(pen, say("open"), open, 10, { size: 12, ink: "quiet", align: "right" });
    write(pen, say("budget"), left, 10, { size: 12, ink: "quiet" });
    let y = 38;
    for (const each of lines) {
      write(pen, each.row.name, 0, y, { most: 250 });
      write(pen, sumOf(each.row.redeemed), redeemed, y, { align: "right", most: 160 });
      write(pen, sumOf(each.row.liability_open), open, y, { align: "right", most: 150 });
      if (!each.row.budget) write(pen, say("no_budget"), left, y, { size: 12, ink: "quiet" });
      each.bars.forEach((one, index) => paint(pen, one, left, y + 26 * index, width - left));
      y += high(each);
    }
  });
}

function paint(pen, [share, words], x, y, room) {
  write(pen, words, x, y - 2, { size: 12, ink: "quiet", most: room });
  if (share === null) return;
  pen.fillStyle = colour("line");
  pen.fillRect(x, y + 3, room, 6);
  pen.fillStyle = colour("second");
  pen.fillRect(x, y + 3, room * share, 6);
}
