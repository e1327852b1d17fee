"""A pass's outside: read from its document, kept with the pass, judged by how it reads."""

from __future__ import annotations

import pytest

from server.model.look import Dress, LineSpec, Look, contrast, dress_document, dress_from, look_from, rgb


def test_a_document_that_says_nothing_looks_as_usual() -> None:
    assert look_from(None) == look_from({}) == Look()


def test_a_document_is_read_whole() -> None:
    document = {
        "apple": "eventTicket",
        "colours": {"background": "#145A3c"},
        "fields": [{"section": "header", "label": "Row", "value": {"de": "Reihe 5", "en": "Row 5"}}],
        "terms": "None.",
        "name": True,
    }
    lines = (LineSpec("header", {"": "Row"}, {"de": "Reihe 5", "en": "Row 5"}),)
    assert look_from(document) == Look(Dress("eventTicket", background="#145A3c"), lines, {"": "None."}, name=True)


def test_a_dress_survives_its_document_which_says_only_what_is_not_usual() -> None:
    dress = Dress("storeCard", relevance="none", label="#ffffff", max_distance_m=50)
    assert dress_from(dress_document(dress)) == dress
    assert dress_document(dress) == {
        "apple": "storeCard",
        "relevance": "none",
        "label": "#ffffff",
        "max_distance_m": 50,
    }
    assert dress_document(Dress()) == {}
    assert dress_from(None) == Dress()


# From the W3C's own examples (G18) and by hand.
@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21),
        ("#ffffff", "#ffffff", 1),
        ("#777777", "#ffffff", 4.48),
        ("#ff0000", "#ffffff", 4.0),
    ],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(rgb(one), rgb(other)) == pytest.approx(ratio, abs=0.005)
    assert contrast(rgb(other), rgb(one)) == contrast(rgb(one), rgb(other))
