"""A whole minute's worth may come at once, and after that as much as the rate gives back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import TooMany
from server.web.throttle import Rate


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_may_come_at_once_and_no_more() -> None:
    rate = Rate(5, monotonic=Hand())
    assert [rate.wait_s("a") for _ in range(5)] == [0] * 5
    assert rate.wait_s("a") == pytest.approx(12)


def test_each_key_has_a_minute_of_its_own() -> None:
    rate = Rate(1, monotonic=Hand())
    assert rate.wait_s("a") == 0
    assert rate.wait_s("b") == 0
    assert rate.wait_s("a") > 0


def test_what_was_refused_costs_nothing() -> None:
    hand = Hand()
    rate = Rate(60, monotonic=hand)
    rate.wait_s("a", cost=60)
    for _ in range(1000):
        assert rate.wait_s("a") > 0
    hand.now += 1
    assert rate.wait_s("a") == 0


def test_after_a_minute_of_quiet_all_of_it_is_there_again() -> None:
    hand = Hand()
    rate = Rate(240, monotonic=hand)
    assert rate.wait_s("a", cost=240) == 0
    hand.now += 60
    assert rate.wait_s("a", cost=240) == 0


def test_who_comes_too_often_is_told_the_setting_and_how_long_to_wait() -> None:
    rate = Rate(2, monotonic=Hand())
    rate.take("a", cost=2, setting="limits.requests_per_minute")
    with pytest.raises(TooMany) as caught:
        rate.take("a", setting="limits.requests_per_minute")
    assert caught.value.retry_after_s == 30
    assert "limits.requests_per_minute is 2" in caught.value.detail


def test_a_flood_of_keys_does_not_grow_for_ever() -> None:
    hand = Hand()
    rate = Rate(60, monotonic=hand)
    for number in range(150_000):
        rate.wait_s(number)
    assert len(rate._empty_at) <= 100_000


@given(st.integers(1, 100), st.lists(st.tuples(st.floats(0, 30), st.integers(1, 20)), max_size=60))
def test_no_stretch_of_time_lets_more_through_than_a_minutes_worth_and_the_rate(
    per_minute: int, knocks: list[tuple[float, int]]
) -> None:
    hand = Hand()
    rate = Rate(per_minute, monotonic=hand)
    taken: list[tuple[float, int]] = []
    for pause, cost in knocks:
        hand.now += pause
        wait = rate.wait_s("a", cost=cost)
        if wait == 0:
            taken.append((hand.now, cost))
        elif cost <= per_minute:
            hand.now += wait + 1e-6
            assert rate.wait_s("a", cost=cost) == 0
            taken.append((hand.now, cost))
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            stretch = taken[last][0] - taken[first][0]
            assert sum(cost for _, cost in taken[first : last + 1]) <= per_minute * (1 + stretch / 60) + 1e-3
