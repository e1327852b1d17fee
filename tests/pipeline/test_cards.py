"""The words on a pass: whose language they are in, what follows an edit, and what never does."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.model.look import Dress
from server.model.money import Money
from server.model.pass_ import Benefit, Card, Line, Told
from server.pipeline.cards import Subject, Words, put, recard, wording_from

AT = datetime(2026, 11, 3, 7, 30, tzinfo=UTC)
UNTIL = datetime(2026, 11, 3, 10, 30, tzinfo=UTC)
COFFEE = Benefit("free_item", value=Money(250, "EUR"))
DOCUMENT: dict[str, Any] = {
    "name": "coffee-morning",
    "when": {"trigger": "enter"},
    "moment": {
        "content": {
            "de-DE": [
                {"formality": "du", "title": "Dein Kaffee bei {{ place.name }}", "body": "…"},
                {"formality": "sie", "title": "Ihr Kaffee bei {{ place.name }}", "body": "…"},
            ],
            "en-US": {"title": "Coffee at {{ place.name }}", "body": "…"},
        },
        "fallback_locale": "en-US",
    },
    "reward": {
        "type": "free_item",
        "value": {"minor": 250, "currency": "EUR"},
        "wallet": {
            "fields": [
                {"section": "back", "label": {"de": "Wert", "en": "Value"}, "value": "{{ reward.value }}"},
                {
                    "section": "auxiliary",
                    "label": "Wi-Fi",
                    "value": {"de": "bis {{ reward.until }}", "en": "until {{ reward.until }}"},
                },
            ],
            "terms": {"de": "Einmal am Tag.", "en": "Once a day."},
        },
    },
}


def document(**changes: Any) -> dict[str, Any]:
    """The document with members set by their path, its steps joined by two underscores."""
    made = deepcopy(DOCUMENT)
    for path, value in changes.items():
        *steps, last = path.split("__")
        inner = made
        for step in steps:
            inner = inner[step]
        inner[last] = value
    return made


def told(locale: str, **more: Any) -> Told:
    given: dict[str, Any] = {"formality": "du" if locale.startswith("de") else None}
    return Told(
        locale=locale, **(given | {"place": "Marktplatz", "address": "Markt 1", "zone": "Europe/Berlin"} | more)
    )


def said(locale: str = "de-DE", of: dict[str, Any] = DOCUMENT, title: str | None = None, **more: Any) -> Words:
    return put(wording_from(of), Subject(COFFEE, UNTIL, told(locale, **more), AT), title=title)


def test_the_words_are_the_customers_and_the_other_languages_follow_by_them() -> None:
    words = said("de-DE")
    assert words.title == "Dein Kaffee bei Marktplatz"
    assert words.lines == (
        Line("line1", "back", "Wert", "2,50\u00a0€"),
        Line("line2", "auxiliary", "Wi-Fi", "bis 11:30"),
    )
    assert words.terms == "Einmal am Tag."
    assert words.others == {
        "en": {
            "Dein Kaffee bei Marktplatz": "Coffee at Marktplatz",
            "Wert": "Value",
            "2,50\u00a0€": "€2.50",
            "bis 11:30": "until 11:30\u202fAM",
            "Einmal am Tag.": "Once a day.",
        }
    }


def test_the_same_the_other_way_round() -> None:
    words = said("en-GB")
    assert words.title == "Coffee at Marktplatz"
    assert words.others["de"]["Once a day."] == "Einmal am Tag."


def test_who_is_addressed_formally_reads_no_du() -> None:
    assert said("de-AT", formality="sie").title == "Ihr Kaffee bei Marktplatz"


def test_a_language_without_words_gets_those_to_fall_back_on() -> None:
    words = said("fr-FR")
    assert (words.title, words.terms) == ("Coffee at Marktplatz", "Once a day.")
    assert words.lines[1].value == "until 11:30"
    assert words.others["de"]["Coffee at Marktplatz"].endswith("Kaffee bei Marktplatz")


def test_a_title_that_was_told_stays_and_is_what_others_translate() -> None:
    words = said("de-DE", title="Kaffee im Regen")
    assert words.title == "Kaffee im Regen"
    assert words.others["en"]["Kaffee im Regen"] == "Coffee at Marktplatz"


def test_a_title_that_names_the_customer_becomes_the_rewards_own_words() -> None:
    named = document()
    named["moment"]["content"]["en-US"] = {"title": "Coffee, {{ customer.first_name | default: 'you' }}?", "body": "…"}
    assert said("de-DE", named).title == "Einmal aufs Haus"
    assert said("en-US", named).title == "One on us"
    assert said("de-DE", named).others["en"]["Einmal aufs Haus"] == "One on us"


def test_a_title_of_the_weather_is_not_put_together_again() -> None:
    rainy = document()
    rainy["moment"]["content"]["en-US"]["title"] = "{{ weather.kind }}: coffee?"
    assert said("en-US", rainy).title is None
    assert said("de-DE", rainy).title == "Dein Kaffee bei Marktplatz"
    assert "Dein Kaffee bei Marktplatz" not in said("de-DE", rainy).others["en"]


def test_a_line_that_nothing_stands_for_is_left_out() -> None:
    wallet = {"fields": [{"section": "back", "label": "Where", "value": "{{ place.address }}"}]}
    assert said("en-US", document(reward__wallet=wallet), address=None).lines == ()
    assert said("en-US", document(reward__wallet=wallet)).lines[0].value == "Markt 1"


def issued(locale: str = "de-DE", *, of: dict[str, Any] = DOCUMENT) -> Card:
    words = said(locale, of)
    return Card(
        words.title or "",
        of["name"],
        lines=words.lines,
        terms=words.terms,
        holder="Kim",
        told=told(locale),
        others=words.others,
    )


def followed(card: Card, after: dict[str, Any], *, before: dict[str, Any] = DOCUMENT) -> Card | None:
    subject = Subject(COFFEE, UNTIL, card.told, AT)
    return recard(card, subject, wording_from(before), wording_from(after), version=2)


NAMED = document(reward__wallet__name=True)


def test_words_look_and_terms_follow_an_edit() -> None:
    after = document(
        reward__wallet={
            "apple": "storeCard",
            "colours": {"background": "#000000"},
            "fields": [{"section": "back", "label": "L", "value": "V"}],
            "terms": {"de": "Zweimal am Tag.", "en": "Twice a day."},
            "name": True,
        }
    )
    after["moment"]["content"]["de-DE"][0]["title"] = "Kaffee, jetzt"
    card = followed(issued(of=NAMED), after, before=NAMED)
    assert card is not None
    assert (card.title, card.terms, card.lines) == (
        "Kaffee, jetzt",
        "Zweimal am Tag.",
        (Line("line1", "back", "L", "V"),),
    )
    assert card.dress == Dress("storeCard", background="#000000")
    assert (card.holder, card.version) == ("Kim", 2)
    assert card.others["en"] == {"Kaffee, jetzt": "Coffee at Marktplatz", "Zweimal am Tag.": "Twice a day."}


def test_an_edit_of_another_language_changes_what_that_language_says() -> None:
    after = document()
    after["moment"]["content"]["en-US"]["title"] = "Tea at {{ place.name }}"
    card = followed(issued(), after)
    assert card is not None
    assert card.title == "Dein Kaffee bei Marktplatz"
    assert card.others["en"][card.title] == "Tea at Marktplatz"


@pytest.mark.parametrize(
    "change",
    [
        {"reward__value": {"minor": 100, "currency": "EUR"}},
        {"reward__type": "access"},
        {"reward__uses": 3},
        {"reward__valid": {"at_most": "PT5M"}},
        {"reward__places": "any"},
        {"priority": 7},
        {"deliver_by": "PT1M"},
        {"limits": {"total": {"units": 5}}},
    ],
)
def test_what_was_promised_and_what_no_pass_shows_changes_none(change: dict[str, Any]) -> None:
    assert followed(issued(of=NAMED), document(reward__wallet__name=True, **change), before=NAMED) is None


def test_an_edit_of_the_body_alone_changes_no_pass() -> None:
    after = deepcopy(NAMED)
    after["moment"]["content"]["de-DE"][0]["body"] = "Something else."
    assert followed(issued(of=NAMED), after, before=NAMED) is None


def test_a_name_goes_when_the_offer_no_longer_asks_and_none_comes_later() -> None:
    pass_ = issued(of=NAMED)
    card = followed(pass_, DOCUMENT, before=NAMED)
    assert card is not None
    assert card.holder is None
    nameless = replace(pass_, holder=None)
    assert followed(nameless, NAMED) is None


def test_a_title_told_in_the_rain_stays_while_only_the_weather_would_change_it() -> None:
    rainy = deepcopy(NAMED)
    rainy["moment"]["content"]["de-DE"][0]["title"] = "{{ weather.kind }}? Kaffee!"
    pass_ = issued(of=NAMED)
    told_in_rain = replace(pass_, title="Regen? Kaffee!")
    edited = deepcopy(rainy)
    edited["moment"]["content"]["de-DE"][0]["title"] = "Bei {{ weather.kind }}: Tee"
    assert followed(told_in_rain, edited, before=rainy) is None
    plain = deepcopy(rainy)
    plain["moment"]["content"]["de-DE"][0]["title"] = "Tee"
    card = followed(told_in_rain, plain, before=rainy)
    assert card is not None
    assert card.title == "Tee"


def test_a_renamed_offer_is_renamed_on_the_back() -> None:
    card = followed(issued(of=NAMED), {**NAMED, "name": "tea-morning"}, before=NAMED)
    assert card is not None
    assert card.offer == "tea-morning"


NAMES = ["place.name", "place.address", "offer.name", "reward.value", "reward.until"]
PIECES = st.sampled_from([*(f"{{{{ {name} }}}}" for name in NAMES), "Kaffee ", "- ", "50 % ", "{{ "])
TEMPLATES = st.lists(PIECES, min_size=1, max_size=6).map("".join)


@given(before=TEMPLATES, after=TEMPLATES, locale=st.sampled_from(["de-DE", "en-US", "fr"]))
def test_following_gives_what_a_pass_issued_today_would_say(before: str, after: str, locale: str) -> None:
    def offer_saying(text: str) -> dict[str, Any]:
        made = deepcopy(NAMED)
        for content in (*made["moment"]["content"]["de-DE"], made["moment"]["content"]["en-US"]):
            content["title"] = f"T {text}"
        made["reward"]["wallet"]["terms"] = text
        return made

    old, new = offer_saying(before), offer_saying(after)
    card = followed(issued(locale, of=old), new, before=old)
    today = issued(locale, of=new)
    found = issued(locale, of=old) if card is None else replace(card, version=0)
    assert found == today


def test_an_end_on_another_day_is_told_with_its_day() -> None:
    subject = Subject(COFFEE, UNTIL + timedelta(days=1), told("en-US"), AT)
    assert put(wording_from(DOCUMENT), subject).lines[1].value == "until November 4, 11:30\u202fAM"
