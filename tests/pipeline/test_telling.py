"""From a winner to a moment: everything is fixed when it is decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from geopy.distance import geodesic

from server.decision.decide import Chosen
from server.decision.ruleset import Ruleset
from server.model.context import Context
from server.model.customer import Consents, Customer, State
from server.model.ids import bucket_of, moment_id
from server.model.money import Money
from server.model.offer import Offer, PlaceFilter, Reward, Validity, Variant
from server.model.place import Circle, Geofence, Place, Places
from server.model.weather import Sky, Weather
from server.pipeline.rules import Snapshot
from server.pipeline.telling import Reserved, action_of, moment_of, nearest_stores, redeem_at
from server.signals.fences import FenceIndex
from tests.builders import CUSTOMER, NOON, off, offer, place, programme, store_id

PING = UUID(int=77)
KIM = Customer(CUSTOMER, Consents(location=True), locale="en-US")
COFFEE = Reward("free_item", value=Money(250, "EUR"), valid=Validity(at_most=timedelta(hours=4)))


def snapshot(*places: Place, offers: tuple[Offer, ...] = (), rewards: Any = None) -> Snapshot:
    """The rules of a town with these places."""
    known = Places({each.geofence_id: each for each in places}, {each.id: each for each in places})
    ruleset = Ruleset.build(offers=offers, places=known, programme=programme(), segments={}, epoch=1)
    index = FenceIndex.build(
        Geofence(each.geofence_id, each.name, Circle(each.point, each.radius_m)) for each in places
    )
    stores = FenceIndex.build(
        Geofence(each.geofence_id, each.name, Circle(each.point, each.radius_m))
        for each in places
        if each.kind == "store"
    )
    return Snapshot(ruleset, index, index, stores, rewards or {})


def won(chosen_offer: Offer, here: Place | None, **more: Any) -> Chosen:
    """A winner."""
    return Chosen(
        chosen_offer, here, more.pop("variant", None), more.pop("held_out", False), "in_app", frozenset(), **more
    )


def context(**more: Any) -> Context:
    """A decision at noon in Berlin."""
    return Context(at=NOON, received=NOON, customer=KIM, state=State(), **more)


def test_a_moment_carries_what_was_decided_and_what_reports_group_by() -> None:
    here, coffee = place(zone="Asia/Tokyo"), offer(reward=COFFEE, deliver_by=timedelta(minutes=7))
    chosen = won(coffee, here, variant=Variant("b", 1, "banner"))
    sky = {here.id: Weather(Sky(NOON, "drizzle", 6.0))}
    reserved = Reserved(coffee.id, 250, here.id, "all")
    made = moment_of(
        chosen,
        context(weather=sky),
        trigger_id=PING,
        snapshot=snapshot(here, rewards={coffee.id: {"type": "free_item"}}),
        reserved=reserved,
    )
    assert made.id == moment_id(CUSTOMER, coffee.id, PING)
    assert made.bucket == bucket_of(CUSTOMER) == bucket_of(made.id)
    assert (made.variant, made.placement, made.weather) == ("b", "banner", "drizzle")
    assert (made.value_minor, made.currency, made.reward) == (250, "EUR", {"type": "free_item"})
    assert (made.created_at, made.deliver_by) == (NOON, NOON + timedelta(minutes=7))
    assert (made.valid_from, made.valid_until) == (NOON, NOON + timedelta(hours=4))
    assert (made.local_day.isoformat(), made.local_hour, made.weekday) == ("2026-11-03", 20, 1)
    assert made.reserved == {"units": 1, "liability": 250, "place_id": str(here.id), "period": "all"}


def test_without_a_reward_there_is_nothing_to_redeem_and_a_tap_follows_a_link() -> None:
    made = moment_of(won(offer(), None), context(), trigger_id=PING, snapshot=snapshot(), reserved=None)
    assert (made.reward, made.valid_from, made.valid_until, made.value_minor, made.currency) == (
        None,
        None,
        None,
        0,
        None,
    )
    assert (made.place_id, made.action, made.redeem_at, made.reserved) == (None, {"type": "link"}, {"any": True}, None)
    assert (made.variant, made.placement, made.local_hour) == ("default", "card", 12)


def test_an_action_that_the_document_says_stays() -> None:
    link = {"type": "link", "url": "https://example.org"}
    asked = offer(reward=COFFEE)
    assert action_of(asked) == {"type": "pass"}
    assert action_of(replace(asked, moment=replace(asked.moment, action=link))) == link


SHOP, NORTH, SOUTH = place(1), place(2, at=off(800)), place(3, at=off(-300))
PARK = place(9, at=off(100), kind="geofence")


@pytest.mark.parametrize(
    ("places", "here", "where"),
    [
        ("triggering", SHOP, {"ids": [str(SHOP.id)]}),
        ("triggering", PARK, {"any": True}),
        ("triggering_and_nearest_9", PARK, {"ids": [str(each.id) for each in (SHOP, SOUTH, NORTH)]}),
        ("triggering", None, {"any": True}),
        ("any", SHOP, {"any": True}),
        (PlaceFilter(tag="cafe"), SHOP, {"tag": "cafe"}),
        (PlaceFilter(any=True), SHOP, {"any": True}),
        (PlaceFilter(ids=frozenset({NORTH.geofence_id})), SHOP, {"ids": [str(NORTH.id)]}),
        (PlaceFilter(ids=frozenset({NORTH.id})), SHOP, {"ids": [str(NORTH.id)]}),
        ("triggering_and_nearest_9", SHOP, {"ids": [str(each.id) for each in (SHOP, SOUTH, NORTH)]}),
    ],
)
def test_where_a_reward_may_be_redeemed(places: Any, here: Place | None, where: dict[str, Any]) -> None:
    asked = offer(reward=replace(COFFEE, places=places))
    assert redeem_at(asked, here, snapshot(SHOP, NORTH, SOUTH, PARK)) == where


def test_a_fence_far_from_every_store_is_redeemed_anywhere() -> None:
    far = place(9, at=off(500_000), kind="geofence")
    nearest = offer(reward=replace(COFFEE, places="triggering_and_nearest_9"))
    assert redeem_at(nearest, far, snapshot(SHOP, far)) == {"any": True}


def test_the_nine_nearest_stores_are_those_of_the_geodesic_however_many_fences_are_between() -> None:
    parks = [place(1_000 + n, at=off(3 * n, 5), kind="geofence") for n in range(100)]
    stores = [place(n, at=off(173 * n, -41 * n)) for n in range(2, 40)]
    found = nearest_stores(SHOP, snapshot(SHOP, *parks, *stores), count=9)
    oracle = sorted(stores, key=lambda each: geodesic(tuple(SHOP.point), tuple(each.point)).m)
    assert [each.id for each in found] == [each.id for each in oracle[:9]]
    assert store_id(1) not in {each.id for each in found}
