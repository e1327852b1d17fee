"""Schedules: whether a cron line of five fields or a recurrence rule can be understood, and which instants it means.

Rule 1: a wall time that the clocks leave out fires at the first instant after the gap, one that they repeat at the first.
Rule 2: where a cron line names days of the month and of the week, either will do; with one of them `*`, both must.
Sources: POSIX.1-2017 `crontab` (fields and ranges; steps and names as in Vixie cron), RFC 5545 §3.3.10 (RRULE).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import product
from zoneinfo import ZoneInfo

from server.decision.recurrence import FREQUENCIES, HORIZON, Slot, ends, read_rule, slots
from server.decision.wall import instant_of
from server.model.offer import Schedule

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEK = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, Mapping[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: at for at, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 7, {name: at for at, name in enumerate(_WEEK)}),
)
_LONGEST_MONTHS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}

_DAY = timedelta(days=1)
_A_BEGINNING = date(2024, 1, 1)
"""Where it does not matter when the counting begins."""

_NUMBERS: Mapping[str, tuple[int, int, bool]] = {  # lowest, highest, whether also counted from the end (negative)
    "BYMINUTE": (0, 59, False),
    "BYHOUR": (0, 23, False),
    "BYMONTHDAY": (1, 31, True),
    "BYMONTH": (1, 12, False),
    "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True),
    "BYSETPOS": (1, 366, True),
}
_WEEKDAY = re.compile(r"([+-]?[1-9]\d?)?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"\d{8}(T\d{6}Z?)?")


def wrong_cron(line: str) -> str | None:
    """Say what is wrong with a cron line (minute, hour, day of the month, month, day of the week); None if nothing is."""
    texts = line.lower().split()
    if len(texts) != len(_FIELDS):
        return "must have five fields: minute, hour, day of the month, month, day of the week"
    numbers: list[set[int]] = []
    for text, (name, low, high, names) in zip(texts, _FIELDS, strict=True):
        found = _cron_field(text, low, high, names)
        if found is None:
            return f"the {name} {text!r} is not understood; it may be *, {low}-{high}, lists and steps"
        numbers.append(found)
    days, months = numbers[2], numbers[3]
    if texts[4] == "*" and all(min(days) > _LONGEST_MONTHS.get(month, 31) for month in months):
        return "never happens: those months have no such day"
    return None


def _cron_field(text: str, low: int, high: int, names: Mapping[str, int]) -> set[int] | None:
    """Give the numbers that one field means; None where it cannot be read."""
    numbers: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        start = low if first == "*" else _cron_number(first, names)
        if first == "*":
            end: int | None = None if dash else high
        else:
            end = _cron_number(last, names) if dash else (high if slash else start)
        by = int(step) if step.isdecimal() and len(step) < 4 else None if slash else 1
        if start is None or end is None or not by or not low <= start <= end <= high:
            return None
        numbers.update(range(start, end + 1, by))
    return numbers


def _cron_number(text: str, names: Mapping[str, int]) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 3 else names.get(text)


def wrong_rrule(rule: str) -> str | None:
    """Say what is wrong with a recurrence rule; None if nothing is.

    FREQ is daily or rarer, and BYHOUR must be given: a document has no DTSTART from which an hour could be taken.
    """
    parts: dict[str, str] = {}
    for part in rule.removeprefix("RRULE:").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value or name in parts:
            return f"{part!r} is not understood; parts are NAME=VALUE, each once"
        parts[name] = value
    if parts.get("FREQ") not in FREQUENCIES:
        return f"FREQ must be one of {', '.join(FREQUENCIES)}"
    if "BYHOUR" not in parts:
        return "BYHOUR must say at which hour"
    if "UNTIL" in parts and "COUNT" in parts:
        return "UNTIL and COUNT exclude each other"
    for name, value in parts.items():
        if name != "FREQ" and not _is_part(name, value):
            return f"{name}={value} is not understood"
    if parts["FREQ"] in ("DAILY", "WEEKLY") and re.search(r"\d", parts.get("BYDAY", "")):
        return "BYDAY counts weekdays of a month or a year: FREQ must be MONTHLY or YEARLY"
    if next(slots(read_rule(rule), begins=_A_BEGINNING, since=_A_BEGINNING), None) is None:
        return "never happens"
    return None


def _is_part(name: str, value: str) -> bool:
    """Whether one part of a recurrence rule can be read."""
    if name in ("INTERVAL", "COUNT"):
        return value.isdecimal() and 1 <= int(value) <= 10_000
    if name == "UNTIL":
        return _UNTIL.fullmatch(value) is not None
    if name == "WKST":
        return value in ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
    if name == "BYDAY":
        return all(_WEEKDAY.fullmatch(each) for each in value.split(","))
    if name not in _NUMBERS:
        return False
    low, high, signed = _NUMBERS[name]
    return all(
        re.fullmatch(r"[+-]?\d{1,3}" if signed else r"\d{1,3}", each) is not None and low <= abs(int(each)) <= high
        for each in value.split(",")
    )


class _Cron:
    """A cron line, read: which days it means, and which times of each."""

    def __init__(self, line: str) -> None:
        """Read a line that `wrong_cron` finds nothing wrong with."""
        texts = line.lower().split()
        fields = [
            _cron_field(text, low, high, names) or set()
            for text, (_, low, high, names) in zip(texts, _FIELDS, strict=True)
        ]
        minutes, hours, self._days, self._months, weekdays = fields
        self.times = tuple(time(hour, minute) for hour, minute in product(sorted(hours), sorted(minutes)))
        self._weekdays = {(each - 1) % 7 for each in weekdays}  # cron's Sunday is 0 and 7, Python's Monday 0
        self._both = texts[2].startswith("*") or texts[4].startswith("*")

    def means(self, day: date) -> bool:
        """Tell whether the line means this day."""
        if day.month not in self._months:
            return False
        of_month, of_week = day.day in self._days, day.weekday() in self._weekdays
        return (of_month and of_week) if self._both else (of_month or of_week)


@lru_cache(maxsize=1024)
def _cron(line: str) -> _Cron:
    return _Cron(line)


def next_after(schedule: Schedule, zone: ZoneInfo, instant: datetime, *, begins: date) -> datetime | None:
    """Give the first instant (UTC) after this one that a schedule means on a zone's wall clock; None where there is none.

    `begins` is the day on which a recurrence rule begins to count.
    """
    rule = read_rule(schedule.rrule) if schedule.rrule is not None else None
    last = ends(rule, zone) if rule is not None else None
    since = instant.astimezone(zone).date() - _DAY  # a zone may have left a day out, and its times fire on the next
    if rule is not None:
        days: Iterator[Slot] = slots(rule, begins=begins, since=since)
    else:
        days = _cron_days(_cron(schedule.cron or ""), since)
    for day, times in days:
        at = bisect_right(times, instant, key=lambda clock: instant_of(day, clock, zone))
        if at < len(times):
            found = instant_of(day, times[at], zone)
            return found.astimezone(UTC) if last is None or found <= last else None
    return None


def _cron_days(cron: _Cron, since: date) -> Iterator[Slot]:
    for number in range(HORIZON.days):
        day = since + number * _DAY
        if cron.means(day):
            yield day, cron.times
