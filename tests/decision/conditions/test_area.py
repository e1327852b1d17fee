"""The condition `place`."""

from __future__ import annotations

from uuid import UUID

import pytest

from server.decision.finding import Gate, Truth
from tests.decision.rulebook import STORE, ask, condition, scene, store, wrongs


@pytest.mark.parametrize(
    ("value", "where", "truth"),
    [
        ({"tag": "store"}, STORE, Truth.HOLDS),
        ({"tag": "store"}, store(tags=frozenset({"kiosk"})), Truth.FAILS),
        ({"ids": [str(STORE.id)]}, STORE, Truth.HOLDS),
        ({"ids": [str(STORE.geofence_id).upper()]}, STORE, Truth.HOLDS),
        ({"ids": [str(STORE.id)]}, store(id=UUID(int=9), geofence_id=UUID(int=8)), Truth.FAILS),
        ({"tag": "store"}, None, Truth.UNKNOWN),
    ],
)
def test_a_place_is_meant_by_its_tag_or_by_either_of_its_ids(value, where, truth):
    found = ask({"place": value}, scene(where=where))
    assert (found.gate, found.truth) == (Gate.PLACE, truth)


def test_a_receipt_names_the_place_and_its_tags():
    found = ask({"place": {"tag": "store"}}, scene())
    assert found.values == {"place": "Kairos Mitte", "tags": ["store"]}
    assert found.reason == "Kairos Mitte is one of the places."


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"tag": "unheard-of"}, "if.place.tag"),
        ({"tag": 7}, "if.place.tag"),
        ({"ids": []}, "if.place.ids"),
        ({"ids": [str(STORE.id), "00000000-0000-0000-0000-00000000dead"]}, "if.place.ids[1]"),
        ({"ids": ["no uuid"]}, "if.place.ids[0]"),
        ({"ids": [5]}, "if.place.ids[0]"),
        ({"any": True}, "if.place.any"),
        ({"tag": "store", "ids": [str(STORE.id)]}, "if.place"),
        ({}, "if.place"),
        ("store", "if.place"),
    ],
)
def test_places_that_there_are_not_are_refused(value, path):
    assert path in [field for field, _ in wrongs({"place": value})]


def test_the_condition_is_said_in_words():
    assert condition({"place": {"ids": [str(STORE.id)]}}).sentence() == "at the one named place"
    assert (
        condition({"place": {"ids": [str(STORE.id), str(STORE.geofence_id)]}}).sentence() == "at one of 2 named places"
    )
