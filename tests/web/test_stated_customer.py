"""The stated customer's purchases; the rest of what is stated is tried in tests/web/test_stated.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from server.errors import Invalid
from server.model.customer import Customer, Happened
from server.model.money import Money
from server.web.codec import convert
from server.web.stated_customer import CustomerPart, customer_of

AT = datetime(2026, 11, 1, 8, tzinfo=UTC)


def customer(**said: Any) -> Customer:
    return customer_of(convert(said, CustomerPart))


def test_a_stated_purchase_is_in_the_past_and_among_what_was_bought() -> None:
    paid = {"name": "purchase", "at": "2026-11-01T09:00:00+01:00", "amount": {"minor": 250, "currency": "EUR"}}
    found = customer(
        events=[paid | {"order_id": "o-1"}, {"name": "visit", "at": "2026-11-01T08:00:00Z"}],
        redemptions=[{"offer": "coffee", "at": "2026-11-01T08:00:00Z"}],
    )
    purchase = Happened("purchase", AT, None, Money(250, "EUR"), "o-1")
    redemption = Happened("redemption", AT, "coffee")
    assert found.bought == (redemption, purchase)
    assert set(found.events) == {purchase, redemption, Happened("visit", AT)}


def test_who_is_not_said_to_have_bought_has_bought_nothing_which_is_known() -> None:
    assert customer().bought == ()
    assert customer(topics={"coffee": False}).topics == {"coffee": False}


@pytest.mark.parametrize(
    "said",
    [
        {"events": [{"name": "purchase", "at": "2026-11-01T08:00:00Z", "amount": 250}]},
        {"events": [{"name": "purchase", "at": "2026-11-01T08:00:00Z", "amount": {"minor": 1, "currency": "euro"}}]},
        {"events": [{"name": "purchase", "at": "2026-11-01T08:00:00Z", "amount": {"minor": -1, "currency": "EUR"}}]},
        {"topics": {"coffee": 1}},
        {"topics": {"": True}},
    ],
)
def test_what_cannot_be_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        customer(**said)
