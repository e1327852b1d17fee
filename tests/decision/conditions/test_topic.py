"""The condition `topic`: asked for, turned off, or never spoken of."""

from __future__ import annotations

import pytest

from server.decision.finding import Gate, Truth
from server.model.customer import Consents
from tests.decision.rulebook import ask, condition, scene, wrongs

COFFEE = {"topic": "coffee"}


@pytest.mark.parametrize(
    ("topics", "truth", "reason"),
    [
        ({"coffee": True}, Truth.HOLDS, "The customer has asked for coffee."),
        ({"coffee": False}, Truth.FAILS, "The customer does not want coffee."),
        ({"books": True}, Truth.UNKNOWN, "The customer has not said whether they want coffee."),
        ({}, Truth.UNKNOWN, "The customer has not said whether they want coffee."),
    ],
)
def test_it_holds_for_who_asked_and_is_unknown_of_who_never_said(topics, truth, reason):
    found = ask(COFFEE, scene(topics=topics))
    assert found == (Gate.ATTRIBUTE, truth, reason, {"topic": "coffee", "wanted": topics.get("coffee")})


def test_who_never_said_is_not_shown_the_opposite_either():
    assert ask({"not": COFFEE}, scene()).truth is Truth.UNKNOWN
    assert ask({"not": COFFEE}, scene(topics={"coffee": False})).truth is Truth.HOLDS


def test_a_wish_needs_no_consent_to_profiling():
    stage = scene(topics={"coffee": True}, consents=Consents(location=True))
    assert ask(COFFEE, stage).truth is Truth.HOLDS


@pytest.mark.parametrize(
    "value", ["", " ", " coffee", "coffee ", "a\nb", "x" * 65, None, 5, True, ["coffee"], {"name": "a"}]
)
def test_what_is_no_name_of_a_topic_is_refused(value):
    assert [field for field, _ in wrongs({"topic": value})] == ["if.topic"]


@pytest.mark.parametrize("name", ["coffee", "Kaffee & Kuchen", "コーヒー", "x" * 64])
def test_any_text_that_can_be_printed_names_a_topic(name):
    assert ask({"topic": name}, scene(topics={name: True})).truth is Truth.HOLDS


def test_the_condition_is_said_in_words():
    assert condition(COFFEE).sentence() == "the customer has asked for coffee"
