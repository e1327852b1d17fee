"""What a decision knows when nobody sent a fix."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.decision.decide import decide
from server.model.context import Cause
from server.model.customer import State, Stay
from server.model.place import Circle, Geofence
from server.model.weather import Sky, Weather
from server.pipeline.occasions.contexts import MOST_UNDER_A_SKY, context_of
from server.signals.assemble import NOTHING_SPENT, World
from server.signals.fences import FenceIndex
from server.store.occasions import Occasion
from tests.builders import CUSTOMER, NOON, after, customer, fence_id, last_fix, off, offer, offer_id, place, ruleset

HERE, THERE = place(1, tags=frozenset({"a"})), place(2, at=off(2_000), tags=frozenset({"a"}))
RAIN = Weather(Sky(NOON, kind="rain"))


def context(rules, state, *, kind="event", name="purchase", now=NOON, **more):
    """Build the context of an occasion at NOON."""
    places = rules.places.by_geofence
    fences = FenceIndex.build(
        Geofence(each.geofence_id, each.name, Circle(each.point, each.radius_m), each.tags, each.id)
        for each in places.values()
    )
    return context_of(
        Occasion(CUSTOMER, CUSTOMER, kind, name, NOON, **more),
        customer=customer(),
        state=state,
        now=now,
        world=World(fences, places, lambda point, at: RAIN, lambda fence: True),
        ruleset=rules,
        spent=NOTHING_SPENT,
        foreground=False,
    )


def around(rules, state, **more):
    """List the fences of an occasion's context."""
    return [hit.id for hit in context(rules, state, **more).hits]


RULES = ruleset(offer(trigger="event", event="purchase", tag="a"), places=[HERE, THERE])


@pytest.mark.parametrize(
    ("metres", "hours", "expected"),
    [(0, 1, [fence_id(1)]), (99, 23.9, [fence_id(1)]), (105, 1, []), (2_000, 1, [fence_id(2)]), (0, 24, [])],
)
def test_the_last_trusted_fix_of_a_day_says_where_somebody_is(metres, hours, expected):
    state = State(last_fix=last_fix(metres, at=after(hours=-hours)))
    assert around(RULES, state) == expected


def test_whoever_is_inside_by_their_state_is_there_too():
    stay = Stay(fence_id(1), 0.7, NOON, NOON, NOON)
    assert around(RULES, State(stays=(stay,), last_fix=last_fix(120, at=NOON))) == [fence_id(1)]
    assert around(RULES, State(stays=(stay,), last_fix=last_fix(0, at=NOON))) == [fence_id(1)]
    assert around(RULES, State(stays=(stay,))) == []


def test_what_happened_at_a_place_is_decided_there():
    state = State(last_fix=last_fix(0, at=NOON))
    found = context(RULES, state, geofence_id=fence_id(2))
    assert [hit.id for hit in found.hits] == [fence_id(2)]
    assert found.hits[0].edge_m < 0
    assert found.weather == {THERE.id: RAIN}
    assert context(RULES, state, geofence_id=fence_id(9)).hits == ()


def test_weather_concerns_the_nearest_places_under_the_same_sky():
    many = [place(n, at=off(100 * n), radius_m=20) for n in range(1, 31)]
    far = place(99, at=off(40_000))
    rules = ruleset(offer(trigger="weather_change"), places=[*many, far])
    state = State(last_fix=last_fix(2_000, at=NOON))
    found = around(rules, state, kind="weather_change", name="rain")
    assert found[0] == fence_id(20)
    assert set(found) == {fence_id(n) for n in range(30, 30 - MOST_UNDER_A_SKY, -1)}


@pytest.mark.parametrize(
    ("kind", "name", "more", "cause"),
    [
        ("event", "purchase", {}, Cause("event", "purchase")),
        ("event", "inactivity", {"after": timedelta(days=7)}, Cause("event", "inactivity", timedelta(days=7))),
        ("weather_change", "rain", {}, Cause("weather_change")),
        ("schedule", "as it was called", {"offer_id": offer_id(1)}, Cause("schedule", "offer-1")),
        ("schedule", "gone", {"offer_id": offer_id(9)}, Cause("schedule", "gone")),
    ],
)
def test_the_cause_says_what_happened(kind, name, more, cause):
    assert context(RULES, State(), kind=kind, name=name, **more).cause == cause


def test_only_the_spell_that_an_offer_waits_for_sets_it_off():
    rules = ruleset(
        offer(1, trigger="event", event="inactivity", after=timedelta(days=7)),
        offer(2, trigger="event", event="inactivity", after=timedelta(days=30)),
    )
    for days, number in ((7, 1), (30, 2)):
        found = decide(context(rules, State(), name="inactivity", after=timedelta(days=days)), rules)
        assert found.chosen is not None
        assert found.chosen.offer.id == offer_id(number)
    assert decide(context(rules, State(), name="inactivity", after=timedelta(days=8)), rules).chosen is None


def test_the_zone_of_the_last_fix_is_told_for_a_day():
    state = State(last_fix=last_fix(0, at=NOON))
    assert context(RULES, state, now=after(hours=23)).fix_zone == "Europe/Berlin"
    assert context(RULES, state, now=after(hours=24)).fix_zone is None
