// The calendar: a month of weeks, each day with whom it may reach, offers as bars across their days.
import { call } from "./api.js";
import { drawDay, figures } from "./calendar_day.js";
import { attachSwitch } from "./calendar_switch.js";
import { el, fill, find } from "./dom.js";
import { attempt } from "./frame.js";
import { count, day as dayWords, FACTS, LANGUAGE, say, share, weekday } from "./words.js";
import { wallOf } from "./zone_time.js";

const DAY = 86400000;
const LOCALE = LANGUAGE === "de" ? "de-DE" : "en-GB";
const limit = find("#limit");
let month = monthOf(new URLSearchParams(location.search).get("month")) ?? today().slice(0, 7);
let drawn = month;
let shown = null;

const at = (date) => new Date(`${date}T12:00Z`);
const plus = (date, days) => new Date(at(date).getTime() + days * DAY).toISOString().slice(0, 10);

function today() {
  return wallOf(new Date(), FACTS.zone).date;
}

function monthOf(text) {
  return /^20\d\d-(0[1-9]|1[0-2])$/.test(text ?? "") ? text : null;
}

/** The Monday before the month, and the day behind the Sunday after it. */
function spanOf(name) {
  const first = `${name}-01`;
  const from = plus(first, -((at(first).getUTCDay() + 6) % 7));
  const [year, number] = name.split("-").map(Number);
  const behind = new Date(Date.UTC(year, number, 1, 12)).toISOString().slice(0, 10);
  const to = plus(behind, (8 - at(behind).getUTCDay()) % 7);
  return { from, to };
}

async function load() {
  const asked = month;
  const { from, to } = spanOf(asked);
  const answer = await attempt(() => call("GET", `/v1/calendar?from=${from}&to=${to}`), { busy: find("#weeks") });
  if (asked !== month) return; // whoever leafs fast has gone on already
  if (!answer) {
    if (!shown) title(asked, say("not_read"));
    month = drawn;
    return;
  }
  drawn = month;
  shown = answer.body;
  history.replaceState(null, "", `?month=${month}`);
  draw();
}

function title(name, note) {
  const words = new Intl.DateTimeFormat(LOCALE, { month: "long", year: "numeric", timeZone: "UTC" });
  find("#month").textContent = words.format(at(`${name}-15`));
  find("#recorded").textContent = note;
}

function draw() {
  const { days, share: read } = shown.recorded;
  title(drawn, days ? say("recorded", { days: count(days), share: share(read) }) : say("recorded_none"));
  const weeks = [];
  for (let start = 0; start < shown.days.length; start += 7) weeks.push(shown.days.slice(start, start + 7));
  fill(find("#weeks"), weeks.map(week));
}

function week(days) {
  return el("section", { class: "week", "aria-label": say("week", { day: dayWords(days[0].day) }) },
    el("ol", { class: "days" }, days.map(cell)), lanes(days));
}

function cell(planned) {
  const past = planned.day < today();
  const over = !past && planned.capped_share !== null && planned.capped_share * 100 > Number(limit.value || 100);
  const kinds = [over ? "over" : "", planned.day === today() ? "today" : "", planned.day.startsWith(month) && !past ? "" : "outside"];
  const name = new Intl.DateTimeFormat(LOCALE, { weekday: "short", day: "numeric", month: "numeric", timeZone: "UTC" }).format(at(planned.day));
  const button = el("button", { type: "button", onclick: () => drawDay(find("#day"), planned, past) },
    el("span", { class: "date" }, name), past ? null : figures(planned, { over }));
  return el("li", { class: kinds.join(" ").trim() || null, dataset: { day: planned.day } }, button);
}

/** One bar for each run of days of an offer within the week. */
function lanes(days) {
  const runs = new Map();
  days.forEach((planned, place) => {
    for (const offer of planned.offers) {
      const mine = runs.get(offer.offer_id) ?? [];
      const last = mine.at(-1);
      if (last && last.end === place) last.end = place + 1;
      else mine.push({ offer, start: place, end: place + 1 });
      runs.set(offer.offer_id, mine);
    }
  });
  if (!runs.size) return null;
  const bars = [...runs.values()].flatMap((mine, row) => mine.map((run) => bar(run, row, days)));
  return el("ul", { class: "lanes" }, bars);
}

function bar({ offer, start, end }, row, days) {
  const [first, last] = [start, end - 1].map((place) => weekday(place));
  const state = say(`state_${offer.state}`);
  const item = el("li", {}, el("a", { class: offer.state, href: `/dashboard/offers/${offer.offer_id}`, title: `${offer.name} – ${state}` },
    offer.name, offer.state === "live" ? null : ` – ${state}`, " ", el("span", { class: "run" }, say("run", { first, last }))));
  item.style.gridColumn = `${start + 1} / ${end + 1}`;
  item.style.gridRow = String(row + 1);
  return item;
}

function move(by) {
  const [year, number] = month.split("-").map(Number);
  month = new Date(Date.UTC(year, number - 1 + by, 1)).toISOString().slice(0, 7);
  load();
}

find("#before").addEventListener("click", () => move(-1));
find("#after").addEventListener("click", () => move(1));
find("#today").addEventListener("click", () => {
  month = today().slice(0, 7);
  load();
});
limit.value = localStorage.getItem("calendar:limit") ?? limit.value;
limit.addEventListener("input", () => {
  localStorage.setItem("calendar:limit", limit.value);
  if (shown) draw();
});
attachSwitch();
await load();
