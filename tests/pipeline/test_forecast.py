"""The forecast, against weeks that are counted through one by one and against weeks that are thrown with dice."""

from __future__ import annotations

import itertools
import math
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.pipeline.forecast import Caps, Due, clump, meets_a_cap, poisson, weekdays
from tests.oracles import Poisson

MONDAY = date(2026, 11, 2)
RATES = st.sampled_from([0.0, 0.05, 0.3, 1.0, 2.5])
DUE = st.builds(Due, RATES, st.integers(0, 2), st.none() | st.integers(0, 3))
CAPS = st.builds(Caps, st.none() | st.integers(1, 3), st.none() | st.integers(1, 5))


def test_nobody_who_is_due_nothing_meets_a_cap() -> None:
    assert meets_a_cap([[Due(0.0)]] * 7, Caps(1, 1)) == 0.0
    assert meets_a_cap([[]] * 7, Caps(1, 1)) == 0.0


def test_without_caps_nobody_meets_one() -> None:
    assert meets_a_cap([[Due(5.0, 3)]] * 7, Caps(None, None)) == pytest.approx(0.0, abs=1e-9)


def test_a_days_cap_is_met_by_whoever_is_due_more() -> None:
    for most in (1, 2, 3):
        chance = meets_a_cap([[Due(0.7)]], Caps(most, None))
        assert chance == pytest.approx(Poisson(0.7).sf(most), abs=1e-9)


def test_what_is_sure_takes_its_room() -> None:
    assert meets_a_cap([[Due(0.0, 3)]], Caps(2, None)) == 1.0
    assert meets_a_cap([[Due(0.0, 2)]], Caps(2, None)) == 0.0
    assert meets_a_cap([[Due(0.7, 1)]], Caps(2, None)) == pytest.approx(Poisson(0.7).sf(1), abs=1e-9)


def test_a_full_week_leaves_no_room() -> None:
    full, busy = [[Due(0.0, 1)]] * 3 + [[Due(0.0)]] * 3, [[Due(0.4)]]
    assert meets_a_cap(full + busy, Caps(2, 3)) == pytest.approx(1 - math.exp(-0.4), abs=1e-9)
    assert meets_a_cap([*full[1:], [], *busy], Caps(2, 3)) == pytest.approx(Poisson(0.4).sf(1), abs=1e-9)


def test_a_class_is_full_before_the_day_is() -> None:
    one = [Due(0.8, 0, 1), Due(0.5)]
    free = sum(
        Poisson(0.8).pmf(a) * Poisson(0.5).pmf(b) for a in range(2) for b in range(9) if a + b <= 3
    )  # fmt: skip
    assert meets_a_cap([one], Caps(3, None)) == pytest.approx(1 - free, abs=1e-9)


@given(st.floats(0, 40))
def test_the_chances_are_those_of_the_textbook(rate: float) -> None:
    chances = poisson(rate)
    assert sum(chances) == pytest.approx(1, abs=1e-12)
    numbers = np.arange(len(chances))
    assert np.allclose(chances, Poisson(rate).pmf(numbers), atol=2e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(0, 9))
def test_clumping_keeps_the_whole(chances: list[float], most: int) -> None:
    clumped = clump(tuple(chances), most)
    assert len(clumped) <= max(1, most + 1)
    assert sum(clumped) == pytest.approx(sum(chances))


def counted(week: list[list[Due]], caps: Caps) -> float:
    """Count through every way that the days can go, each with the textbook's chance."""
    most = 9
    days = [
        [
            (numbers, math.prod(Poisson(due.rate).pmf(n) for n, due in zip(numbers, day, strict=True)))
            for numbers in itertools.product(range(most), repeat=len(day))
        ]
        for day in week
    ]
    total = 0.0
    for ways in itertools.product(*days):
        seen = 0
        for (numbers, _), day in zip(ways, week, strict=True):
            passed, over = lets_through(numbers, day, caps, seen)
            seen += passed
        total += over * math.prod(chance for _, chance in ways)
    return total


def lets_through(numbers: Any, day: list[Due], caps: Caps, seen: int) -> tuple[int, bool]:
    """Let a day's messages pass as the street does, and tell whether any was too many."""
    due = [int(n) + each.sure for n, each in zip(numbers, day, strict=True)]
    room = min(math.inf if cap is None else cap - of for cap, of in ((caps.per_day, 0), (caps.per_week, seen)))
    in_class = [n if each.most is None else min(n, each.most) for n, each in zip(due, day, strict=True)]
    return int(min(room, sum(in_class))), in_class != due or sum(due) > room


FEW_DUE = st.builds(Due, st.sampled_from([0.0, 0.2, 0.6]), st.integers(0, 1), st.none() | st.integers(0, 2))


@settings(max_examples=12)
@given(st.lists(st.tuples(FEW_DUE).map(list), min_size=1, max_size=3), CAPS)
def test_it_is_what_counting_every_way_through_gives(week: list[list[Due]], caps: Caps) -> None:
    assert meets_a_cap(week, caps) == pytest.approx(counted(week, caps), abs=1e-6)


@settings(max_examples=10, derandomize=True)  # dice that are thrown anew each time would be wrong once in a while
@given(st.lists(st.lists(DUE, min_size=1, max_size=2), min_size=7, max_size=7), CAPS)
def test_it_is_what_thrown_weeks_come_to(week: list[list[Due]], caps: Caps) -> None:
    dice, throws = np.random.default_rng(7), 1000
    numbers = [[dice.poisson(due.rate, throws) for due in day] for day in week]
    met = 0
    for throw in range(throws):
        seen = 0
        for day, thrown in zip(week, numbers, strict=True):
            passed, over = lets_through([each[throw] for each in thrown], day, caps, seen)
            seen += passed
        met += over
    chance = meets_a_cap(week, caps)
    allowed = 4.5 * math.sqrt(max(chance * (1 - chance), 1e-4) / throws) + 1e-9
    assert abs(met / throws - chance) <= allowed


def test_weekdays_are_told_apart_when_two_of_each_were_recorded() -> None:
    saturdays = {ago: 10 for ago in range(1, 29) if (MONDAY - timedelta(days=ago)).weekday() == 5}
    others = {ago: 1 for ago in range(1, 29) if ago not in saturdays}
    found = weekdays(saturdays | others, 28, MONDAY)
    assert found[5] == pytest.approx(10 / (64 / 28))
    assert found[0] == pytest.approx(1 / (64 / 28))
    assert sum(found) == pytest.approx(7)
    assert weekdays(saturdays, 13, MONDAY) == (1.0,) * 7
    assert weekdays({}, 28, MONDAY) == (1.0,) * 7
