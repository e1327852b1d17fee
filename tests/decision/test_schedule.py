"""Cron lines and recurrence rules: what can be understood and what not, and the instants that they mean."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from server.decision.schedule import next_after, wrong_cron, wrong_rrule
from server.model.offer import Schedule


@pytest.mark.parametrize(
    "line",
    [
        "0 7 * * *",
        "*/15 7-11 * * mon-fri",
        "30 8 1,15 * *",
        "0 12 * jan,jul 0",
        "0 12 * * 7",
        "5/10 * * * *",
        "0-30/10 9 29 2 *",
        "0 9 31 2 mon",
    ],
)
def test_a_cron_line_is_understood(line):
    assert wrong_cron(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "0 7 * *",
        "0 7 * * * *",
        "60 7 * * *",
        "0 24 * * *",
        "0 7 0 * *",
        "0 7 32 * *",
        "0 7 * 13 *",
        "0 7 * * 8",
        "0 11-7 * * *",
        "*/0 7 * * *",
        "*/x 7 * * *",
        "0 7 * * monday",
        "0 7 * feb-jan *",
        "1, 7 * * *",
        "*-5 7 * * *",
        "-1 7 * * *",
        "@daily",
        "0 7 31 4,6 *",
        "0 7 30 feb *",
    ],
)
def test_a_cron_line_that_means_nothing_or_never_is_refused(line):
    assert wrong_cron(line)


@given(st.lists(st.integers(0, 70), min_size=1, max_size=3), st.integers(0, 30), st.integers(0, 30))
def test_numbers_of_a_cron_line_are_held_to_their_field(minutes, first, last):
    line = f"{','.join(map(str, minutes))} {first}-{last} * * *"
    fits = all(minute < 60 for minute in minutes) and first <= last < 24
    assert (wrong_cron(line) is None) == fits


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYHOUR=7",
        "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;BYHOUR=7;BYMINUTE=30",
        "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17",
        "FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=9;COUNT=12",
        "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24;BYHOUR=8;UNTIL=20301231T000000Z",
        "FREQ=DAILY;INTERVAL=2;BYHOUR=7,19;WKST=SU",
        "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=+1;BYHOUR=6",
    ],
)
def test_a_recurrence_rule_is_understood_here_and_by_dateutil(rule):
    assert wrong_rrule(rule) is None
    assert rrulestr(rule.removeprefix("RRULE:"), dtstart=None, ignoretz=True)[0]


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "DAILY",
        "FREQ=HOURLY;BYHOUR=7",
        "FREQ=SOMETIMES;BYHOUR=7",
        "BYHOUR=7",
        "FREQ=DAILY",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=DAILY;BYHOUR=-7",
        "FREQ=DAILY;BYHOUR=",
        "FREQ=DAILY;BYHOUR=7;BYHOUR=8",
        "FREQ=DAILY;BYHOUR=7;INTERVAL=0",
        "FREQ=DAILY;BYHOUR=7;COUNT=3;UNTIL=20301231",
        "FREQ=DAILY;BYHOUR=7;UNTIL=tomorrow",
        "FREQ=WEEKLY;BYHOUR=7;BYDAY=XX",
        "FREQ=MONTHLY;BYHOUR=7;BYDAY=0MO",
        "FREQ=MONTHLY;BYHOUR=7;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYHOUR=7;BYMONTHDAY=32",
        "FREQ=YEARLY;BYHOUR=7;BYMONTH=-1",
        "FREQ=DAILY;BYHOUR=7;BYSECOND=5",
        "FREQ=DAILY;BYHOUR=7;WKST=8",
        "FREQ=DAILY;BYHOUR=7;;",
    ],
)
def test_a_recurrence_rule_that_cannot_be_kept_is_refused(rule):
    assert wrong_rrule(rule)


# Which instants a schedule means. The oracle goes through the minutes of UTC one by one, and knows nothing of our reading.

TRANSITIONS = [
    ("Europe/Berlin", datetime(2026, 3, 28, 20, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 24, 20, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, 0, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 0, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 8, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 8, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 29, 22, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 11, 1, 0, tzinfo=UTC)),
]
LINES = ["30 2 * * *", "*/20 1-3 * * *", "0 0 * * *", "15 12 30 * *", "5 1,2 1-7 * sun"]
MINUTE = timedelta(minutes=1)


def _is_in(field: str, value: int) -> bool:
    """Whether a field of a cron line takes a number, read as the manual says."""
    for part in field.replace("sun", "0").split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        numbers = range(60) if span == "*" else range(int(low), int(high or low) + 1)
        if value in list(numbers)[:: int(step or 1)]:
            return True
    return False


def _is_meant(line: str, wall: datetime) -> bool:
    minute, hour, day, month, week = line.split()
    if not _is_in(minute, wall.minute):
        return False
    by_day = [_is_in(day, wall.day), _is_in(week, wall.isoweekday() % 7)]
    either = any(by_day) if "*" not in (day, week) else all(by_day)
    return _is_in(hour, wall.hour) and _is_in(month, wall.month) and either


@lru_cache
def _new_walls(zone: ZoneInfo, start: datetime, hours: int) -> list[tuple[datetime, list[datetime]]]:
    """Go through the minutes, and list what the wall shows for the first time at each: its time, and what it left out."""
    found = []
    before = (start - MINUTE).astimezone(zone).replace(tzinfo=None)
    for number in range(hours * 60):
        at = start + number * MINUTE
        wall = at.astimezone(zone).replace(tzinfo=None)
        walls = []
        while before < wall:
            before += MINUTE
            walls.append(before)
        found.append((at, walls))
    return found


def _by_the_minutes(line: str, zone: ZoneInfo, start: datetime, hours: int) -> list[datetime]:
    """List the instants at which a line fires."""
    return [at for at, walls in _new_walls(zone, start, hours) if any(_is_meant(line, wall) for wall in walls)]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize(("name", "start"), TRANSITIONS)
def test_instants_are_those_that_the_minutes_say(name: str, start: datetime, line: str) -> None:
    zone, end = ZoneInfo(name), start + timedelta(hours=40)
    found, at = [], start - timedelta(seconds=1)
    schedule = Schedule(cron=line)
    while (following := next_after(schedule, zone, at, begins=date(2011, 1, 1))) is not None and following < end:
        found.append(following)
        at = following
    assert found == _by_the_minutes(line, zone, start, 40)


def test_the_instant_itself_is_not_after_itself_and_the_moment_before_is():
    zone, seven = ZoneInfo("Europe/Berlin"), datetime(2026, 11, 3, 6, tzinfo=UTC)
    for schedule in (Schedule(cron="0 7 * * *"), Schedule(rrule="FREQ=DAILY;BYHOUR=7")):
        assert next_after(schedule, zone, seven - timedelta(microseconds=1), begins=seven.date()) == seven
        assert next_after(schedule, zone, seven, begins=seven.date()) == seven + timedelta(days=1)


def test_a_rule_fires_on_the_wall_clock_of_each_season():
    schedule, zone = Schedule(rrule="FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=30"), ZoneInfo("Europe/Berlin")
    found, at = [], datetime(2026, 3, 21, tzinfo=UTC)
    for _ in range(3):
        at = next_after(schedule, zone, at, begins=date(2026, 1, 1)) or at
        found.append(at)
    # On 29 March there is no half past two: the first instant after the gap is three o'clock, 01:00 UTC.
    assert found == [
        datetime(2026, 3, 22, 1, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
        datetime(2026, 4, 5, 0, 30, tzinfo=UTC),
    ]


def test_a_rule_that_is_over_means_nothing_more():
    zone, at = ZoneInfo("UTC"), datetime(2026, 11, 3, tzinfo=UTC)
    until = Schedule(rrule="FREQ=DAILY;BYHOUR=7;UNTIL=20261104T065959Z")
    assert next_after(until, zone, at, begins=at.date()) == at.replace(hour=7)
    assert next_after(until, zone, at.replace(hour=7), begins=at.date()) is None
    counted = Schedule(rrule="FREQ=DAILY;BYHOUR=7;COUNT=2")
    assert next_after(counted, zone, at.replace(day=4), begins=at.date()) == at.replace(day=4, hour=7)
    assert next_after(counted, zone, at.replace(day=5), begins=at.date()) is None


@pytest.mark.parametrize(("line", "days"), [("0 7 29 2 *", 459), ("0 7 13 * 5", 3), ("0 7 * * 0", 5), ("0 7 * * 7", 5)])
def test_the_next_day_may_be_far(line: str, days: int) -> None:
    at = datetime(2026, 11, 3, 7, tzinfo=UTC)
    found = next_after(Schedule(cron=line), ZoneInfo("UTC"), at, begins=at.date())
    assert found == at + timedelta(days=days if line != "0 7 29 2 *" else 483)
