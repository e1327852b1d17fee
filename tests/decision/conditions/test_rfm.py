"""The condition `rfm`: recency, frequency and money, each at its edges. tests/decision/test_truth.py judges it once more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from server.decision.finding import Gate, Truth
from server.model.customer import Consents, Happened
from server.model.money import Money
from tests.builders import NOON
from tests.decision.rulebook import ask, condition, scene, wrongs

SECOND = timedelta(seconds=1)


def bought(
    *, ago: timedelta = timedelta(), minor: int | None = None, currency: str = "EUR", name: str = "purchase"
) -> Happened:
    """Build something that was bought that long before noon."""
    return Happened(name, NOON - ago, amount=None if minor is None else Money(minor, currency))


def days(number: float) -> timedelta:
    return timedelta(days=number)


def truth(asked: dict[str, Any], *past: Happened) -> Truth:
    """Ask at noon, of a customer with that past."""
    return ask({"rfm": asked}, scene(bought=past)).truth


@pytest.mark.parametrize(
    ("ago", "bound", "expected"),
    [
        (days(0), {"lte": 0}, Truth.HOLDS),
        (days(1) - SECOND, {"lte": 0}, Truth.HOLDS),
        (days(1), {"lte": 0}, Truth.FAILS),
        (days(31) - SECOND, {"lte": 30}, Truth.HOLDS),
        (days(31), {"lte": 30}, Truth.FAILS),
        (days(90), {"gte": 90}, Truth.HOLDS),
        (days(90) - SECOND, {"gte": 90}, Truth.FAILS),
        (days(400), {"between": [365, 500]}, Truth.HOLDS),
    ],
)
def test_recency_counts_whole_days_since_the_last_one_whenever_it_was(ago, bound, expected):
    older = bought(ago=ago + days(3))
    assert truth({"recency_days": bound, "within": "P1D"}, older, bought(ago=ago)) is expected


def test_who_never_bought_did_so_infinitely_long_ago():
    assert truth({"recency_days": {"lte": 3660}}) is Truth.FAILS
    assert truth({"recency_days": {"gte": 3660}}) is Truth.HOLDS
    found = ask({"rfm": {"recency_days": {"gte": 90}}}, scene(bought=()))
    assert found.values == {"recency_days": None}


def test_frequency_counts_what_lies_in_the_span_and_one_exactly_that_old_no_longer():
    past = [bought(ago=ago) for ago in (days(0), days(6), days(7) - SECOND, days(7), days(8))]
    assert truth({"frequency": {"eq": 3}, "within": "P7D"}, *past) is Truth.HOLDS
    assert truth({"frequency": {"eq": 5}}, *past) is Truth.HOLDS


def test_the_span_is_a_year_if_none_is_named():
    assert truth({"frequency": {"eq": 1}}, bought(ago=days(365) - SECOND), bought(ago=days(365))) is Truth.HOLDS


def test_what_comes_later_than_the_instant_has_not_happened():
    assert truth({"frequency": {"eq": 0}}, bought(ago=-SECOND, minor=900)) is Truth.HOLDS
    assert truth({"recency_days": {"lte": 1}}, bought(ago=-SECOND)) is Truth.FAILS
    assert truth({"monetary_minor": {"eq": 0}}, bought(ago=-SECOND, minor=900)) is Truth.HOLDS


def test_money_is_summed_within_the_span_where_the_amount_is_known():
    past = [
        bought(minor=2500),
        bought(ago=days(3), minor=2500),
        bought(ago=days(40), minor=99),
        bought(name="redemption"),
    ]
    assert truth({"monetary_minor": {"eq": 5000}, "within": "P30D"}, *past) is Truth.HOLDS
    assert truth({"monetary_minor": {"eq": 5099}}, *past) is Truth.HOLDS


def test_a_sum_over_currencies_is_unknown_unless_one_is_named():
    past = [bought(minor=2500), bought(minor=900, currency="CHF")]
    assert truth({"monetary_minor": {"gte": 0}}, *past) is Truth.UNKNOWN
    assert truth({"monetary_minor": {"eq": 900}, "currency": "CHF"}, *past) is Truth.HOLDS
    assert truth({"monetary_minor": {"eq": 0}, "currency": "USD"}, *past) is Truth.HOLDS
    assert truth({"monetary_minor": {"gte": 0}, "frequency": {"gte": 3}}, *past) is Truth.FAILS


def test_purchases_or_redemptions_alone_may_be_asked_for():
    past = [bought(), bought(ago=days(5), name="redemption"), bought(ago=days(6), name="redemption")]
    for events, times, recency in ((["purchase"], 1, 0), (["redemption"], 2, 5), (["purchase", "redemption"], 3, 0)):
        asked = {"frequency": {"eq": times}, "recency_days": {"eq": recency}, "events": events}
        assert truth(asked, *past) is Truth.HOLDS


def test_all_that_is_asked_must_hold():
    past = [bought(ago=days(2), minor=3000), bought(ago=days(4), minor=3000)]
    asked = {"recency_days": {"lte": 30}, "frequency": {"gte": 2}, "monetary_minor": {"gte": 6000}}
    assert truth(asked, *past) is Truth.HOLDS
    for part, bound in (("recency_days", {"lte": 1}), ("frequency", {"gte": 3}), ("monetary_minor", {"gte": 6001})):
        assert truth(asked | {part: bound}, *past) is Truth.FAILS


def test_without_consent_to_profiling_and_where_nobody_looked_it_is_unknown():
    asked = {"rfm": {"frequency": {"gte": 0}}}
    for stage in (scene(bought=(), consents=Consents(location=True)), scene(bought=None)):
        assert ask(asked, stage).truth is Truth.UNKNOWN
        assert ask({"not": asked}, stage).truth is Truth.UNKNOWN
        assert condition(asked).truth(stage) is Truth.UNKNOWN


def test_a_receipt_says_what_was_compared():
    asked = {"recency_days": {"lte": 30}, "frequency": {"gte": 1}, "monetary_minor": {"gte": 5000}}
    found = ask({"rfm": asked}, scene(bought=(bought(ago=days(2), minor=700),)))
    assert (found.gate, found.truth) == (Gate.EVENT, Truth.FAILS)
    assert found.values == {"recency_days": 2, "frequency": 1, "monetary_minor": 700, "currency": "EUR"}
    assert found.reason.startswith("The customer's purchases are not as asked (")


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({}, "if.rfm"),
        ({"within": "P30D"}, "if.rfm"),
        ("often", "if.rfm"),
        ({"recency_days": 3}, "if.rfm.recency_days"),
        ({"recency_days": {"lte": 1.5}}, "if.rfm.recency_days.lte"),
        ({"recency_days": {"lte": -1}}, "if.rfm.recency_days.lte"),
        ({"frequency": {"gte": "often"}}, "if.rfm.frequency.gte"),
        ({"frequency": {"gte": 5, "lte": 3}}, "if.rfm.frequency"),
        ({"monetary_minor": {"gte": 10**13}}, "if.rfm.monetary_minor.gte"),
        ({"frequency": {"gte": 1}, "within": "P1Y"}, "if.rfm.within"),
        ({"frequency": {"gte": 1}, "within": "PT1H"}, "if.rfm.within"),
        ({"frequency": {"gte": 1}, "currency": "euro"}, "if.rfm.currency"),
        ({"frequency": {"gte": 1}, "events": []}, "if.rfm.events"),
        ({"frequency": {"gte": 1}, "events": ["visit"]}, "if.rfm.events[0]"),
        ({"frequency": {"gte": 1}, "often": True}, "if.rfm.often"),
    ],
)
def test_mistakes_are_told_with_their_paths(value, path):
    assert path in [field for field, _ in wrongs({"rfm": value})]


def test_the_condition_is_said_in_words():
    asked = {"recency_days": {"lte": 30}, "frequency": {"gte": 3}, "monetary_minor": {"gte": 5000}, "currency": "EUR"}
    assert condition({"rfm": asked}).sentence() == (
        "purchases and redemptions within 365 days: days since the last at most 30, number at least 3, "
        "sum at least 5000 minor units of EUR"
    )
