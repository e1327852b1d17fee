"""What happened to a customer lately, counted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.finding import Gate, Truth
from server.model.customer import Consents, Happened
from tests.builders import NOON
from tests.decision.rulebook import ask, condition, scene, wrongs

WEEK = {"name": "redemption", "offer": "coffee-morning", "within": "P7D"}


def past(name: str = "redemption", offer: str | None = "coffee-morning", **ago: float) -> Happened:
    """Build something that happened so long before noon."""
    return Happened(name, NOON - timedelta(**ago), offer)


@pytest.mark.parametrize(
    ("events", "truth"),
    [
        ((), Truth.FAILS),
        ((past(days=1),), Truth.HOLDS),
        ((past(days=7),), Truth.FAILS),
        ((past(days=7, microseconds=-1),), Truth.HOLDS),
        ((past(days=0),), Truth.HOLDS),
        ((past(microseconds=-1),), Truth.FAILS),
        ((past(days=1, offer="tea"),), Truth.FAILS),
        ((past(days=1, offer=None),), Truth.FAILS),
        ((past("purchase", days=1),), Truth.FAILS),
    ],
)
def test_an_event_counts_until_it_is_exactly_that_old(events, truth):
    found = ask({"event": WEEK}, scene(events=events))
    assert (found.gate, found.truth) == (Gate.EVENT, truth)


def test_without_an_offer_the_event_counts_for_any():
    events = (past(days=1, offer="tea"), past(days=2, offer=None))
    assert (
        ask({"event": {"name": "redemption", "within": "P7D", "count": {"eq": 2}}}, scene(events=events)).truth
        is Truth.HOLDS
    )


@given(
    st.lists(st.tuples(st.sampled_from(["purchase", "visit"]), st.integers(-100, 400)), max_size=12),
    st.integers(1, 300),
    st.sampled_from(["lt", "lte", "gt", "gte", "eq"]),
    st.integers(0, 6),
)
def test_events_are_counted_like_minutes_on_a_line(events, within, operator, number):
    happened = tuple(past(name, None, minutes=ago) for name, ago in events)
    asked = {"name": "purchase", "within": f"PT{within}M", "count": {operator: number}}
    found = ask({"event": asked}, scene(events=happened))
    count = len([ago for name, ago in events if name == "purchase" and ago in range(within)])
    signs = {"lt": -1, "lte": -1, "gt": 1, "gte": 1, "eq": 0}
    sign = (count > number) - (count < number)
    holds = sign == signs[operator] or (sign == 0 and operator in ("lte", "gte"))
    assert found.truth is (Truth.HOLDS if holds else Truth.FAILS)
    assert found.values == {"event": "purchase", "count": count}


def test_without_consent_to_profiling_history_is_unknown():
    stage = scene(events=(past(days=1),), consents=Consents(location=True, push=True))
    assert ask({"event": WEEK}, stage).truth is Truth.UNKNOWN
    assert ask({"not": {"event": WEEK}}, stage).truth is Truth.UNKNOWN


def test_the_receipt_tells_how_often_and_what_was_asked():
    found = ask({"event": WEEK | {"count": {"gte": 2}}}, scene(events=(past(days=1),)))
    assert found.reason == "1 × redemption of coffee-morning within 1 week; asked for: at least 2."


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"within": "P7D"}, ".name"),
        ({"name": "purchase"}, ".within"),
        ({"name": "", "within": "P7D"}, ".name"),
        ({"name": "purchase", "within": "7 days"}, ".within"),
        ({"name": "purchase", "within": "P1M"}, ".within"),
        ({"name": "purchase", "within": "PT0S"}, ".within"),
        ({"name": "purchase", "within": 7}, ".within"),
        ({"name": "purchase", "within": "P7D", "count": 2}, ".count"),
        ({"name": "purchase", "within": "P7D", "count": {"gte": 1.5}}, ".count.gte"),
        ({"name": "purchase", "within": "P7D", "count": {"gte": -1}}, ".count.gte"),
        ({"name": "purchase", "within": "P7D", "offer": 5}, ".offer"),
        ({"name": "purchase", "within": "P7D", "since": "P7D"}, ".since"),
        ("purchase", ""),
    ],
)
def test_an_event_that_cannot_be_asked_for_says_where(value, path):
    assert [field for field, _ in wrongs({"event": value})] == [f"if.event{path}"]


def test_the_condition_is_said_in_words():
    assert condition({"event": WEEK}).sentence() == "at least 1 × redemption of coffee-morning within 1 week"
