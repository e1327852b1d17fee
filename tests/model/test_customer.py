"""What was bought, each order once."""

from __future__ import annotations

from server.model.customer import Happened, orders_of
from server.model.money import Money
from tests.builders import after

EURO = Money(100, "EUR")


def test_purchases_and_redemptions_of_one_order_are_one_and_the_one_with_an_amount_speaks() -> None:
    redeemed = Happened("redemption", after(2), "coffee", None, "o-1")
    paid = Happened("purchase", after(1), None, EURO, "o-1")
    again = Happened("purchase", after(0), None, Money(1, "EUR"), "o-1")
    assert orders_of([redeemed, paid, again]) == (paid,)
    assert orders_of([paid, redeemed]) == (paid,)
    assert orders_of([redeemed]) == (redeemed,)


def test_what_has_no_orders_number_counts_each_time_and_other_events_never() -> None:
    first, second = Happened("purchase", after(0), None, EURO), Happened("redemption", after(0))
    assert orders_of([first, Happened("visit", after(0), order="o-1"), first, second]) == (first, first, second)
