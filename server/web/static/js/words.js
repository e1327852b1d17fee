// What a page says, in the language it was rendered in, and how it writes numbers, money and times there.
import { brought } from "./dom.js";

const WORDS = brought("words");

/** The page's facts: roles, zone, brand, tiles, and what the page itself put there. */
export const FACTS = brought("facts");

/** The page's language: "de" or "en". */
export const LANGUAGE = document.documentElement.lang === "de" ? "de" : "en";

const LOCALE = LANGUAGE === "de" ? "de-DE" : "en-GB";

/** Say something of the page's dictionary, with gaps filled: say("hidden", {least: 10}). */
export function say(key, gaps = {}) {
  const text = WORDS[key];
  if (text === undefined) throw new Error(`no word ${key}`);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in gaps ? String(gaps[name]) : whole));
}

/** Whether the dictionary has a word: for names that the server may add to. */
export const knows = (key) => key in WORDS;

const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const percent = new Intl.NumberFormat(LOCALE, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** A whole number, in groups of three. */
export const count = (value) => whole.format(value);

/** A number with so many decimals at most. */
export const number = (value, digits = 1) => new Intl.NumberFormat(LOCALE, { maximumFractionDigits: digits }).format(value);

/** A share (0.123) in percent; a dash where there is none. */
export const share = (value) => (Number.isFinite(value) ? percent.format(value) : "–");

/** Money {minor, currency}: the currency knows how many minor units it has. */
export function money(amount) {
  if (!amount || !/^[A-Z]{3}$/.test(amount.currency) || amount.currency === "XXX") return "–";
  const written = new Intl.NumberFormat(LOCALE, { style: "currency", currency: amount.currency });
  return written.format(amount.minor / 10 ** written.resolvedOptions().maximumFractionDigits);
}

/** An instant (RFC 3339 or Date) in words, in a zone (the programme's, unless another is given). */
export function time(instant, { zone = FACTS.zone, date = true, seconds = false } = {}) {
  const day = date ? { dateStyle: "medium" } : {};
  return new Intl.DateTimeFormat(LOCALE, { ...day, timeStyle: seconds ? "medium" : "short", timeZone: zone }).format(new Date(instant));
}

/** A day "2026-11-28" in words, with its weekday. */
export const day = (text) =>
  new Intl.DateTimeFormat(LOCALE, { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }).format(new Date(`${text}T00:00Z`));

/** A weekday by its number (0 is Monday), short or long. */
export const weekday = (index, style = "short") =>
  new Intl.DateTimeFormat(LOCALE, { weekday: style, timeZone: "UTC" }).format(new Date(Date.UTC(2024, 0, 1 + index)));

/** "1 hour ago"-like words for a difference in seconds (negative is past). */
export function ago(seconds) {
  const words = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: "auto" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]])
    if (Math.abs(seconds) >= size) return words.format(Math.trunc(seconds / size), unit);
  return words.format(Math.trunc(seconds), "second");
}
