"""Opening hours as documents write them: read day by day, and the first mistake named with its path."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.model.hours import WrongHours, read_hours
from server.model.place import DAYS, Span

DAY = 24 * 60


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def wrong(document: Any) -> WrongHours:
    with pytest.raises(WrongHours) as caught:
        read_hours(document)
    return caught.value


def test_a_week_is_read_with_spans_over_midnight_and_days_of_24_hours() -> None:
    week = {"mon": [["08:00", "12:30"], ["14:00", "20:00"]], "sat": [["22:00", "02:00"]], "sun": [["00:00", "24:00"]]}
    assert read_hours(week) == {
        "mon": (Span(time(8), time(12, 30)), Span(time(14), time(20))),
        "sat": (Span(time(22), time(2)),),
        "sun": (Span(time(0), None),),
    }


def test_a_day_without_spans_is_closed_and_one_that_is_not_named_is_not_there() -> None:
    assert read_hours({"tue": []}) == {"tue": ()}
    assert read_hours({}) == {}


def test_days_come_in_the_weeks_order_whatever_the_documents() -> None:
    assert list(read_hours({day: [] for day in reversed(DAYS)})) == list(DAYS)


@given(
    st.dictionaries(
        st.sampled_from(DAYS), st.lists(st.tuples(st.integers(0, DAY - 1), st.integers(1, DAY)), max_size=8)
    )
)
def test_every_possible_week_is_read_minute_by_minute(week: dict[str, list[tuple[int, int]]]) -> None:
    week = {day: [span for span in spans if span[0] != span[1]] for day, spans in week.items()}
    document = {day: [[clock(opens), clock(closes)] for opens, closes in spans] for day, spans in week.items()}
    read = read_hours(document)
    minutes = {
        day: [
            (
                span.open.hour * 60 + span.open.minute,
                DAY if span.close is None else span.close.hour * 60 + span.close.minute,
            )
            for span in spans
        ]
        for day, spans in read.items()
    }
    assert minutes == week


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"monday": []}, "monday"),
        ({"MON": []}, "MON"),
        ({"mon": {}}, "mon"),
        ({"mon": None}, "mon"),
        ({"mon": "08:00-20:00"}, "mon"),
        ({"mon": [["08:00", "20:00"]] * 9}, "mon"),
        ({"mon": ["08:00"]}, "mon[0]"),
        ({"mon": [["08:00"]]}, "mon[0]"),
        ({"mon": [["08:00", "12:00", "20:00"]]}, "mon[0]"),
        ({"mon": [["08:00", "12:00"], [8, 20]]}, "mon[1]"),
        ({"tue": [["8:00", "20:00"]]}, "tue[0]"),
        ({"tue": [["08:00", "20:60"]]}, "tue[0]"),
        ({"tue": [["08:00:00", "20:00"]]}, "tue[0]"),
        ({"tue": [["24:00", "08:00"]]}, "tue[0]"),
        ({"tue": [["08:00", "24:01"]]}, "tue[0]"),
        ({"tue": [["0٨:00", "20:00"]]}, "tue[0]"),
        ({"tue": [["08:00", "08:00"]]}, "tue[0]"),
        ({"tue": [["08:00\n", "20:00"]]}, "tue[0]"),
    ],
)
def test_the_first_mistake_is_named_with_its_path(document: Any, field: str) -> None:
    error = wrong(document)
    assert error.field == field
    assert str(error) == f"{field}: {error.message}"


def test_a_strangers_day_is_repeated_in_its_first_letters_alone() -> None:
    assert wrong({"x" * 1000: []}).field == "x" * 10
