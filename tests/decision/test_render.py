"""The words that a customer reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.render import BODY, TITLE, VALUE, choose_content, render
from server.model.money import Money
from server.model.offer import Content, Reward
from server.model.weather import Sky, Weather
from tests.builders import NOON, customer, offer, programme
from tests.decision.rulebook import STORE, WHOLE, read, store

COFFEE = read(WHOLE).offer


def words(title="-", body="-", *, locale="en-US", who=None, **more):
    """Render one content for a customer; reward, place, weather, until and now as given."""
    built = offer(name="coffee", reward=more.pop("reward", None))
    content = Content(locale, title, body)
    built = replace(built, moment=replace(built.moment, contents=(content,), fallback_locale=locale))
    given = {"place": STORE, "weather": None, "until": None, "programme": programme()} | more
    return render(built, customer=who or customer(), **given)


def test_the_documents_example_greets_by_name():
    kim = customer(locale="de-DE", attributes={"first_name": "Kim"})
    told = render(COFFEE, customer=kim, place=STORE, weather=None, until=None, programme=programme())
    assert told == ("Kaffee gefällig, Kim?", "Nur bis 11 Uhr bei Kairos Mitte.", None, "de-DE")


def test_who_has_no_name_is_greeted_by_the_default():
    told = render(COFFEE, customer=customer(), place=STORE, weather=None, until=None, programme=programme())
    assert told.title == "Kaffee gefällig, Hallo?"


def test_a_foreigner_reads_the_locale_to_fall_back_on():
    for locale in ("fr-FR", None, "", "x"):
        told = render(
            COFFEE, customer=customer(locale=locale), place=STORE, weather=None, until=None, programme=programme()
        )
        assert (told.title, told.locale) == ("Coffee on us", "en-US")


def chosen(contents, *, locale, formality=None, setting="du", fallback="en"):
    """Say which of some contents is chosen, written as locale or locale/formality."""
    made = tuple(
        Content(each.partition("/")[0], each, "-", each.partition("/")[2] or None)  # type: ignore[arg-type]
        for each in contents
    )
    built = offer()
    built = replace(built, moment=replace(built.moment, contents=made, fallback_locale=fallback))
    who = customer(locale=locale, attributes={"formality": formality} if formality else {})
    return choose_content(built, customer=who, programme=programme(formality=setting)).title


@pytest.mark.parametrize(
    ("contents", "locale", "choice"),
    [
        (["en", "de", "de-DE"], "de-DE", "de-DE"),
        (["en", "de", "de-DE"], "de_de", "de-DE"),
        (["en", "de-DE", "de"], "de-AT", "de"),
        (["en", "de-DE"], "de-AT", "de-DE"),
        (["en", "de-DE"], "de", "de-DE"),
        (["de", "en"], "fr", "en"),
        (["de", "en"], None, "en"),
        (["de", "en-GB", "en"], "en-US", "en"),
    ],
)
def test_the_exact_locale_then_the_language_then_the_fallback(contents, locale, choice):
    assert chosen(contents, locale=locale) == choice


@pytest.mark.parametrize(
    ("contents", "formality", "setting", "choice"),
    [
        (["de-DE/du", "de/sie", "en"], None, "du", "de-DE/du"),
        (["de-DE/du", "de/sie", "en"], None, "sie", "de/sie"),
        (["de-DE/du", "de/sie", "en"], "sie", "du", "de/sie"),
        (["de-DE/du", "de/sie", "en"], "du", "sie", "de-DE/du"),
        (["de-DE/du", "de-DE/sie", "en"], "sie", "du", "de-DE/sie"),
        (["de-DE/sie", "en"], "du", "du", "de-DE/sie"),
        (["de-DE", "de/sie", "en"], "sie", "du", "de-DE"),
        (["de-DE/du", "de", "en"], "sie", "du", "de"),
        (["de-DE/du", "de/sie", "en"], "whatever", "sie", "de/sie"),
    ],
)
def test_du_and_sie_never_mix_where_both_are_written(contents, formality, setting, choice):
    assert chosen(contents, locale="de-DE", formality=formality, setting=setting) == choice


@pytest.mark.parametrize(
    ("value", "german", "english"),
    [
        (3, "3", "3"),
        (2.5, "2,5", "2.5"),
        (True, "ja", "yes"),
        (False, "nein", "no"),
        ("1990-05-01", "1. Mai 1990", "May 1, 1990"),
        ("Kim", "Kim", "Kim"),
    ],
)
def test_an_attribute_is_written_the_way_of_the_content_not_of_the_customer(value, german, english):
    who = customer(attributes={"x": value}, locale="fr")
    for locale, told in (("de-DE", german), ("en-US", english)):
        assert words("{{ customer.x | default: '?' }}", locale=locale, who=who).title == told


@pytest.mark.parametrize(
    ("reward", "german", "english"),
    [
        (Reward("free_item", value=Money(250, "EUR")), "2,50\u00a0€", "€2.50"),
        (Reward("percent", percent=20.0, value=Money(250, "EUR")), "20\u00a0%", "20%"),
        (Reward("points", points=200), "200", "200"),
        (Reward("access"), "nothing", "nothing"),
        (None, "nothing", "nothing"),
    ],
)
def test_a_reward_tells_its_worth(reward, german, english):
    text = "{{ reward.value | default: 'nothing' }}"
    assert words(text, locale="de", reward=reward).title == german
    assert words(text, locale="en-US", reward=reward).title == english


@pytest.mark.parametrize(
    ("until", "now", "german", "english"),
    [
        ("2026-11-03T11:30:00+01:00", "2026-11-03T08:00:00+01:00", "11:30", "11:30\u202fAM"),
        ("2026-11-04T11:30:00+01:00", "2026-11-03T08:00:00+01:00", "4. November, 11:30", "November 4, 11:30\u202fAM"),
        (
            "2027-01-04T15:30:00+01:00",
            "2026-11-03T08:00:00+01:00",
            "4. Januar 2027, 15:30",
            "January 4, 2027, 3:30\u202fPM",
        ),
        ("2026-11-04T00:00:00+01:00", "2026-11-03T08:00:00+01:00", "24:00", "midnight"),
        ("2026-11-05T00:00:00+01:00", "2026-11-03T08:00:00+01:00", "4. November, 24:00", "November 4, midnight"),
        ("2026-11-03T11:30:00+01:00", None, "3. November 2026, 11:30", "November 3, 2026, 11:30\u202fAM"),
    ],
)
def test_an_end_is_told_on_the_stores_clock(until, now, german, english):
    told = {"until": datetime.fromisoformat(until).astimezone(UTC), "now": now and datetime.fromisoformat(now)}
    assert words("{{ reward.until }}", locale="de-DE", **told).title == german
    assert words("{{ reward.until }}", locale="en-US", **told).title == english


def test_an_end_is_told_in_the_zone_of_the_place_else_of_the_customer_else_of_the_programme():
    end = datetime(2026, 11, 3, 12, tzinfo=UTC)
    tokyo, york = store(zone="Asia/Tokyo"), customer(zone="America/New_York")
    assert words("{{ reward.until }}", locale="de", place=tokyo, who=york, until=end, now=NOON).title == "21:00"
    assert words("{{ reward.until }}", locale="de", place=None, who=york, until=end, now=NOON).title == "07:00"
    assert (
        words("{{ reward.until }}", locale="de", place=None, who=customer(zone=None), until=end, now=NOON).title
        == "13:00"
    )


def test_the_weather_is_told_if_it_is_known_and_of_now():
    text = "{{ weather.kind | default: '?' }} {{ weather.temperature_c | default: '?' }}"
    rain = Weather(Sky(NOON, kind="rain", temperature_c=6.14))
    assert words(text, locale="de", weather=rain).title == "Regen 6,1"
    assert words(text, weather=rain, now=NOON + timedelta(minutes=90)).title == "rain 6.1"
    assert words(text, weather=rain, now=NOON + timedelta(minutes=91)).title == "? ?"
    assert words(text, weather=Weather(Sky(NOON))).title == "? ?"
    assert words(text).title == "? ?"


def test_a_word_goes_with_its_number_in_the_language_of_the_content():
    cups = Reward("free_item", value=Money(250, "EUR"), uses=3)
    polish = "{{ reward.uses | plural: one='# kawa', few='# kawy', many='# kaw', other='# kawy' }}"
    told = [words(polish, locale="pl", reward=replace(cups, uses=uses)).title for uses in (1, 3, 5, 12, 22)]
    assert told == ["1 kawa", "3 kawy", "5 kaw", "12 kaw", "22 kawy"]
    english = "{{ customer.n | plural: one='# visit', other='# visits' | default: 'none' }}"
    said = [(1, "1 visit"), (1.0, "1 visit"), (2.0, "2 visits"), (1.5, "1.5 visits")]
    for value, expected in (*said, ("1", "none"), (True, "none"), (None, "none")):
        assert words(english, who=customer(attributes={} if value is None else {"n": value})).title == expected, value
    cold = Weather(Sky(NOON, temperature_c=0.96))
    degrees = "{{ weather.temperature_c | plural: one='# Grad!', other='# Grad' }}"
    assert words(degrees, locale="de", weather=cold).title == "1 Grad!"
    assert words(degrees, locale="de").title == ""


@given(
    st.floats(allow_nan=False, allow_infinity=False) | st.integers(), st.sampled_from(["de", "pl", "ar", "fr", "xx"])
)
def test_any_number_has_a_word(number, locale):
    text = "{{ customer.n | plural: other='#!' | default: 'x' }}"
    assert words(text, locale=locale, who=customer(attributes={"n": number})).title.endswith(("!", "…"))


def test_place_and_offer_are_told_by_name():
    shop = store(address="Unter den Linden 1")
    assert (
        words("{{ place.name }}, {{ place.address }}: {{ offer.name }}", place=shop).title
        == "Kairos Mitte, Unter den Linden 1: coffee"
    )
    assert words("{{ place.name }}{{ place.address | default: 'here' }}", place=None).title == "here"


def test_a_name_cannot_break_the_line_nor_turn_it_round():
    who = customer(attributes={"n": "  Kim\n\x00Lee\u202eevil\u2069\t\ud800 "})
    assert words("Hi {{ customer.n | default: '' }}!", who=who).title == "Hi Kim Leeevil!"


@given(st.text(max_size=400), st.text(max_size=400))
def test_words_are_short_whatever_a_customer_is_called(one, two):
    who = customer(attributes={"a": one, "b": two})
    text = "{{ customer.a | default: '-' }} {{ customer.b | default: '-' }}" * 6
    told = words(text, text, who=who)
    assert len(told.title) <= TITLE
    assert len(told.body) <= BODY
    assert told.title.encode()
    assert told.body.encode()
    assert not any(mark in told.body for mark in "\n\r\x00\u202e")


def test_what_is_cut_ends_in_an_ellipsis():
    who = customer(attributes={"a": "x" * 500})
    assert words("{{ customer.a | default: '' }}", who=who).title == "x" * (VALUE - 1) + "…"
    assert words("y" * 300).title == "y" * (TITLE - 1) + "…"


def test_a_value_is_never_rendered_again():
    who = customer(attributes={"a": "{{ customer.secret | default: 'x' }}", "secret": "leak"})
    assert "leak" not in words("{{ customer.a | default: '' }}", who=who).title


def test_the_picture_of_the_content_goes_with_the_words():
    built = offer()
    content = Content("en", "-", "-", image_url="https://example.org/cup.png")
    built = replace(built, moment=replace(built.moment, contents=(content,), fallback_locale="en"))
    told = render(built, customer=customer(), place=None, weather=None, until=None, programme=programme())
    assert told.image_url == "https://example.org/cup.png"
