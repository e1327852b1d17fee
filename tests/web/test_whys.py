"""Everything that a decision can say has words for the customer, in both languages and manners, and tells no secrets."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import pytest

from server.decision.finding import Gate, Truth
from server.settings import ProgrammeSettings
from server.web.whys import CASES, GATES, READABLE, Reader, readable, reader_of, why
from tests.web.sayings import sentences
from tests.web.serving import settings_with

BERLIN = ZoneInfo("Europe/Berlin")
DU, SIE, EN = (Reader("de", "du", BERLIN), Reader("de", "sie", BERLIN), Reader("en", "du", BERLIN))
READERS = DU, SIE, EN
PROGRAMME: ProgrammeSettings = settings_with().programme

BY_THE_GATE = {
    "The programme's zone is not known.": "active",
    "The time zone is not known.": "local_time",
    "The opening hours are not known.": "local_time",
    "The holidays of the place are not known.": "local_time",
    "It is not known where the customer is.": "local_time",
    "The weather is not known.": "weather",
    "There is no forecast for that time.": "weather",
    "The observation is not within … of the moment.": "weather",
    "The weather does not tell all that is asked (…).": "weather",
    "The forecast does not tell all that is asked (…).": "weather",
    "The customer is not in the segment ….": "segment",
    "Segment …: …": "segment",
    "The customer's attributes are not as asked (…).": "attribute",
    "The customer's attributes are not known to be as asked (…).": "attribute",
    "… × …": "event",
    "What the customer bought was not looked up.": "event",
    "The customer's purchases are not as asked (…).": "event",
    "The customer's purchases are not known to be as asked (…).": "event",
    "It is not known at which place the customer is.": "place",
    "No zone is known to tell the customer's night by.": "quiet_hours",
    "The zone in which the cap counts days is not known.": "cap",
    "Asked for the opposite: …": "weather",
}
"""What is said by the gate's own sentence: it names what a customer need not know, or what nobody knew."""

GOOD_NEWS = {
    "There is no condition.",
    "The weather is as asked (…).",
    "The forecast is as asked (…).",
    "The customer is in the segment ….",
    "The customer's attributes are as asked (…).",
    "The customer's purchases are as asked (…).",
    "The customer has asked for ….",
    "07:30 is within 07:00–11:00.",
    "Mitte is one of the places.",
    "Mitte is open.",
}
"""A condition that holds stops nobody, so nobody asks why."""

VALUES = {
    "from": "2026-12-01",
    "to": "2026-12-24",
    "held_until": "2026-11-03T07:00:00Z",
    "period": "day",
    "shown": 2,
    "kind": "rain",
    "temperature_c": -0.4,
}
SENTENCES = sentences()


def test_the_sentences_of_decisions_are_found() -> None:
    assert len(SENTENCES) > 60
    for known in ("It won.", "All units are given away.", "The fix is mocked.", "Mitte is closed.", "The sun is down."):
        assert known in SENTENCES


@pytest.mark.parametrize("text", sorted(SENTENCES))
def test_every_sentence_of_a_decision_has_words_or_is_told_by_its_gate(text: str) -> None:
    case = [each for each in CASES if each.says.fullmatch(text)]
    if text in GOOD_NEWS:
        return
    if text in BY_THE_GATE:
        assert not case, "it has words of its own"
        for reader in READERS:
            truth = "unknown" if "known" in text else "fails"
            assert why(BY_THE_GATE[text], truth, text, {}, reader) == GATES[BY_THE_GATE[text]][truth].to(reader)
        return
    assert len(case) == 1, f"{SENTENCES[text]} says {text!r}: give it words in server/web/whys.toml"
    for reader in READERS:
        said = why("weather", "fails", text, VALUES, reader)
        assert said not in (GATES["weather"]["fails"].to(reader), GATES["weather"]["unknown"].to(reader))
        assert "{" not in said
        assert "…" not in said.replace("…“", "").replace("…”", "")
        assert said.endswith(".")


def test_nothing_is_excused_that_no_decision_says() -> None:
    assert set(BY_THE_GATE) | GOOD_NEWS <= set(SENTENCES)
    assert all(any(case.says.fullmatch(text) for text in SENTENCES) for case in CASES)


@pytest.mark.parametrize("gate", Gate)
def test_every_gate_has_words_for_no_and_for_nobody_knows(gate: Gate) -> None:
    assert set(GATES[gate]) == {"fails", "unknown"}
    for truth in Truth:
        said = [why(gate, truth, "Something that nobody wrote down.", {}, reader) for reader in READERS]
        assert said[0] != said[2]
        assert all(each.endswith(".") for each in said)


def test_nobody_is_addressed_in_two_manners_and_nobody_reads_jargon() -> None:
    every = [case.words for case in CASES] + [words for of in GATES.values() for words in of.values()]
    for words in every:
        assert not re.search(r"\b(Sie haben|Sie waren|Sie möchten|Ihr|Ihre|Ihres|Ihnen)\b", words.du)
        assert not re.search(r"\b([Dd]u|[Dd]ir|[Dd]ich|[Dd]ein\w*)\b", words.sie)
        for text in words:
            assert not re.search(
                r"fix|ping|fence|trigger|receipt|p_inside|gate|segment|profil|koordin|coordin", text, re.I
            )


