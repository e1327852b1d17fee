// The reports behind the dashboard: those of the days and of the narrowing that its address says.
import { call } from "./api.js";
import { FACTS, LANGUAGE, day, say } from "./words.js";

/** Ask for a report by its name: over the days of the page, narrowed as it is. */
export const report = async (name) => (await call("GET", FACTS.reports[name])).body;

/** The address of this page, narrowed further. */
export function narrowed(changes) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) url.searchParams.set(name, value);
  return `${url.pathname}${url.search}`;
}

/** Days (those before are the dashed ones), and what they are narrowed to, as the line below a picture's title. */
export const noteOf = (range, before) => [periodOf(range), before && `– – ${periodOf(before)}`, ...narrowedTo()].filter(Boolean).join(" · ");

/** List the days of a range, as "2026-11-28". */
export function daysOf({ from, days }) {
  const first = Date.parse(`${from}T00:00Z`);
  return Array.from({ length: days }, (_, index) => new Date(first + index * 86_400_000).toISOString().slice(0, 10));
}

/** The days of a range in words. */
export function periodOf(range) {
  const days = daysOf(range);
  return days.length === 1 ? day(days[0]) : say("between", { low: day(days[0]), high: day(days.at(-1)) });
}

// As the page's chips say it.
const narrowedTo = () => [...document.querySelectorAll(".chips li:not(.plain)")].map((chip) => chip.innerText.replace(/\s*×\s*$/, "").replace(/\s+/g, " "));

/** A day for an axis: "28 Nov". */
export const shortDay = (text) =>
  new Intl.DateTimeFormat(LANGUAGE === "de" ? "de-DE" : "en-GB", { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(`${text}T00:00Z`));

/** An hour of the day for an axis: "07:00". */
export const clock = (hour) => `${String(hour).padStart(2, "0")}:00`;

/** The programme's local day and hour now. */
export function localNow() {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: FACTS.zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", hourCycle: "h23" });
  const told = Object.fromEntries(parts.formatToParts(new Date()).map(({ type, value }) => [type, value]));
  return { day: `${told.year}-${told.month}-${told.day}`, hour: Number(told.hour) };
}
