// One step of the funnel over time: a line, the days before it dashed, and a table that says the same.
import { drawLines } from "./chart.js";
import { choice } from "./dashboard_choice.js";
import { clock, daysOf, localNow, noteOf, periodOf, report, shortDay } from "./dashboard_reports.js";
import { el, fill, find, svg } from "./dom.js";
import { savePng, write } from "./png.js";
import { FACTS, count, day, say } from "./words.js";

const HOURS = Array.from({ length: 24 }, (_, hour) => String(hour));
const hourly = FACTS.by_time === "hour";

/** Show the line; answers what saves it as a picture. */
export async function showTrend(node) {
  if (!window.uPlot) throw new Error("uPlot is not there");
  const [now, before] = await Promise.all([rowsOf("trend", FACTS.range), FACTS.earlier && rowsOf("trend_before", FACTS.earlier)]);
  const picture = el("div", { class: "chart", role: "img" });
  const bubble = el("p", { class: "bubble", "aria-hidden": "true" });
  const table = el("div", { class: "scroll" });
  const gaps = now.some((row) => row.suppressed) || before?.some((row) => row.suppressed);
  fill(node, picture, bubble, before && key(), gaps && el("p", { class: "note" }, say("loose")), el("details", {}, el("summary", {}, say("as_table")), table));
  let chart = null;
  let shown = "";
  choice(find("#trend-steps"), "step", "redeemed", (step) => {
    shown = step;
    const drawn = drawingOf(now, before, step, (index) => fill(bubble, index === null ? "" : told(now, before, step, index)));
    picture.setAttribute("aria-label", `${say(step)}: ${periodOf(FACTS.range)}`);
    if (chart) chart.change(drawn);
    else chart = drawLines(picture, drawn);
    fill(table, tableOf(now, before, step));
  });
  return () => save(chart.canvas(), shown);
}

/** A row for each day (hour) of a range, also for those that had nothing; `open`: it has not come yet. */
async function rowsOf(name, range) {
  const { rows } = await report(name);
  const known = new Map(rows.map((row) => [row.key, row]));
  const here = localNow();
  const names = hourly ? HOURS : daysOf(range);
  return names.map((each) => {
    const open = hourly ? range.from === here.day && Number(each) > here.hour : each > here.day;
    return { name: each, open, ...(known.get(each) ?? { suppressed: false }) };
  });
}

const valueOf = (row, step) => (row.suppressed || row.open ? null : (row[step] ?? 0));
const nameOf = (row, long = false) => (hourly ? clock(row.name) : long ? day(row.name) : shortDay(row.name));
const tellOf = (row, step) => (row.suppressed ? "–" : row.open ? "" : count(row[step] ?? 0));

function drawingOf(now, before, step, hover) {
  const lines = [{ values: now.map((row) => valueOf(row, step)) }];
  if (before) lines.push({ values: before.map((row) => valueOf(row, step)), dashed: true });
  return { names: now.map((row) => nameOf(row)), lines, hover };
}

function told(now, before, step, index) {
  const was = before ? ` (${say("before", { count: tellOf(before[index], step) })})` : "";
  return `${nameOf(now[index], true)}: ${tellOf(now[index], step)}${was}`;
}

function key() {
  const line = (kind) => svg("svg", { viewBox: "0 0 32 12", "aria-hidden": "true" }, svg("line", { class: kind, x1: 0, y1: 6, x2: 32, y2: 6 }));
  return el("p", { class: "key" }, el("span", {}, line("solid"), say("this_period")), el("span", {}, line("dashed"), say("that_period")));
}

function tableOf(now, before, step) {
  const head = (text, kind = "number") => el("th", { scope: "col", class: kind }, text);
  const heads = [head(say(hourly ? "hour" : "day"), ""), head(say(step)), ...(before ? [head(say("that_period")), hourly ? null : head(say("day"))] : [])];
  const line = (row, index) => {
    const was = before?.[index];
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, nameOf(row, true)),
      el("td", { class: "number" }, tellOf(row, step)),
      was && [el("td", { class: "number" }, tellOf(was, step)), hourly ? null : el("td", { class: "number" }, nameOf(was, true))],
    );
  };
  return el("table", { class: "list" }, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, now.map(line)));
}

function save(canvas, step) {
  const note = noteOf(FACTS.range, FACTS.earlier);
  const height = Math.round((1000 * canvas.height) / canvas.width);
  savePng(`kairos-${step}-${FACTS.range.from}`, { title: say(step), note, height }, (pen, width) => {
    pen.drawImage(canvas, 0, 0, width, height);
    write(pen, FACTS.brand, width, -HEADLINE, { align: "right", ink: "quiet" });
  });
}

const HEADLINE = 52;
