"""Every kind of condition has words in both languages, and what it asks for stands in them."""

from __future__ import annotations

import pytest

from server.decision.conditions import KINDS
from server.web.screens.condition_words import Line, conditions
from server.web.screens.phrases import Phrases

EN, DE = Phrases("en"), Phrases("de")
SAID: list[tuple[dict[str, object], str, str]] = [
    (
        {"local_time": {"days": ["mon", "tue", "wed"], "from": "07:00", "to": "11:00", "place_open": True}},
        "on Mon–Wed, from 07:00 to 11:00, while the store is open",
        "Mo–Mi, von 07:00 bis 11:00 Uhr, solange die Filiale offen ist",
    ),
    (
        {"local_time": {"days": ["sun", "mon"], "holidays": "only", "tz": "customer_home"}},
        "on Mon, Sun, on holidays only (time at the customer's home)",
        "Mo, So, nur an Feiertagen (Uhr am Wohnort)",
    ),
    (
        {"weather": {"kind": "rain", "temperature_c": {"lte": 12}, "max_age": "PT90M"}},
        "the weather: rain, temperature at most 12 °C, observed within 1 hour 30 minutes",
        "das Wetter: Regen, Temperatur höchstens 12 °C, beobachtet in den letzten 1 Stunde 30 Minuten",
    ),
    (
        {"weather": {"kind": ["snow", "hail"], "ahead": "PT2H"}},
        "the weather within the next 2 hours: snow or hail",
        "das Wetter in den nächsten 2 Stunden: Schnee oder Hagel",
    ),
    ({"segment": "tea"}, "the customer is in the segment “tea”", "die Person gehört zum Segment „tea“"),
    (
        {"attribute": {"visits": {"gte": 3}}},
        "the attribute “visits” is at least 3",
        "das Merkmal „visits“ ist mindestens 3",
    ),
    (
        {"event": {"name": "purchase", "within": "P7D"}},
        "purchase at least once within 7 days",
        "Kauf mindestens einmal binnen 7 Tagen",
    ),
    (
        {"event": {"name": "redemption", "offer": "tea", "within": "P1D", "count": {"lt": 2}}},
        "redemption of the offer “tea” under 2 times within 1 day",
        "Einlösung des Angebots „tea“ unter 2-mal binnen 1 Tag",
    ),
    (
        {"rfm": {"recency_days": {"gt": 30}, "monetary_minor": {"gte": 5000}, "currency": "EUR"}},
        "purchases within 365 days: days since the last over 30 and sum at least €50.00",
        "Käufe binnen 365 Tagen: Tage seit dem letzten über 30 und Summe mindestens 50,00\u00a0€",
    ),
    ({"place": {"tag": "cafe"}}, "at a place with the tag “cafe”", "bei einem Ort mit dem Schlagwort „cafe“"),
    ({"topic": "tea"}, "the customer has asked for the topic “tea”", "die Person wünscht das Thema „tea“"),
    ({"daylight": False}, "while the sun is down", "solange es dunkel ist"),
    ({"daylight": True}, "while the sun is up", "solange es hell ist"),
]


@pytest.mark.parametrize(("asked", "english", "german"), SAID)
def test_a_condition_is_said(asked: dict[str, object], english: str, german: str) -> None:
    assert list(conditions(asked, EN)) == [Line(english)]
    assert list(conditions(asked, DE)) == [Line(german)]


def test_every_kind_that_documents_may_name_is_said() -> None:
    assert {name for asked, *_ in SAID for name in asked} == set(KINDS) - {"all", "any", "not"}


def test_what_any_and_not_hold_stands_inside_of_them_and_an_all_at_the_root_is_taken_apart() -> None:
    day, dark = {"daylight": True}, {"daylight": False}
    asked = {"all": [day, {"any": [dark, {"all": [day, dark]}]}, {"not": day}]}
    up, down = Line("while the sun is up"), Line("while the sun is down")
    assert list(conditions(asked, EN)) == [
        up,
        Line("one of this:", (down, Line("all of this:", (up, down)))),
        Line("not this:", (up,)),
    ]


def test_what_has_no_words_is_shown_as_it_is() -> None:
    assert list(conditions({"mood": {"is": "groß"}}, DE)) == [Line('{"mood": {"is": "groß"}}')]