@pytest.mark.parametrize(
    ("gate", "reason", "values", "told"),
    [
        (
            "local_time",
            "06:15 is not within 07:00–11:00.",
            {"local_time": "2026-11-03T06:15:00+01:00"},
            (
                "Es war 06:15 Uhr, und das Angebot gilt nur von 07:00 bis 11:00 Uhr.",
                "Es war 06:15 Uhr, und das Angebot gilt nur von 07:00 bis 11:00 Uhr.",
                "It was 06:15, and the offer is good from 07:00 to 11:00 only.",
            ),
        ),
        (
            "cap",
            "This offer was shown often enough.",
            {"cap": "offer", "max": 1, "period": "PT604800S", "shown": 1},
            (
                "Du hast dieses Angebot in den letzten 7 Tagen schon einmal bekommen; öfter zeigen wir es nicht.",
                "Sie haben dieses Angebot in den letzten 7 Tagen schon einmal bekommen; öfter zeigen wir es nicht.",
                "You have had this offer once in the last 7 days; we do not show it more often.",
            ),
        ),
        (
            "weather",
            "The weather is not as asked (weather: rain).",
            {"kind": "clear", "temperature_c": -3.4},
            (
                "Das Angebot hängt vom Wetter ab, und das passte nicht (klar, −3 °C).",
                "Das Angebot hängt vom Wetter ab, und das passte nicht (klar, −3 °C).",
                "The offer depends on the weather, and it was not right (clear, −3 °C).",
            ),
        ),
        (
            "local_time",
            "The window does not open on a Monday. St. Pauli is closed.",
            {},
            (
                "Das Angebot gilt zu einer anderen Zeit.",
                "Das Angebot gilt zu einer anderen Zeit.",
                "The offer is for another time.",
            ),
        ),
        (
            "local_time",
            "The window does not open on a Monday. Café Nord is closed.",
            {},
            (
                "Am Montag gilt das Angebot nicht. Café Nord hatte geschlossen.",
                "Am Montag gilt das Angebot nicht. Café Nord hatte geschlossen.",
                "The offer is not good on a Monday. Café Nord was closed.",
            ),
        ),
        (
            "quiet_hours",
            "It is held until the quiet hours end.",
            {"held_until": "2026-11-03T07:00:00Z"},
            (
                "Es war Ruhezeit. Das Angebot wartet bis 08:00 Uhr und kommt, wenn es dann noch passt.",
                "Es war Ruhezeit. Das Angebot wartet bis 08:00 Uhr und kommt, wenn es dann noch passt.",
                "It was quiet time. The offer waits until 08:00 and comes if it still fits.",
            ),
        ),
        (
            "active",
            "The offer has not begun.",
            {"day": "2026-11-03", "from": "2026-12-01"},
            (
                "Das Angebot beginnt erst am 1.12.2026.",
                "Das Angebot beginnt erst am 1.12.2026.",
                "The offer begins on 1 December 2026.",
            ),
        ),
        (
            "trust",
            "The fix is too coarse to tell whether it is inside.",
            {"accuracy_m": 300},
            (
                "Dein Standort war zu ungenau, um zu sagen, ob du da warst.",
                "Ihr Standort war zu ungenau, um zu sagen, ob Sie da waren.",
                "Your position was not precise enough to tell whether you were there.",
            ),
        ),
    ],
)
def test_words_are_what_a_customer_understands(
    gate: str, reason: str, values: dict[str, object], told: tuple[str, str, str]
) -> None:
    assert tuple(why(gate, "fails", reason, values, reader) for reader in READERS) == told


def test_what_a_sentence_needs_and_is_not_there_is_told_by_the_gate() -> None:
    assert why("active", "fails", "The offer is over.", {}, EN) == "The offer was not running that day."


def test_values_are_those_that_a_customer_may_read() -> None:
    assert set(READABLE) <= set(Gate)
    assert readable("place", {"p_inside": 0.3, "min_confidence": 0.7, "distance_m": 120}) == {}
    assert readable("trust", {"accuracy_m": 300, "radius_m": 75}) == {}
    assert readable("budget", {"used": 4999, "limit": 5000}) == {}
    assert readable("arbitration", {"winner": "tea@3", "winner_priority": 9}) == {}
    assert readable(None, {"released": {"liability": 250}}) == {}
    assert readable("cap", {"cap": "offer", "max": 1, "period": "day", "shown": 1}) == {
        "max": 1,
        "period": "day",
        "shown": 1,
    }


@pytest.mark.parametrize(
    ("locale", "accepted", "attributes", "language", "formality"),
    [
        ("de-DE", "en", {}, "de", "du"),
        ("de_AT", None, {"formality": "sie"}, "de", "sie"),
        ("en-GB", "de", {}, "en", "du"),
        (None, "de-CH, en;q=0.5", {"formality": "thou"}, "de", "du"),
        ("fr-FR", "de", {}, "de", "du"),
        ("fr-FR", None, {}, "en", "du"),
        (None, None, {}, "en", "du"),
    ],
)
def test_the_reader_is_found_by_the_profile_and_else_by_the_phone(
    locale: str | None, accepted: str | None, attributes: dict[str, object], language: str, formality: str
) -> None:
    reader = reader_of(locale, attributes, zone="Europe/Dublin", accepted=accepted, programme=PROGRAMME)
    assert (reader.language, reader.formality, reader.zone) == (language, formality, ZoneInfo("Europe/Dublin"))


def test_without_a_zone_of_their_own_a_customers_clock_is_the_programmes() -> None:
    reader = reader_of(None, {}, zone="Mars/Base", accepted=None, programme=PROGRAMME)
    assert reader.zone == ZoneInfo(PROGRAMME.time_zone)
