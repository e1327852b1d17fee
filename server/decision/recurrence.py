"""Recurrence rules (RFC 5545 §3.3.10): on which days, and at which times of a wall clock, something happens again.

Rule 1: a document has no DTSTART. Whoever asks says on which day the counting begins: INTERVAL, COUNT, and what a rule leaves
        out (the weekday of a weekly one) go by it.
Rule 2: the search ends. A rule that gives nothing for thirty years gives nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

HORIZON = timedelta(days=30 * 366)

_DAY = timedelta(days=1)
_WEEK = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
Frequency = Literal["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]
FREQUENCIES: Mapping[str, Frequency] = {
    "YEARLY": "YEARLY",
    "MONTHLY": "MONTHLY",
    "WEEKLY": "WEEKLY",
    "DAILY": "DAILY",
}
Slot = tuple[date, tuple[time, ...]]
"""A day, and the times of it."""


class Nth(NamedTuple):
    """A weekday (Monday 0), every one or the nth of a month or year, counted from the end where negative."""

    weekday: int
    nth: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it was written; what is empty was left out."""

    frequency: Frequency
    interval: int
    count: int | None
    until: str | None
    months: frozenset[int]
    week_numbers: frozenset[int]
    year_days: frozenset[int]
    month_days: frozenset[int]
    weekdays: frozenset[Nth]
    times: tuple[time, ...]
    positions: frozenset[int]
    week_start: int


def read_rule(line: str) -> Rule:
    """Read a rule that `wrong_rrule` finds nothing wrong with."""
    parts = dict(part.split("=", 1) for part in line.removeprefix("RRULE:").split(";"))

    def numbers(name: str) -> frozenset[int]:
        return frozenset(int(each) for each in parts[name].split(",")) if name in parts else frozenset()

    hours, minutes = sorted(numbers("BYHOUR")), sorted(numbers("BYMINUTE")) or [0]
    return Rule(
        frequency=FREQUENCIES[parts["FREQ"]],
        interval=int(parts.get("INTERVAL", 1)),
        count=int(parts["COUNT"]) if "COUNT" in parts else None,
        until=parts.get("UNTIL"),
        months=numbers("BYMONTH"),
        week_numbers=numbers("BYWEEKNO"),
        year_days=numbers("BYYEARDAY"),
        month_days=numbers("BYMONTHDAY"),
        weekdays=frozenset(_nth(each) for each in parts["BYDAY"].split(",")) if "BYDAY" in parts else frozenset(),
        times=tuple(time(hour, minute) for hour, minute in product(hours, minutes)),
        positions=numbers("BYSETPOS"),
        week_start=_WEEK.index(parts.get("WKST", "MO")),
    )


def _nth(text: str) -> Nth:
    return Nth(_WEEK.index(text[-2:]), int(text[:-2]) if text[:-2] else None)


