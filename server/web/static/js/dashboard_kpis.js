// Key figures of loyalty, each with its definition on demand, or why there is none.
import { report } from "./dashboard_reports.js";
import { el, fill } from "./dom.js";
import { count, knows, money, number, say } from "./words.js";

/** Show the figures. */
export async function showKpis(node) {
  const { rows, active_days } = await report("kpis");
  fill(node, rows.filter((row) => knows(`kpi_${row.key}`)).map((row) => figure(row, active_days)));
}

function figure(row, active_days) {
  const of = row.numerator !== null && row.denominator !== null && say("kpi_of", { part: count(row.numerator), whole: count(row.denominator) });
  return el(
    "details",
    { class: "kpi" },
    el("summary", {}, el("span", {}, say(`kpi_${row.key}`)), el("strong", { class: row.value === null ? "none" : "" }, valueOf(row))),
    el("p", {}, say(`about_${row.key}`, { days: count(active_days) })),
    of && el("p", { class: "note" }, of),
    row.parts && el("p", { class: "note" }, partsOf(row)),
  );
}

function valueOf({ value, unit, currency }) {
  if (value === null) return say("not_enough");
  if (unit === "minor") return money({ minor: value, currency });
  if (unit === "percent") return say("percent", { value: number(value) });
  return number(value, unit === "points" ? 0 : 2);
}

const partsOf = ({ parts, currency }) =>
  say("kpi_parts", { worth: money({ minor: parts.average_order_value, currency }), often: number(parts.frequency, 2), periods: number(parts.lifespan, 2) });
