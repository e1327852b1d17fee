"""Membership of segments: stored, or by a condition of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.decision.finding import Gate, Scene, Truth
from server.decision.reading import Known
from server.model.customer import Consents
from server.model.weather import Sky, Weather
from tests.builders import NOON, programme
from tests.decision.rulebook import ask, condition, scene, wrongs

DRINKERS = {"segment": "coffee-drinkers"}
REGULARS = {"attribute": {"visits": {"gte": 3}}}
BOTH = Known(programme(), segments=frozenset({"a", "b"}))


def member(stage: Scene, *names: str) -> Scene:
    """Store the scene's customer in segments."""
    customer = replace(stage.context.customer, segments=frozenset(names))
    return replace(stage, context=stage.context._replace(customer=customer))


@pytest.mark.parametrize(
    ("stored", "saved", "visits", "truth"),
    [
        ("coffee-drinkers", None, 0, Truth.HOLDS),
        ("coffee-drinkers", REGULARS, 0, Truth.HOLDS),
        ("tea-drinkers", None, 9, Truth.FAILS),
        ("tea-drinkers", REGULARS, 2, Truth.FAILS),
        ("tea-drinkers", REGULARS, 3, Truth.HOLDS),
    ],
)
def test_a_segment_holds_for_its_stored_members_and_for_those_its_condition_meets(stored, saved, visits, truth):
    segments = {"coffee-drinkers": condition(saved) if saved else None}
    found = ask(DRINKERS, member(scene(segments=segments, attributes={"visits": visits}), stored))
    assert (found.gate, found.truth, found.values["segment"]) == (Gate.SEGMENT, truth, "coffee-drinkers")


def test_without_consent_to_profiling_membership_is_unknown():
    stage = member(scene(consents=Consents(location=True, push=True)), "coffee-drinkers")
    assert ask(DRINKERS, stage).truth is Truth.UNKNOWN
    assert ask({"not": DRINKERS}, stage).truth is Truth.UNKNOWN


def test_a_segment_whose_condition_is_unknown_is_unknown():
    stage = scene(segments={"coffee-drinkers": condition({"weather": {"kind": "rain"}})})
    found = ask(DRINKERS, stage)
    assert found[:3] == (Gate.SEGMENT, Truth.UNKNOWN, "Segment coffee-drinkers: The weather is not known.")


def test_the_receipt_carries_what_the_segments_condition_compared():
    segments = {"coffee-drinkers": condition({"weather": {"kind": "rain"}})}
    stage = scene(segments=segments, weather=Weather(Sky(NOON, kind="rain")))
    assert ask(DRINKERS, stage).values["compared"] == {"observed_at": "2026-11-03T11:00:00Z", "kind": "rain"}


def test_segments_that_name_each_other_come_to_an_end():
    segments = {"a": condition({"segment": "b"}, BOTH), "b": condition({"segment": "a"}, BOTH)}
    assert ask({"segment": "a"}, scene(segments=segments), BOTH).truth is Truth.FAILS
    assert ask({"segment": "a"}, member(scene(segments=segments), "b"), BOTH).truth is Truth.HOLDS


def test_a_segment_of_a_segment_holds_by_its_condition():
    segments = {"a": condition({"segment": "b"}, BOTH), "b": condition(REGULARS)}
    assert ask({"segment": "a"}, scene(segments=segments, attributes={"visits": 4}), BOTH).truth is Truth.HOLDS


@pytest.mark.parametrize("value", ["nobody", "", None, 5, ["coffee-drinkers"], {"name": "coffee-drinkers"}, "x" * 65])
def test_a_segment_that_there_is_not_is_refused(value):
    assert [field for field, _ in wrongs({"segment": value})] == ["if.segment"]


def test_a_segment_deleted_since_is_never_met_and_breaks_no_stored_offer():
    stored = Known(programme(), stored=True)
    assert ask({"segment": "gone"}, scene(), stored).truth is Truth.FAILS


def test_the_condition_is_said_in_words():
    assert condition(DRINKERS).sentence() == "the customer is in the segment coffee-drinkers"