def ends(rule: Rule, zone: ZoneInfo) -> datetime | None:
    """Tell the last instant (UTC) that a rule's UNTIL allows; a date is its whole day, a time without Z the zone's."""
    if rule.until is None:
        return None
    if len(rule.until) == len("20261231"):
        return (
            datetime.strptime(rule.until, "%Y%m%d").replace(tzinfo=zone, hour=23, minute=59, second=59).astimezone(UTC)
        )
    local = datetime.strptime(rule.until.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007  its zone comes now
    return local.replace(tzinfo=UTC if rule.until.endswith("Z") else zone).astimezone(UTC)


def slots(rule: Rule, *, begins: date, since: date) -> Iterator[Slot]:
    """Give the days from `since` on with their times, in order; counting begins on the day `begins`."""
    left = rule.count
    step = 0 if left is not None else _first_step(rule, begins, since)
    while (span := _span(rule, begins, step)) is not None and span[0] - max(since, begins) <= HORIZON:
        for day, times in _period(rule, *span, begins):
            counted = times if left is None else times[:left]
            if left is not None:
                left -= len(counted)
            if counted and day >= since:
                yield day, counted
        if left == 0:
            return
        step += rule.interval


def _first_step(rule: Rule, begins: date, since: date) -> int:
    """Tell how many periods after the first one the search may begin: a multiple of the interval, never too late."""
    days = max(0, (since - begins).days)
    longest = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 31, "YEARLY": 366}[rule.frequency]
    return max(0, (days // longest - 1) // rule.interval * rule.interval)


def _span(rule: Rule, begins: date, step: int) -> tuple[date, date] | None:
    """Give the first day of a period and the first after it; None beyond the end of the calendar."""
    try:
        if rule.frequency == "DAILY":
            first = begins + step * _DAY
            return first, first + _DAY
        if rule.frequency == "WEEKLY":
            first = begins - ((begins.weekday() - rule.week_start) % 7) * _DAY + 7 * step * _DAY
            return first, first + 7 * _DAY
        months = (
            begins.year * 12 + begins.month - 1 + step if rule.frequency == "MONTHLY" else (begins.year + step) * 12
        )
        length = 1 if rule.frequency == "MONTHLY" else 12
        return _month(months), _month(months + length)
    except (OverflowError, ValueError):
        return None


def _month(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)


def _period(rule: Rule, first: date, after: date, begins: date) -> Iterator[Slot]:
    """Give what one period holds, from the first day of all on."""
    days = [day for day in (first + n * _DAY for n in range((after - first).days)) if _is_meant(rule, day, begins)]
    if not rule.positions:
        yield from ((day, rule.times) for day in days if day >= begins)
        return
    every = [(day, clock) for day in days for clock in rule.times]
    count = len(every)
    chosen = {at for each in rule.positions if 0 <= (at := each - 1 if each > 0 else count + each) < count}
    for day in days:
        times = tuple(clock for at, (when, clock) in enumerate(every) if when == day and at in chosen)
        if times and day >= begins:
            yield day, times


def _is_meant(rule: Rule, day: date, begins: date) -> bool:
    """Tell whether a day passes every part of the rule; what a rule leaves out comes from the day it begins on."""
    if rule.months and day.month not in rule.months:
        return False
    if not (rule.week_numbers or rule.year_days or rule.month_days or rule.weekdays):
        return _is_default(rule, day, begins)
    if rule.week_numbers and not _either(*_week_number(day, rule.week_start), rule.week_numbers):
        return False
    if rule.year_days:
        last = date(day.year, 12, 31).timetuple().tm_yday
        if not _either(day.timetuple().tm_yday, last, rule.year_days):
            return False
    if rule.month_days and not _either(day.day, _days_of_month(day), rule.month_days):
        return False
    return not rule.weekdays or any(_is_nth(each, rule, day) for each in rule.weekdays)


def _is_default(rule: Rule, day: date, begins: date) -> bool:
    if rule.frequency == "DAILY":
        return True
    if rule.frequency == "WEEKLY":
        return day.weekday() == begins.weekday()
    if rule.frequency == "YEARLY" and not rule.months and day.month != begins.month:
        return False
    return day.day == begins.day


def _either(number: int, last: int, wanted: frozenset[int]) -> bool:
    """Tell whether a number is wanted, counted from the beginning or from the end."""
    return number in wanted or number - last - 1 in wanted


def _is_nth(wanted: Nth, rule: Rule, day: date) -> bool:
    if day.weekday() != wanted.weekday:
        return False
    if wanted.nth is None:
        return True
    if rule.frequency == "YEARLY" and not rule.months:
        number, last = day.timetuple().tm_yday, date(day.year, 12, 31).timetuple().tm_yday
    else:
        number, last = day.day, _days_of_month(day)
    return wanted.nth in ((number + 6) // 7, -((last - number) // 7 + 1))


def _days_of_month(day: date) -> int:
    return 31 if day.month == 12 else (day.replace(month=day.month + 1, day=1) - _DAY).day


def _week_number(day: date, week_start: int) -> tuple[int, int]:
    """Number a day's week (week 1 has at least four days of its year), and tell how many weeks that year has."""
    thursday = day - ((day.weekday() - week_start) % 7) * _DAY + 3 * _DAY
    first = date(thursday.year, 1, 1)
    last = date(thursday.year, 12, 31)
    days = last.timetuple().tm_yday
    # A year has 53 weeks where its first day is the fourth of its week, or its second one in a leap year.
    place = (first.weekday() - week_start) % 7
    weeks = 53 if place == 3 or (place == 2 and days == 366) else 52
    return (thursday - first).days // 7 + 1, weeks
