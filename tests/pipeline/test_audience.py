"""Whom an offer may reach: who was at its places, else everybody; counted by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from server.decision.conditions import logic, segment
from server.model.place import Places
from server.pipeline.audience import Crowd, asked_segments, crowd, days_at, gathered, reach_of
from server.store.reach import Message, Person, Sample, Visit
from tests.builders import fence_id, offer, place
from tests.pipeline.town import Town, fix, settings, street

PLACES = [place(1, tags=frozenset({"bakery"})), place(2, tags=frozenset({"kiosk"})), place(3, kind="geofence")]
KNOWN = Places({each.geofence_id: each for each in PLACES}, {each.id: each for each in PLACES})


def who(number: int) -> UUID:
    return UUID(int=number << 10)


def people(count: int, **more: Any) -> list[Person]:
    usual = {"push": True, "profiling": True, "segments": frozenset[str]()} | more
    return [Person(who(number), **usual) for number in range(count)]


def of(*visits: tuple[int, int, int], count: int = 10, shards: int = 1024, **more: Any) -> Crowd:
    """A crowd of so many, with visits (person, fence, days)."""
    known = [Visit(who(person), fence_id(fence), days) for person, fence, days in visits]
    return gathered(Sample(shards, frozenset(more.pop("judged", ())), people(count, **more), known, ()))


def test_whoever_was_at_one_of_the_offers_places_counts_once() -> None:
    crowded = of((0, 1, 0b1), (0, 2, 0b10), (1, 2, 0b1), (2, 3, 0b1))
    for asked, members in ((offer(), {0, 1, 2}), (offer(tag="kiosk"), {0, 1}), (offer(ids=[fence_id(3)]), {2})):
        found = reach_of(asked, crowded, KNOWN)
        assert (found.members, found.customers, found.basis) == (members, len(members), "visits")


def test_days_at_several_places_are_days_once() -> None:
    assert days_at(offer().when.places, of((0, 1, 0b101), (0, 2, 0b110)), KNOWN) == {0: 0b111}


@pytest.mark.parametrize(
    "asked",
    [offer(ids=[fence_id(2)]), offer(trigger="near", within_m=500), offer(trigger="event", event="purchase")],
    ids=["a place without records", "near", "an event"],
)
def test_where_nothing_tells_who_comes_everybody_counts(asked: Any) -> None:
    found = reach_of(asked, of((0, 1, 0b1)), KNOWN)
    assert (found.customers, found.basis) == (10, "consents")


def test_a_fence_that_is_gone_is_nobodys_place() -> None:
    assert reach_of(offer(), of((0, 9, 0b1)), KNOWN).basis == "consents"


def test_behind_each_of_a_share_of_the_shards_stand_as_many_as_were_left_out() -> None:
    found = reach_of(offer(), of((0, 1, 1), (1, 1, 1), (2, 1, 1), shards=100), KNOWN)
    assert (len(found.members), found.customers) == (3, round(3 * 10.24))


def test_segments_of_which_it_is_known_who_is_in_them_narrow_it_and_others_do_not() -> None:
    known: dict[str, Any] = {"judged": {"vip"}}
    inside = of((0, 1, 1), (1, 1, 1), segments=frozenset({"vip"}), **known)
    outside, unasked = of((0, 1, 1), **known), of((0, 1, 1), profiling=False, segments=frozenset({"vip"}), **known)
    asked = offer(condition=segment.Condition("vip"))
    assert [reach_of(asked, each, KNOWN).customers for each in (inside, outside, unasked)] == [2, 0, 0]
    assert reach_of(asked, of((0, 1, 1), (1, 1, 1)), KNOWN).customers == 2


def test_a_segment_is_asked_for_where_nothing_can_hold_without_it() -> None:
    one, two = segment.Condition("one"), segment.Condition("two")
    for condition, named in (
        (one, {"one"}),
        (logic.Condition("all", (one, logic.Condition("all", (two,)))), {"one", "two"}),
        (logic.Condition("any", (one, two)), set()),
        (logic.Condition("all", (one, logic.Condition("not", (two,)))), {"one"}),
        (None, set()),
    ):
        assert asked_segments(offer(condition=condition)) == named


def test_who_did_not_agree_to_pushes_is_reached_by_no_offer_that_only_pushes() -> None:
    silent = of((0, 1, 1), push=False)
    assert reach_of(offer(surfaces=("push",)), silent, KNOWN).customers == 0
    assert reach_of(offer(), silent, KNOWN).customers == 1


def test_records_reach_back_as_many_days_as_the_oldest_of_them() -> None:
    assert of((0, 1, 0b1)).days == 0
    assert of((0, 1, 0b1), (1, 1, 0b1000)).days == 3
    told = gathered(Sample(1024, frozenset(), people(2), (), [Message(who(0), "x", 5, 2), Message(who(7), "x", 9, 1)]))
    assert (told.days, told.posted, told.messages) == (0, 5, {0: {"x": ((5, 2),)}})
    assert of((0, 1, 0b1000)).posted == 3


async def test_the_crowd_is_who_really_came(town: Town, db_dsn: str) -> None:
    shop = await town.open_shop()
    customers = await town.customers(5)
    async with street(db_dsn) as process:
        for each in customers[:3]:
            await process.ping(each, fix())
        async with town.pool.acquire() as db:
            found = await crowd(db, settings=settings(), now=await process.now())
            later = await crowd(db, settings=settings(), now=await process.now() + timedelta(days=40))
        places = process.rules.current.ruleset.places
    assert {person.id for person in found.people} == set(customers)
    came = {fence: {found.people[each].id for each in of} for fence, of in found.visitors.items()}
    assert came == {shop.fence: set(customers[:3])}
    assert reach_of(offer(), found, places).customers == 3
    assert reach_of(offer(), later, places).basis == "consents"
