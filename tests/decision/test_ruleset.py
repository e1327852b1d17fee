"""The indexes of a ruleset against asking every offer about every fence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.decision.plan import NO_OFFERS, STATES, Track
from server.decision.probability import ring_m
from server.decision.ruleset import Ruleset
from server.model.offer import Offer
from server.model.place import Place
from tests.builders import fence_id, off, offer, place, ruleset, store_id

TAGS = st.frozensets(st.sampled_from(["store", "kiosk", "north"]))
PLACES = st.lists(st.tuples(TAGS, st.sampled_from(["store", "geofence"])), max_size=6).map(
    lambda rows: [place(n, tags=tags, kind=kind, at=off(0, 1000 * n)) for n, (tags, kind) in enumerate(rows, 1)]
)
TRIGGERS = st.sampled_from(["enter", "exit", "inside", "near", "event"])
WHERE = st.sampled_from([{"tag": "store"}, {"tag": "north"}, {"ids": [store_id(1), fence_id(2)]}, {}])
OFFERS = st.lists(st.tuples(TRIGGERS, WHERE, st.sampled_from([0.7, 0.5, 0.9])), max_size=8).map(
    lambda rows: [
        offer(n, trigger=trigger, min_confidence=sure, within_m=500.0 if trigger == "near" else None, **where)
        for n, (trigger, where, sure) in enumerate(rows, 1)
    ]
)


def meant_by_reading(each: Offer, where: Place) -> bool:
    """The filter's sentence, read aloud: any, by tag, or by an id of the store or of its fence."""
    places = each.when.places
    return places.any or (places.tag in where.tags) or bool({where.id, where.geofence_id} & places.ids)


@given(OFFERS, PLACES)
def test_a_plan_holds_what_every_offer_would_say_of_the_fence(offers: list[Offer], places: list[Place]) -> None:
    rules = ruleset(*offers, places=places)
    for where in places:
        plan, meant = rules.plan(where.geofence_id), [each for each in offers if meant_by_reading(each, where)]
        assert list(plan.offers) == [each for each in meant if each.when.trigger in STATES]
        by_id = [
            each for each in meant if each.when.trigger == "near" and (where.kind == "store" or each.when.places.ids)
        ]
        assert list(plan.near) == by_id
        assert list(plan.elsewise) == [each for each in meant if each.when.trigger == "event"]
        assert set(plan.tracks) == {Track(), *(Track(each.when.min_confidence) for each in plan.offers)}
        assert plan.tracks[0] == Track()


@given(OFFERS, PLACES)
def test_the_order_of_the_offers_does_not_matter(offers: list[Offer], places: list[Place]) -> None:
    turned = list(reversed(offers))
    assert ruleset(*offers, places=places) == ruleset(*turned, places=places)


def test_fences_must_be_measured_as_far_as_a_doubt_or_a_near_offer_reaches() -> None:
    plain, near = ruleset(offer()), ruleset(offer(), offer(2, trigger="near", within_m=20_000.0))
    assert plain.reach_m(9) == ring_m(9)
    assert plain.reach_m(100_000) == ring_m(1500)
    assert near.reach_m(9) == 20_000


def test_a_fence_without_offers_is_still_read_at_the_default() -> None:
    rules = ruleset(offer(ids=[store_id(1)]), places=[place(1), place(2)])
    assert rules.plan(fence_id(2)) == NO_OFFERS
    assert rules.known_fences() == {fence_id(1), fence_id(2)}
    assert isinstance(rules, Ruleset)


def test_fences_meant_by_the_same_offers_share_one_plan() -> None:
    rules = ruleset(offer(), places=[place(1), place(2)])
    assert rules.plan(fence_id(1)) is rules.plan(fence_id(2))
