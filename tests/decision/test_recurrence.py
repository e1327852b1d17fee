"""Recurrence rules, judged by dateutil's reading of the same RFC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from server.decision.recurrence import ends, read_rule, slots
from server.decision.schedule import wrong_rrule

BEGINS = date(2026, 1, 14)
"""A Wednesday."""
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def ours(line: str, count: int, *, begins: date = BEGINS, since: date | None = None) -> list[datetime]:
    """List the first times of a rule on a wall clock."""
    found = (
        datetime.combine(day, clock)
        for day, times in slots(read_rule(line), begins=begins, since=since or begins)
        for clock in times
    )
    return list(islice(found, count))


def theirs(line: str, count: int, *, begins: date = BEGINS) -> list[datetime]:
    """List the same as dateutil reads it."""
    return list(islice(rrulestr(line, dtstart=datetime.combine(begins, time())), count))


@pytest.mark.parametrize(
    "line",
    [
        "FREQ=DAILY;BYHOUR=7",
        "FREQ=DAILY;INTERVAL=3;BYHOUR=7,19;BYMINUTE=0,30",
        "FREQ=DAILY;COUNT=5;BYHOUR=7,19",
        "FREQ=WEEKLY;BYHOUR=7",
        "FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=7",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;BYHOUR=7;WKST=SU",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;BYHOUR=7;WKST=MO",
        "FREQ=MONTHLY;BYHOUR=7",
        "FREQ=MONTHLY;BYMONTHDAY=31;BYHOUR=7",
        "FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=7",
        "FREQ=MONTHLY;BYDAY=1MO,-1FR;BYHOUR=7",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYHOUR=9,17",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;BYHOUR=7",
        "FREQ=YEARLY;BYHOUR=7",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=7",
        "FREQ=YEARLY;BYDAY=20MO;BYHOUR=7",
        "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU;BYHOUR=2;BYMINUTE=30",
        "FREQ=YEARLY;BYYEARDAY=1,100,-1;BYHOUR=7",
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;BYHOUR=7",
        "FREQ=YEARLY;BYWEEKNO=1,53;BYHOUR=7",
        "FREQ=YEARLY;BYWEEKNO=-1;BYHOUR=7;WKST=SU",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;BYHOUR=7",
    ],
)
def test_a_rule_means_what_dateutil_says(line: str) -> None:
    assert wrong_rrule(line) is None
    assert ours(line, 7) == theirs(line, 7)


def _some(values: st.SearchStrategy[int], most: int = 3) -> st.SearchStrategy[list[int]]:
    return st.lists(values, max_size=most, unique=True)


rules = st.fixed_dictionaries(
    {
        "FREQ": st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]),
        "INTERVAL": st.integers(1, 4),
        "BYMONTH": _some(st.integers(1, 12)),
        "BYMONTHDAY": _some(st.one_of(st.integers(1, 31), st.integers(-31, -1))),
        "BYYEARDAY": _some(st.one_of(st.integers(1, 366), st.integers(-366, -1)), 1),
        "BYDAY": st.lists(st.sampled_from(DAYS), max_size=3, unique=True),
        "BYHOUR": st.lists(st.integers(0, 23), min_size=1, max_size=2, unique=True),
        "BYMINUTE": _some(st.integers(0, 59), 2),
        "WKST": st.sampled_from(DAYS),
    }
)


@settings(max_examples=25)
@given(rules, st.dates(date(2020, 1, 1), date(2030, 12, 31)), st.sampled_from([(), (1,), (-1,), (2, -2)]))
def test_any_rule_means_what_dateutil_says(parts, begins, positions):
    # In the week that it begins in, dateutil counts positions from the first day on, and we count them in the whole week.
    words = {**parts, "BYSETPOS": [] if parts["FREQ"] == "WEEKLY" else list(positions)}
    line = ";".join(
        f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in words.items()
        if value
    )
    found = ours(line, 3, begins=begins)
    assume(len(found) == 3)  # dateutil looks for what never happens until the year 9999
    assert found == theirs(line, 3, begins=begins)


@settings(max_examples=20)
@given(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]), st.integers(1, 9), st.integers(0, 900))
def test_a_search_that_begins_later_finds_what_is_left(frequency, interval, later):
    line, since = f"FREQ={frequency};INTERVAL={interval};BYHOUR=7", BEGINS + timedelta(days=later)
    whole = [each for each in ours(line, 910) if each.date() >= since]
    assert ours(line, 3, since=since)[: len(whole)] == whole[:3]


def test_what_was_counted_before_the_search_begins_counts():
    assert ours("FREQ=DAILY;COUNT=5;BYHOUR=7,19", 9, since=BEGINS + timedelta(days=2)) == [datetime(2026, 1, 16, 7)]  # noqa: DTZ001
    assert ours("FREQ=DAILY;COUNT=4;BYHOUR=7,19", 9, since=BEGINS + timedelta(days=2)) == []


@pytest.mark.parametrize(
    "line",
    [
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=7",
        "FREQ=DAILY;BYMONTH=4;BYMONTHDAY=31;BYHOUR=7",
        "FREQ=DAILY;BYYEARDAY=1;BYMONTH=7;BYHOUR=7",
        "FREQ=YEARLY;BYDAY=53MO;BYMONTH=1;BYHOUR=7",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6;BYHOUR=7",
    ],
)
def test_a_rule_that_gives_nothing_is_refused_and_the_search_for_it_ends(line: str) -> None:
    assert ours(line, 1) == []
    assert wrong_rrule(line) == "never happens"


def test_weekdays_are_counted_in_months_and_years_alone():
    assert wrong_rrule("FREQ=WEEKLY;BYDAY=2MO;BYHOUR=7") is not None
    assert wrong_rrule("FREQ=MONTHLY;BYDAY=2MO;BYHOUR=7") is None


def test_a_rule_ends_with_its_day_its_local_time_or_its_instant():
    zone = ZoneInfo("America/New_York")

    def end(until: str) -> datetime | None:
        return ends(read_rule(f"FREQ=DAILY;BYHOUR=7{until}"), zone)

    assert end("") is None
    assert end(";UNTIL=20261231") == datetime(2027, 1, 1, 4, 59, 59, tzinfo=UTC)
    assert end(";UNTIL=20261231T120000") == datetime(2026, 12, 31, 17, tzinfo=UTC)
    assert end(";UNTIL=20261231T120000Z") == datetime(2026, 12, 31, 12, tzinfo=UTC)


def test_at_the_end_of_the_calendar_the_search_ends_too():
    assert ours("FREQ=YEARLY;BYHOUR=7", 9, begins=date(9998, 5, 1)) == [datetime(9998, 5, 1, 7)]  # noqa: DTZ001
