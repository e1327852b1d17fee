"""Attributes of customers, compared."""

from __future__ import annotations

import pytest

from server.decision.finding import Gate, Truth
from server.model.customer import Consents
from tests.decision.rulebook import ask, condition, scene, wrongs

KIM = {"visits": 3, "city": "Berlin", "vip": True, "birthday": "1990-05-01", "score": 0.25}


@pytest.mark.parametrize(
    ("asked", "truth"),
    [
        ({"visits": {"gte": 3}}, Truth.HOLDS),
        ({"visits": {"gt": 3}}, Truth.FAILS),
        ({"visits": {"gte": 2, "lt": 3}}, Truth.FAILS),
        ({"visits": {"eq": 3}}, Truth.HOLDS),
        ({"score": {"between": [0.25, 0.5]}}, Truth.HOLDS),
        ({"city": {"eq": "Berlin"}}, Truth.HOLDS),
        ({"city": {"eq": "berlin"}}, Truth.FAILS),
        ({"vip": {"eq": True}}, Truth.HOLDS),
        ({"vip": {"eq": False}}, Truth.FAILS),
        ({"vip": {"eq": 1}}, Truth.FAILS),
        ({"visits": {"eq": "3"}}, Truth.FAILS),
        ({"birthday": {"lt": "2000-01-01"}}, Truth.HOLDS),
        ({"birthday": {"eq": "1990-05-01"}}, Truth.HOLDS),
        ({"birthday": {"between": ["1990-05-02", "1999-12-31"]}}, Truth.FAILS),
        ({"city": {"gte": 3}}, Truth.UNKNOWN),
        ({"vip": {"gte": 1}}, Truth.UNKNOWN),
        ({"visits": {"gte": "2000-01-01"}}, Truth.UNKNOWN),
        ({"shoe_size": {"gte": 3}}, Truth.UNKNOWN),
        ({"shoe_size": {"gte": 3}, "visits": {"gte": 3}}, Truth.UNKNOWN),
        ({"shoe_size": {"gte": 3}, "visits": {"gte": 4}}, Truth.FAILS),
        ({"city": {"eq": "Berlin"}, "vip": {"eq": True}}, Truth.HOLDS),
    ],
)
def test_an_attribute_is_compared_by_its_sort(asked, truth):
    found = ask({"attribute": asked}, scene(attributes=KIM))
    assert (found.gate, found.truth) == (Gate.ATTRIBUTE, truth)


def test_an_attribute_that_nobody_gave_is_unknown_also_under_not():
    assert ask({"not": {"attribute": {"visits": {"gte": 3}}}}, scene()).truth is Truth.UNKNOWN


def test_without_consent_to_profiling_attributes_are_unknown_and_not_told():
    found = ask({"attribute": {"visits": {"gte": 3}}}, scene(attributes=KIM, consents=Consents(location=True)))
    assert (found.truth, found.values) == (Truth.UNKNOWN, {})


def test_the_receipt_tells_the_values_that_were_compared_and_no_others():
    found = ask({"attribute": {"visits": {"gte": 5}}}, scene(attributes=KIM))
    assert found.values == {"visits": 3}
    assert found.reason == "The customer's attributes are not as asked (visits at least 5)."


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({}, ""),
        ("visits", ""),
        ({"visits": 3}, ".visits"),
        ({"visits": {}}, ".visits"),
        ({"visits": {"least": 3}}, ".visits.least"),
        ({"visits": {"gte": None}}, ".visits.gte"),
        ({"visits": {"eq": [3]}}, ".visits.eq"),
        ({"city": {"gt": "Berlin"}}, ".city.gt"),
        ({"vip": {"gte": True}}, ".vip.gte"),
        ({"visits": {"between": [3, "2000-01-01"]}}, ".visits"),
        ({"visits": {"gt": 3, "lt": 3}}, ".visits"),
        ({"visits": {"eq": 3, "gt": 5}}, ".visits"),
        ({"city": {"eq": ""}}, ".city.eq"),
        ({"two words": {"eq": 1}}, ".two words"),
        ({"visits": {"gte": 1e400}}, ".visits.gte"),
    ],
)
def test_a_comparison_that_makes_no_sense_says_where(value, path):
    assert [field for field, _ in wrongs({"attribute": value})] == [f"if.attribute{path}"]


def test_the_condition_is_said_in_words():
    said = condition({"attribute": {"visits": {"between": [2, 5]}, "city": {"eq": "Berlin"}}}).sentence()
    assert said == "the customer's visits at least 2 and at most 5, city exactly Berlin"
