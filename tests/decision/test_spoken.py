"""Which of the programme's languages an offer speaks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.decision.spoken import Unspoken, unspoken
from server.model.offer import Content
from tests.builders import offer, programme


def missing(contents, **settings):
    """Say what is missing; contents are written as locale or locale/formality."""
    made = tuple(
        Content(each.partition("/")[0], "T", "B", each.partition("/")[2] or None)  # type: ignore[arg-type]
        for each in contents
    )
    moment = replace(offer().moment, contents=made, fallback_locale=made[0].locale)
    return [str(each) for each in unspoken(moment, programme(**settings))]


@pytest.mark.parametrize(
    ("contents", "locales", "lacks"),
    [
        (["en"], (), []),
        (["en"], ("en-US",), []),
        (["en-US"], ("en-GB", "en"), []),
        (["en-US"], ("de-DE", "en-US", "fr"), ["de-DE", "fr"]),
        (["de-DE"], ("de-AT",), []),
        (["den"], ("de",), ["de"]),
        (["pl-PL", "en"], ("PL",), []),
    ],
)
def test_a_locale_is_spoken_where_anything_is_in_its_language(contents, locales, lacks):
    assert missing(contents, locales=locales) == lacks


@pytest.mark.parametrize(
    ("contents", "settings", "lacks"),
    [
        (["de/du"], {"formality": "du"}, []),
        (["de/du"], {"formality": "sie"}, ["de-DE (sie)"]),
        (["de"], {"formality": "sie"}, []),
        (["de"], {"formalities": ("du", "sie")}, []),
        (["de/du"], {"formalities": ("du", "sie")}, ["de-DE (sie)"]),
        (["de/sie"], {"formalities": ("du", "sie")}, ["de-DE (du)"]),
        (["de/sie", "de-AT/du"], {"formalities": ("du", "sie")}, []),
        (["en"], {"formalities": ("du", "sie")}, ["de-DE"]),
        (["de/du"], {"formality": "sie", "formalities": ("du",)}, []),
    ],
)
def test_german_speaks_to_those_of_its_formality(contents, settings, lacks):
    assert missing(contents, locales=("de-DE",), **settings) == lacks


def test_what_is_missing_says_its_locale_and_its_formality():
    assert [str(Unspoken("fr")), str(Unspoken("de", "sie"))] == ["fr", "de (sie)"]
