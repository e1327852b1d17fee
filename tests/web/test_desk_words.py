"""Everything that a decision can say is said at the desk, in German too, and no name of a customer with it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from server.decision.durations import say_duration
from server.web.desk_words import CASES, phrase, say, without_profile
from tests.web.sayings import sentences

SAID = {
    text.replace("(…)", "(weather: drizzle or rain, temperature_c at most 12)"): place
    for text, place in sentences().items()
    if text not in ("… × …", "Asked for the opposite: …", "Segment …: …")
}
STATES = ("The offer is paused.", "The offer is ended.", "There is no live offer.")
ENGLISH = re.compile(r"\b(the|is|not|of|and|customer|fix|at most|offer)\b", re.I)


@pytest.mark.parametrize("text", [*sorted(SAID), *STATES])
def test_every_sentence_of_a_decision_is_said_in_german_by_one_case(text: str) -> None:
    assert len([case for case in CASES if case.says.fullmatch(text)]) == 1
    said = say(text, "de")
    assert said.endswith(".")
    assert not ENGLISH.search(said.replace("Christmas", "")), said
    assert "{" not in said
    assert say(text, "en").endswith(".")


def test_no_case_is_for_a_sentence_that_nobody_says() -> None:
    known = [
        *SAID,
        *STATES,
        "Segment x: y.",
        "Asked for the opposite: y.",
        "2 × purchase within 1 day; asked for: at least 1.",
    ]
    assert [case.says.pattern for case in CASES if not any(case.says.fullmatch(text) for text in known)] == []


def test_conditions_are_said_phrase_by_phrase() -> None:
    assert say("The weather is not as asked (weather: drizzle or rain, temperature_c at most 12).", "de") == (
        "Das Wetter ist nicht wie gefordert (Nieselregen oder Regen, Temperatur (°C) höchstens 12)."
    )
    assert say("The weather is not as asked (weather: temperature_c at most 12).", "en") == (
        "The weather is not as asked (temperature (°C) at most 12)."
    )
    assert say("2 × purchase of tea within 7 days; asked for: at least 3.", "de") == (
        "2 × Kauf von tea binnen 7 Tagen; gefordert: mindestens 3."
    )
    assert (
        say("07:30 is within 07:00–11:00. Mitte is closed.", "de")
        == "07:30 liegt in 07:00–11:00. Mitte ist geschlossen."
    )
    both = "The weather is as asked (weather: uv at least 3). The weather is as asked (weather: rain)."
    assert (
        say(both, "de") == "Das Wetter ist wie gefordert (UV-Index mindestens 3). Das Wetter ist wie gefordert (Regen)."
    )
    assert say("2026-12-25 is a holiday (Christmas Day).", "de") == "Der 25.12.2026 ist ein Feiertag (Christmas Day)."


def test_what_stands_inside_is_said_in_turn() -> None:
    assert (
        say("Asked for the opposite: The sun is up.", "de") == "Gefordert ist das Gegenteil: Die Sonne ist aufgegangen."
    )
    assert say("Segment tea: Asked for the opposite: The sun is up.", "de") == (
        "Segment „tea“: Gefordert ist das Gegenteil: Die Sonne ist aufgegangen."
    )


def test_names_that_people_gave_stay_and_what_nobody_wrote_down_is_shown_as_it_is() -> None:
    assert phrase("over-50s at least 3", "de") == "over-50s mindestens 3"
    assert say("Something new. The sun is up.", "de") == "Something new. Die Sonne ist aufgegangen."
    assert say("{x} is {0.__class__} open.", "de") == "{x} is {0.__class__} open."
    assert say("07:30 is within 07:00–11:00. “St. Pauli” is closed.", "de") == (
        "07:30 liegt in 07:00–11:00. “St. Pauli” ist geschlossen."
    )
    assert say("{day} is closed.", "de") == "{day} ist geschlossen."


def test_durations_that_conditions_name_are_german() -> None:
    assert phrase(say_duration(timedelta(days=1, hours=2, minutes=1)), "de") == "1 Tag 2 Stunden 1 Minute"


def test_texts_of_a_profile_are_left_out_and_numbers_stay() -> None:
    compared = {"first_name": "Kim", "birthday": "1990-01-02", "visits": 3, "vip": True, "missing": None}
    left = {"visits": 3, "vip": True, "missing": None}
    assert without_profile("attribute", compared) == left
    assert without_profile("segment", {"segment": "tea", "compared": compared}) == {"segment": "tea", "compared": left}
    assert without_profile("weather", {"kind": "rain"}) == {"kind": "rain"}
