"""Which days an offer is planned for, against a calendar read by eye."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from server.decision.conditions import local_time, logic
from server.model.offer import Schedule
from server.pipeline.planning import is_planned
from tests.builders import day, offer

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 11, 2)


def planned(*, first: date = MONDAY, count: int = 7, schedule: Schedule | None = None, **more: Any) -> list[int]:
    """The days of a week (0 is its Monday) on which an offer is planned."""
    asked = offer(**more)
    if schedule is not None:
        asked = replace(asked, when=replace(asked.when, trigger="schedule", schedule=schedule))
    return [number for number in range(count) if is_planned(asked, first + timedelta(days=number), BERLIN)]


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


@pytest.mark.parametrize(
    ("schedule", "days"),
    [
        (Schedule(cron="0 9 * * mon,thu"), [0, 3]),
        (Schedule(cron="30 0 4 * *", tz="Europe/Berlin"), [2]),
        (Schedule(cron="0 0 4 * *", tz="customer_home"), [2]),
        (Schedule(rrule="FREQ=WEEKLY;BYDAY=TU;BYHOUR=9"), [1]),
        (Schedule(cron="0 9 1 1 *"), []),
    ],
)
def test_a_schedule_is_planned_for_the_days_on_which_it_fires(schedule: Schedule, days: list[int]) -> None:
    assert planned(schedule=schedule) == days
    assert set(planned(schedule=schedule, active_from=day("2026-11-04"))) == {n for n in days if n >= 2}
