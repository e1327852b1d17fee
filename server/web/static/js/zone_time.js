// Wall clocks of other zones: browsers only tell what a clock shows at an instant, so the way back is searched.

/** What a clock in a zone shows at an instant: {date: "2026-11-03", time: "08:12"}. */
export function wallOf(instant, zone) {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  }).formatToParts(instant);
  const part = Object.fromEntries(parts.map((each) => [each.type, each.value]));
  return { date: `${part.year}-${part.month}-${part.day}`, time: `${part.hour}:${part.minute}` };
}

/** The instant at which a clock in a zone shows this; of two the first, and behind a gap where there is none. */
export function instantOf(date, time, zone) {
  const asked = Date.parse(`${date}T${time}:00Z`);
  const offset = (instant) => {
    const wall = wallOf(new Date(instant), zone);
    return Date.parse(`${wall.date}T${wall.time}:00Z`) - instant;
  };
  const day = 86400000;
  const before = asked - offset(asked - day);
  const after = asked - offset(asked + day);
  return new Date(before + offset(before) === asked ? before : after + offset(after) === asked ? after : before);
}
