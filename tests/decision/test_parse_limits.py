"""Caps, budgets, holdout, trust and goal of a document."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.model.money import Money
from server.model.offer import Cap, Holdout, Limits, Period, Trust
from tests.decision.rulebook import DROP, IDENTITY, LEAST, WHOLE, changed, mistakes, read


def test_caps_and_budgets_are_kept():
    assert read(WHOLE).offer.limits == Limits(
        per_customer=(
            Cap(1, Period("day", "customer_home")),
            Cap(3, Period(rolling=timedelta(days=7))),
        ),
        units=5000,
        liability=Money(1250000, "EUR"),
        place_units=40,
        place_period=Period("day", "place"),
        pressure="marketing",
    )


def test_a_calendar_period_is_the_customers_at_home_and_a_places_at_the_place():
    cap = {"max": 2, "period": {"calendar": "month"}}
    document = changed(
        LEAST, "limits", {"per_customer": [cap], "per_place": {"units": 1, "period": {"calendar": "week"}}}
    )
    limits = read(document).offer.limits
    assert limits.per_customer == (Cap(2, Period("month", "customer_home")),)
    assert limits.place_period == Period("week", "place")


@pytest.mark.parametrize("limits", [{}, {"per_customer": []}, {"total": {}}])
def test_limits_that_limit_nothing_are_no_budget(limits):
    assert read(changed(LEAST, "limits", limits)).offer.limits == Limits()


@pytest.mark.parametrize(
    ("path", "value", "fields"),
    [
        ("limits.per_day", 3, ["limits.per_day"]),
        ("limits.per_customer", {}, ["limits.per_customer"]),
        ("limits.per_customer.0", {}, ["limits.per_customer[0].max", "limits.per_customer[0].period"]),
        ("limits.per_customer.0.max", 0, ["limits.per_customer[0].max"]),
        ("limits.per_customer.0.max", "1", ["limits.per_customer[0].max"]),
        ("limits.per_customer.0.period", {}, ["limits.per_customer[0].period"]),
        ("limits.per_customer.0.period", "day", ["limits.per_customer[0].period"]),
        ("limits.per_customer.0.period.calendar", "year", ["limits.per_customer[0].period.calendar"]),
        ("limits.per_customer.0.period.tz", "Berlin", ["limits.per_customer[0].period.tz"]),
        ("limits.per_customer.0.period.rolling", "P1D", ["limits.per_customer[0].period"]),
        ("limits.per_customer.1.period.rolling", "P1M", ["limits.per_customer[1].period.rolling"]),
        ("limits.per_customer.1.period.rolling", "P367D", ["limits.per_customer[1].period.rolling"]),
        ("limits.per_customer.1.period.tz", "place", ["limits.per_customer[1].period.tz"]),
        ("limits.total", 5000, ["limits.total"]),
        ("limits.total.units", 0, ["limits.total.units"]),
        ("limits.total.liability", {"minor": 5}, ["limits.total.liability.currency"]),
        ("limits.total.liability.currency", "USD", ["limits.total.liability.currency"]),
        ("limits.total.euros", 5, ["limits.total.euros"]),
        ("limits.per_place.units", DROP, ["limits.per_place.units"]),
        ("limits.per_place.period", DROP, ["limits.per_place.period"]),
        ("limits.pressure_class", "Very Loud", ["limits.pressure_class"]),
        ("reward.value", DROP, ["limits.total.liability"]),
        ("holdout", {}, ["holdout.share"]),
        ("holdout.share", 1.1, ["holdout.share"]),
        ("holdout.share", -0.1, ["holdout.share"]),
        ("holdout.salt", "", ["holdout.salt"]),
        ("holdout.seed", 1, ["holdout.seed"]),
        ("trust", "none", ["trust"]),
        ("goal", "sales", ["goal"]),
        ("goal.within", "PT1S", ["goal.within"]),
    ],
)
def test_a_limit_that_cannot_be_kept_says_where(path, value, fields):
    assert [error.field for error in mistakes(changed(WHOLE, path, value))] == fields


def test_a_holdout_without_a_salt_is_drawn_by_the_offers_id():
    assert read(changed(LEAST, "holdout", {"share": 1})).offer.holdout == Holdout(1, str(IDENTITY.id))


def test_an_offer_that_wants_no_holdout_says_so():
    assert read(changed(LEAST, "holdout", {"share": 0, "salt": "x"})).offer.holdout == Holdout(0, "x")


def test_trust_and_goal_are_kept():
    offer = read(
        changed(changed(LEAST, "trust", {"mock": "allow"}), "goal", {"event": "purchase", "within": "P7D"})
    ).offer
    assert offer.trust == Trust("allow", "hold")
    assert (offer.goal_event, offer.goal_within) == ("purchase", timedelta(days=7))
