"""An offer in words: the documents of the demonstration in both languages, and every trigger and reward there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from server.model.offer import RewardType, Trigger
from server.web.languages import LANGUAGES, catalogue
from server.web.screens.offer_words import Section, flat, sections
from tests.web.authors import REWARD, document

COFFEE = json.loads(Path("config/offers/coffee-morning.json").read_text("utf-8"))


def lines(whole: dict[str, Any], title: str, language: Any = "en") -> list[str]:
    found: dict[str, Section] = {each.title: each for each in sections(whole, language, {"x": "Mitte"}.__getitem__)}
    return [line.text for line in found[title].lines]


def test_an_offer_reads_as_its_author_meant_it() -> None:
    assert flat(sections(COFFEE, "en"))[:6] == [
        "What sets it off: When somebody has been at a place with the tag “cafe” for 2 minutes.",
        "What sets it off: The position must be inside with 70% certainty.",
        "Only if: on Mon–Fri, from 07:00 to 11:00, while the store is open, not on holidays",
        "Only if: one of this: the weather: temperature at most 12 °C",
        "Only if: one of this: the weather: drizzle, rain or snow, observed within 1 hour 30 minutes",
        "Only if: not this: redemption of the offer “coffee-morning” at least once within 7 days",
    ]
    assert lines(COFFEE, "Grenzen", "de") == [
        "Höchstens 1 je Person am Tag.",
        "Höchstens 3 je Person binnen 7 Tagen.",
        "Insgesamt 5.000 Stück.",
        "Insgesamt höchstens 12.500,00\u00a0€ wert.",
        "Zählt in die Klasse „marketing“.",
        "5\u00a0% der Kundinnen und Kunden sind Kontrollgruppe und bekommen es nicht.",
    ]
    assert lines(COFFEE, "The reward") == [
        "A free item (coffee-small), worth €2.50.",
        "Good until 11:30 (time at the place).",
        "For 4 hours at most.",
        "To be redeemed at the place that set it off and the nine nearest.",
    ]
    assert lines(COFFEE, "What is seen")[-2:] == [
        "card: card, 50% of the customers",
        "banner: banner, 50% of the customers",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("trigger", get_args(Trigger))
def test_every_trigger_is_said(trigger: str, language: Any) -> None:
    own = {
        "dwell": {"dwell": "PT2M"},
        "near": {"within_m": 500},
        "event": {"event": "purchase"},
        "schedule": {"cron": "0 8 * * *", "tz": "customer_home"},
    }
    when = {"trigger": trigger, "places": {"ids": ["x"]}, **own.get(trigger, {})}
    [said] = lines(document(when=when), catalogue("offer")[language]["doc_when"], language)
    assert "Mitte" in said
    assert "None" not in said
    assert "{" not in said


def test_who_was_not_heard_of_is_an_event_of_its_own() -> None:
    when = {"trigger": "event", "event": "inactivity", "after": "P14D"}
    assert lines(document(when=when), "What sets it off") == [
        "When nothing was heard of somebody for 14 days, at any place."
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", get_args(RewardType))
def test_every_reward_is_said(kind: str, language: Any) -> None:
    whole = {
        **REWARD,
        "type": kind,
        "percent": 12.5,
        "points": 300,
        "uses": 3,
        "minimum_purchase": {"minor": 999, "currency": "EUR"},
    }
    said = lines(document(reward=whole), catalogue("offer")[language]["doc_reward"], language)
    assert "3" in said[1]
    assert all("None" not in each and "{" not in each for each in said)


def test_what_the_document_does_not_say_is_said_where_one_would_wonder() -> None:
    assert lines(document(), "The reward") == ["None: the offer is a message."]
    assert lines(document(), "Limits") == ["None of its own."]
    assert lines(document(active={"from": "2026-11-01", "to": "2026-12-24"}), "When it runs") == [
        "From 1 Nov 2026 to 24 Dec 2026."
    ]


def test_the_rest_is_told_where_it_is_not_the_usual() -> None:
    whole = document(
        trust={"mock": "allow", "teleport": "hold"},
        topic="tea",
        fresh="PT10M",
        limits={"per_place": {"units": 40, "period": {"calendar": "month"}}},
        reward={**REWARD, "valid": {"from": "2026-12-01", "until": "2026-12-24"}, "places": {"tag": "cafe"}},
        moment={
            "content": {
                "de-DE": [
                    {"formality": "du", "title": "Du", "body": "x"},
                    {"formality": "sie", "title": "Sie", "body": "y"},
                ]
            },
            "fallback_locale": "de-DE",
            "surfaces": ["push"],
            "action": {"type": "link", "url": "https://example.com"},
        },
    )
    assert lines(whole, "Besides") == [
        "It is about “tea”; who turned that off does not get it.",
        "Mocked positions are taken too.",
    ]
    assert lines(whole, "Limits") == ["40 at each place a month."]
    assert lines(whole, "The reward")[1:] == [
        "Good from 1 Dec 2026 on.",
        "Good until 24 Dec 2026.",
        "To be redeemed at a place with the tag “cafe”.",
    ]
    assert lines(whole, "What is seen") == [
        "As a notification.",
        "de-DE (du): Du",
        "de-DE (sie): Sie",
        "A tap opens https://example.com.",
    ]
