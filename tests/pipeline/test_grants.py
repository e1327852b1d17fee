"""The books of a replay: what was given before, what comes back, and shares of places in their periods."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from server.model.context import Context, Used
from server.model.customer import State
from server.model.money import Money
from server.model.offer import Limits, Period, Reward
from server.pipeline.grants import Grants, value_of
from server.store.past import Granted
from tests.builders import NOON, customer, offer, place, programme

HOUR = timedelta(hours=1)
COFFEE = Reward("free_item", Money(250, "EUR"))
PLACE = place()


def context(at: float = 0) -> Context:
    return Context(at=NOON + at * HOUR, received=NOON + at * HOUR, customer=customer(), state=State())


def shared(period: Period | None) -> Grants:
    limits = Limits(place_units=5, place_period=period)
    return Grants([replace(offer(1, reward=COFFEE), limits=limits)], programme())


def test_units_and_liability_are_what_was_given_and_did_not_come_back() -> None:
    one, free = offer(1, units=5, reward=COFFEE), offer(2)
    books = Grants([one, free], programme())
    assert books.offers == [one.id]
    before = Granted(one.id, PLACE.id, NOON - HOUR, 300, NOON + HOUR)
    books.recall(before)
    books.take(one, PLACE, NOON)
    books.take(free, PLACE, NOON)
    assert books.used == {one.id: Used(2, 550)}
    books.give_back(before)
    assert books.used == {one.id: Used(1, 250)}
    assert (value_of(one), value_of(free)) == (250, 0)


def test_a_share_counts_in_its_period_alone() -> None:
    for period, at, expected in (
        (None, 0, 3),
        (Period(calendar="day", tz="place"), 0, 2),
        (Period(rolling=timedelta(hours=2)), 0, 1),
        (Period(rolling=timedelta(hours=2)), 0.5, 1),
        (Period(calendar="day", tz="place"), 24, 0),
    ):
        books = shared(period)
        [one] = books.offers
        for hours in (-30, -6, -1):
            books.recall(Granted(one, PLACE.id, NOON + hours * HOUR, 250, None))
        found = books.used_at(context(at), [PLACE])
        assert found == {(one, PLACE.id): expected}, period


def test_a_share_that_comes_back_is_free_again_and_offers_without_shares_cost_no_look() -> None:
    books = shared(None)
    [one] = books.offers
    given = Granted(one, PLACE.id, NOON, 250, None)
    books.recall(given)
    books.give_back(given)
    assert books.used_at(context(), [PLACE]) == {}
    plain = Grants([offer(1, units=5)], programme())
    plain.take(offer(1, units=5), PLACE, NOON)
    assert plain.used_at(context(), [PLACE]) == {}
