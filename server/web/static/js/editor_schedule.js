// Schedules in plain choices: every day, on weekdays, on a day of the month, on the nth weekday of one; else a line of one's own.
// Reads and writes cron lines and recurrence rules; touches no page.

const WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const CRON_DAYS = { 0: "sun", 1: "mon", 2: "tue", 3: "wed", 4: "thu", 5: "fri", 6: "sat", 7: "sun" };
const two = (number) => String(number).padStart(2, "0");

/** Read `cron` or `rrule` of a trigger as {kind: daily|weekly|monthly|nth|cron|rrule, time, days, day, nth, line}. */
export function readSchedule({ cron, rrule }) {
  if (typeof rrule === "string") return readRule(rrule) ?? { kind: "rrule", line: rrule };
  return (typeof cron === "string" && readCron(cron)) || { kind: "cron", line: cron ?? "" };
}

function readCron(line) {
  const found = /^(\d{1,2}) (\d{1,2}) (\*|\d{1,2}) \* (\*|[\w,-]+)$/.exec(line.trim().toLowerCase());
  if (found === null || Number(found[2]) > 23 || Number(found[1]) > 59) return null;
  const time = `${two(found[2])}:${two(found[1])}`;
  if (found[3] !== "*") return found[4] === "*" ? { kind: "monthly", time, day: Number(found[3]) } : null;
  if (found[4] === "*") return { kind: "daily", time };
  const days = found[4].split(",").flatMap(spanOf);
  return days.every((day) => WEEK.includes(day))
    ? { kind: "weekly", time, days: WEEK.filter((day) => days.includes(day)) }
    : null;
}

/** The days of `1`, `mon` or `mon-fri`. */
function spanOf(text) {
  const [first, last] = text.split("-").map((each) => CRON_DAYS[each] ?? each);
  if (last === undefined) return [first];
  const [from, to] = [WEEK.indexOf(first), WEEK.indexOf(last)];
  return from < 0 || to < from ? [text] : WEEK.slice(from, to + 1);
}

function readRule(line) {
  const found = /^(?:RRULE:)?FREQ=MONTHLY;BYDAY=([1-4]|-1)(MO|TU|WE|TH|FR|SA|SU);BYHOUR=(\d{1,2});BYMINUTE=(\d{1,2})$/.exec(line);
  if (found === null) return null;
  const day = WEEK.find((each) => each.startsWith(found[2].toLowerCase()));
  return { kind: "nth", nth: Number(found[1]), days: [day], time: `${two(found[3])}:${two(found[4])}` };
}

/** Write it as the members of a trigger. */
export function writeSchedule({ kind, time = "09:00", days = ["mon"], day = 1, nth = 1, line = "" }) {
  if (kind === "cron") return { cron: line };
  if (kind === "rrule") return { rrule: line };
  const [hour, minute] = time.split(":").map((each) => Number(each) || 0);
  if (kind === "nth")
    return { rrule: `FREQ=MONTHLY;BYDAY=${nth}${days[0].slice(0, 2).toUpperCase()};BYHOUR=${hour};BYMINUTE=${minute}` };
  const week = kind === "weekly" ? (days.length ? days.join(",") : "mon") : "*";
  return { cron: `${minute} ${hour} ${kind === "monthly" ? day : "*"} * ${week}` };
}
