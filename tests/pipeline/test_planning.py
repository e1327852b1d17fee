"""Which days an offer is planned for, against a calendar read by eye."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest

from server.decision.conditions import local_time, logic
from server.pipeline.planning import is_planned
from tests.builders import day, offer

MONDAY = date(2026, 11, 2)


def planned(*, first: date = MONDAY, count: int = 7, **more: Any) -> list[int]:
    """The days of a week (0 is its Monday) on which an offer is planned."""
    asked = offer(**more)
    return [number for number in range(count) if is_planned(asked, first + timedelta(days=number))]


def window(*days: str, start: str = "00:00", end: str | None = None) -> local_time.Condition:
    named = frozenset(days) or local_time.Condition().days
    return local_time.Condition(
        days=named, start=time.fromisoformat(start), end=time.fromisoformat(end) if end else None
    )  # fmt: skip


def test_an_offer_without_dates_and_windows_is_planned_for_every_day() -> None:
    assert planned() == list(range(7))


def test_both_dates_are_within() -> None:
    assert planned(active_from=day("2026-11-03"), active_to=day("2026-11-05")) == [1, 2, 3]


@pytest.mark.parametrize(
    ("condition", "days"),
    [
        (window("mon", "fri"), [0, 4]),
        (window("sat", start="22:00", end="02:00"), [5, 6]),
        (window("sat", start="22:00", end="23:00"), [5]),
        (window("sun", start="22:00", end="00:00"), [0, 6]),
        (logic.Condition("all", (window("mon", "tue"), window("tue", "wed"))), [1]),
        (logic.Condition("any", (window("mon"), window("tue"))), list(range(7))),
        (logic.Condition("not", (window("mon"),)), list(range(7))),
    ],
)
def test_windows_that_must_hold_leave_their_weekdays(condition: Any, days: list[int]) -> None:
    assert planned(condition=condition) == days
