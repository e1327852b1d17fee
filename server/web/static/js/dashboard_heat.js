// The hours of the week: each a cell with its figure, the more the darker; weekdays across on a phone.
import { colour } from "./colours.js";
import { choice } from "./dashboard_choice.js";
import { clock, noteOf, report } from "./dashboard_reports.js";
import { el, fill, find } from "./dom.js";
import { savePng, write } from "./png.js";
import { FACTS, count, say, weekday } from "./words.js";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const WEEK = [0, 1, 2, 3, 4, 5, 6];
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const narrow = matchMedia("(max-width: 50rem)");

/** Show the hours; answers what saves them as a picture. */
export async function showHeat(node) {
  const { rows } = await report("heat");
  const cells = new Map(rows.map((row) => [`${DAYS.indexOf(row.weekday)} ${row.hour}`, row]));
  const at = (day, hour) => cells.get(`${day} ${hour}`);
  let shown = "";
  const draw = () => fill(node, tableOf(at, shown), said(rows, shown));
  choice(find("#heat-steps"), "heat", "redeemed", (step) => {
    shown = step;
    draw();
  });
  narrow.addEventListener("change", draw);
  return () => save(at, shown, mostOf(rows, shown));
}

const few = () => `· ${say("minimum", { least: FACTS.least })}`;
const mostOf = (rows, step) => Math.max(0, ...rows.map((row) => row[step] ?? 0));

function tableOf(at, step) {
  const most = Math.max(1, ...WEEK.flatMap((day) => HOURS.map((hour) => at(day, hour)?.[step] ?? 0)));
  const cell = (day, hour) => cellOf(at(day, hour), step, most);
  const head = (text, scope) => el("th", { scope }, text);
  const long = (day) => [el("abbr", { title: weekday(day, "long") }, weekday(day))];
  const [across, down, headed, lined] = narrow.matches
    ? [WEEK, HOURS, (day) => head(long(day), "col"), (hour) => head(clock(hour), "row")]
    : [HOURS, WEEK, (hour) => head(String(hour), "col"), (day) => head(weekday(day, "long"), "row")];
  return el(
    "table",
    { class: narrow.matches ? "heat tall" : "heat" },
    el("caption", { class: "unseen" }, say("heat_caption", { step: say(step) })),
    el("thead", {}, el("tr", {}, el("td"), across.map(headed))),
    el("tbody", {}, down.map((line) => el("tr", {}, lined(line), across.map((each) => (narrow.matches ? cell(each, line) : cell(line, each)))))),
  );
}

function cellOf(row, step, most) {
  if (row?.suppressed) return el("td", { class: "few", title: say("minimum", { least: FACTS.least }) }, el("span", { "aria-hidden": "true" }, "·"), el("span", { class: "unseen" }, say("few")));
  const value = row?.[step] ?? 0;
  const made = el("td", { class: value ? "" : "zero" }, count(value));
  made.style.setProperty("--share", value / most);
  return made;
}

/** The same in words: when most happened, and what is not shown. */
function said(rows, step) {
  const most = mostOf(rows, step);
  const best = most > 0 && rows.find((row) => row[step] === most);
  const where = best && { day: weekday(DAYS.indexOf(best.weekday), "long"), hour: clock(best.hour), count: count(most), step: say(step) };
  return [best && el("p", { class: "note" }, say("heat_most", where)), rows.some((row) => row.suppressed) && el("p", { class: "note" }, few())];
}

function save(at, step, most) {
  const [left, top, high] = [110, 26, 34];
  savePng(`kairos-week-${FACTS.range.from}`, { title: `${find("#heat-title").innerText}: ${say(step)}`, note: noteOf(FACTS.range), height: top + 7 * high + 24 }, (pen, width) => {
    if (WEEK.some((day) => HOURS.some((hour) => at(day, hour)?.suppressed))) write(pen, few(), 0, top + 7 * high + 20, { size: 12, ink: "quiet" });
    const wide = (width - left) / 24;
    for (const hour of HOURS) write(pen, String(hour), left + (hour + 0.5) * wide, 14, { size: 12, ink: "quiet", align: "center" });
    for (const day of WEEK) {
      write(pen, weekday(day, "long"), 0, top + (day + 0.62) * high, { size: 13 });
      for (const hour of HOURS) paint(pen, at(day, hour), step, most, [left + hour * wide, top + day * high, wide, high]);
    }
  });
}

function paint(pen, row, step, most, [x, y, wide, high]) {
  const value = row?.[step] ?? 0;
  pen.globalAlpha = most ? (0.5 * value) / most : 0;
  pen.fillStyle = colour("accent");
  pen.fillRect(x + 1, y + 1, wide - 2, high - 2);
  pen.globalAlpha = 1;
  write(pen, row?.suppressed ? "·" : count(value), x + wide / 2, y + high * 0.62, { size: 12, align: "center", ink: value ? "ink" : "quiet", most: wide - 4 });
}
