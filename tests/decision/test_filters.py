"""Which places a document means."""

from __future__ import annotations

import pytest

from server.decision.filters import parse_places, say_places
from server.decision.reading import MISSING, Known
from server.model.offer import PlaceFilter
from tests.builders import programme
from tests.decision.rulebook import STORE, node


@pytest.mark.parametrize(
    ("value", "wanted", "said"),
    [
        ({"any": True}, PlaceFilter(any=True), "any place"),
        ({"tag": "store"}, PlaceFilter(tag="store"), "a place with the tag store"),
        ({"ids": [str(STORE.id)]}, PlaceFilter(ids=frozenset({STORE.id})), "the one named place"),
    ],
)
def test_a_filter_is_read_and_said(value, wanted, said):
    found = parse_places(node(value))
    assert found == wanted
    assert say_places(wanted) == said


@pytest.mark.parametrize("value", [{"ids": ["gone"]}, {"ids": [str(STORE.id)]}, {"tag": "store"}])
def test_nothing_is_found_in_a_house_without_places(value):
    root = node(value, Known(programme()))
    assert parse_places(root) is None
    assert len(root.errors) == 1


def test_a_stored_filter_is_read_even_if_its_places_are_gone_but_not_if_it_is_broken():
    bare = Known(programme(), stored=True)
    assert parse_places(node({"ids": [str(STORE.id)]}, bare)) == PlaceFilter(ids=frozenset({STORE.id}))
    assert parse_places(node({"tag": "gone"}, bare)) == PlaceFilter(tag="gone")
    assert parse_places(node({"ids": ["gone"]}, bare)) is None


def test_a_missing_filter_is_a_mistake_to_whom_it_matters():
    root = node(MISSING)
    assert parse_places(root) is None
    assert root.errors == [("if", "is required")]
