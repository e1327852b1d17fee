"""Days as people choose them: of the programme's zone, both ends included, and as many before them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from server.web.screens.days import LONGEST, Chosen, before, choose

NOW = datetime(2026, 11, 3, 23, 30, tzinfo=UTC)
"""Half past midnight on the 4th, in Berlin."""
BERLIN = "Europe/Berlin"


def chosen(days: str | None = None, first: str | None = None, last: str | None = None) -> Chosen:
    return choose(days, first, last, now=NOW, zone=BERLIN)


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ((), (date(2026, 10, 29), date(2026, 11, 4), "7", None)),
        (("1",), (date(2026, 11, 4), date(2026, 11, 4), "1", None)),
        (("90",), (date(2026, 8, 7), date(2026, 11, 4), "90", None)),
        ((None, "2026-11-01", "2026-11-02"), (date(2026, 11, 1), date(2026, 11, 2), None, None)),
        ((None, "2026-11-02", "2026-11-01"), (date(2026, 10, 29), date(2026, 11, 4), "7", "wrong")),
        ((None, "2026-11-02", "9999-12-31"), (date(2026, 10, 29), date(2026, 11, 4), "7", "too_long")),
        ((None, None, "2026-11-02"), (date(2026, 10, 29), date(2026, 11, 4), "7", "wrong")),
        ((None, "2026-W45-2", "2026-11-05"), (date(2026, 10, 29), date(2026, 11, 4), "7", "wrong")),
        ((None, "2000-01-01", "2026-01-01"), (date(2026, 10, 29), date(2026, 11, 4), "7", "too_long")),
        ((None, "9999-12-31", "9999-12-31"), (date(2026, 10, 29), date(2026, 11, 4), "7", "wrong")),
    ],
)
def test_days_are_those_of_the_programmes_zone_and_both_included(asked: Any, wanted: Any) -> None:
    found = chosen(*asked)
    assert (found.first, found.last, found.days, found.wrong) == wanted


def test_a_range_of_days_is_whole_local_days_also_when_the_clocks_change() -> None:
    found = chosen(first="2026-10-25", last="2026-10-25")
    assert found.span.end - found.span.start == timedelta(hours=25)
    assert found.span.start == datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert found.until == date(2026, 10, 26)


def test_the_longest_range_is_counted_in_days_whatever_the_clocks_do_in_between() -> None:
    first = date(2023, 10, 27)  # in summer time, and the end is not: an hour more than so many times 24 away
    last = first + timedelta(days=LONGEST - 1)
    found = chosen(first=first.isoformat(), last=last.isoformat())
    assert (found.wrong, found.first, found.last) == (None, first, last)
    assert found.span.end - found.span.start == timedelta(days=LONGEST, hours=1)
    assert chosen(first=first.isoformat(), last=found.until.isoformat()).wrong == "too_long"


@pytest.mark.parametrize("days", ["1", "7", "28", "90"])
def test_the_days_before_are_as_many_and_end_where_the_chosen_ones_begin(days: str) -> None:
    found = chosen(days)
    earlier = before(found, zone=BERLIN)
    assert (earlier.last - earlier.first).days == int(days) - 1
    assert earlier.span.end == found.span.start
    assert earlier.last + timedelta(days=1) == found.first


def test_the_day_before_the_clocks_change_is_one_of_24_hours() -> None:
    earlier = before(chosen(first="2026-10-25", last="2026-10-25"), zone=BERLIN)
    assert earlier.span.end - earlier.span.start == timedelta(hours=24)
