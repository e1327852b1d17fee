"""Pieces of sentences: lengths, money, days, places and bounds, as each language writes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.web.screens.phrases import Phrases, say_instant

EN, DE = Phrases("en"), Phrases("de", {"a": "Mitte", "b": "West"}.__getitem__)


@pytest.mark.parametrize(
    ("text", "english", "german"),
    [
        ("PT2M", "2 minutes", "2 Minuten"),
        ("P7D", "7 days", "7 Tagen"),
        ("PT1H30M", "1 hour 30 minutes", "1 Stunde 30 Minuten"),
        ("P1W", "7 days", "7 Tagen"),
        ("PT0S", "0 seconds", "0 Sekunden"),
        ("soon", "soon", "soon"),
        (None, "None", "None"),
    ],
)
def test_a_length_of_time_is_said_in_its_largest_units(text: object, english: str, german: str) -> None:
    assert EN.length(text) == english
    assert DE.length(text) == german


def test_numbers_shares_money_and_days_are_written_as_the_language_does() -> None:
    assert (EN.number(12500), DE.number(12500)) == ("12,500", "12.500")
    assert (EN.number(2.5), DE.number(2.5)) == ("2.5", "2,5")
    assert (EN.number(True), DE.number(False)) == ("yes", "nein")
    assert (EN.share(0.125), DE.share(0.125)) == ("12.5%", "12,5\u00a0%")
    price = {"minor": 250, "currency": "EUR"}
    assert (EN.money(price), DE.money(price)) == ("€2.50", "2,50\u00a0€")
    assert EN.money("much") == "much"
    assert (EN.day("2026-11-03"), DE.day("2026-11-03")) == ("3 Nov 2026", "3.11.2026")
    assert EN.day("2026-11-03T08:00:00Z") == "2026-11-03T08:00:00Z"


def test_an_instant_is_told_on_a_zones_clock() -> None:
    at = datetime(2026, 11, 3, 8, 5, tzinfo=UTC)
    assert say_instant(at, "Europe/Berlin", "en") == "3 Nov 2026, 09:05"
    assert say_instant(at, "Asia/Tokyo", "de") == "3.11.2026, 17:05"


def test_places_are_named() -> None:
    assert DE.places({"ids": ["a", "b"]}) == "Mitte oder West"
    assert EN.places({"ids": [str(each) for each in range(6)]}) == "0, 1, 2, 3 and 2 more"
    assert EN.places({"tag": "cafe"}) == "a place with the tag “cafe”"
    assert EN.places(None) == EN.places({"any": True}) == "any place"


def test_bounds_are_said_with_both_ends() -> None:
    assert EN.bounds({"gte": 3, "lt": 10}) == "at least 3 and under 10"
    assert DE.bounds({"between": [1, 2.5]}) == "1 bis 2,5"
    assert EN.bounds({"eq": "{gold}"}) == "exactly {gold}"


def test_events_have_words_and_others_stay_in_quotation_marks() -> None:
    assert DE.event("redemption") == "Einlösung"
    assert EN.event("{0}") == "“{0}”"
    assert EN.say("event_nobody.knows") == "nobody.knows"
