"""Numbers, money, dates and times, against the CLDR's charts written out by hand: Babel is no oracle for itself.

https://www.unicode.org/cldr/charts/latest/by_type/ (numbers, currencies, gregorian)
"""

from __future__ import annotations

from datetime import datetime

import pytest

from server.decision.formats import (
    is_german,
    is_known,
    language_of,
    say_clock,
    say_day,
    say_money,
    say_number,
    say_percent,
    say_sky,
    say_truth,
)
from server.model.money import Money
from server.model.weather import KINDS

AT = datetime.fromisoformat("2026-03-04T15:05:00+01:00")


@pytest.mark.parametrize(
    ("minor", "currency", "german", "english"),
    [
        (250, "EUR", "2,50\u00a0€", "€2.50"),
        (5, "EUR", "0,05\u00a0€", "€0.05"),
        (123456789, "EUR", "1.234.567,89\u00a0€", "€1,234,567.89"),
        (-250, "EUR", "-2,50\u00a0€", "-€2.50"),
        (199, "USD", "1,99\u00a0$", "$1.99"),
        (199, "GBP", "1,99\u00a0£", "£1.99"),
        (1500, "JPY", "1.500\u00a0¥", "¥1,500"),
        (1500, "CHF", "15,00\u00a0CHF", "CHF\u00a015.00"),
        (1500, "KWD", "1,500\u00a0KWD", "KWD\u00a01.500"),
        (1500, "KRW", "1.500\u00a0₩", "₩1,500"),
        (1500, "IQD", "1,500\u00a0IQD", "IQD\u00a01.500"),  # ISO 4217 has three digits, the CLDR shows none
    ],
)
def test_money_is_written_as_its_reader_writes_it(minor, currency, german, english):
    assert say_money(Money(minor, currency), "de-DE") == german
    assert say_money(Money(minor, currency), "en-US") == english


@pytest.mark.parametrize(
    ("value", "digits", "german", "english"),
    [
        (6.1, 1, "6,1", "6.1"),
        (6.0, 1, "6", "6"),
        (-0.04, 1, "0", "0"),
        (-3.25, 1, "-3,2", "-3.2"),
        (1990, 6, "1990", "1990"),
        (100, 0, "100", "100"),
        (1234.5, 6, "1234,5", "1234.5"),
        (10**15, 6, "1000000000000000", "1000000000000000"),
    ],
)
def test_a_number_has_its_decimals_and_no_groups(value, digits, german, english):
    assert (say_number(value, "de", digits=digits), say_number(value, "en", digits=digits)) == (german, english)


def test_a_share_has_a_space_in_german():
    assert (say_percent(20, "de-AT"), say_percent(12.5, "de"), say_percent(12.5, "en-GB")) == (
        "20\u00a0%",
        "12,5\u00a0%",
        "12.5%",
    )
    assert [say_percent(20, each) for each in ("fr-FR", "tr", "pl", "xx")] == [
        "20\u202f\u00a0%".replace("\u202f", ""),
        "%20",
        "20%",
        "20%",
    ]


@pytest.mark.parametrize(
    ("locale", "money", "number", "day", "clock"),
    [
        ("fr-FR", "12\u202f345,50\u00a0€", "1234,5", "4 mars 2026", "15:05"),
        ("es-ES", "12.345,50\u00a0€", "1234,5", "4 de marzo de 2026", "15:05"),
        ("it", "12.345,50\u00a0€", "1234,5", "4 marzo 2026", "15:05"),
        ("nl-NL", "€\u00a012.345,50", "1234,5", "4 maart 2026", "15:05"),
        ("pl-PL", "12\u00a0345,50\u00a0€", "1234,5", "4 marca 2026", "15:05"),
        ("sv", "12\u00a0345,50\u00a0€", "1234,5", "4 mars 2026", "15:05"),
        ("fi", "12\u00a0345,50\u00a0€", "1234,5", "4. maaliskuuta 2026", "15.05"),
        ("pt-BR", "€\u00a012.345,50", "1234,5", "4 de março de 2026", "15:05"),
        ("de-AT", "€\u00a012.345,50", "1234,5", "4. März 2026", "15:05"),
        ("en-GB", "€12,345.50", "1234.5", "4 March 2026", "15:05"),
        ("ja", "€12,345.50", "1234.5", "2026年3月4日", "15:05"),
        ("xx-YY", "€12,345.50", "1234.5", "March 4, 2026", "3:05\u202fPM"),
    ],
)
def test_other_languages_read_their_own_way(locale, money, number, day, clock):
    assert say_money(Money(1234550, "EUR"), locale) == money
    assert say_number(1234.5, locale) == number
    assert say_day(AT, locale, year=True) == day
    assert say_clock(AT, locale) == clock


def test_a_minus_is_the_languages_own():
    assert [say_number(-3, each) for each in ("de", "en", "sv")] == ["-3", "-3", "\u22123"]


def test_a_locale_is_known_by_itself_or_by_its_language():
    assert [is_known(each) for each in ("de-DE", "de-XX", "en", "en-XX", "xx", "xx-DE")] == [True] * 4 + [False] * 2


def test_a_day_is_written_in_words():
    assert say_day(AT, "de-DE", year=True) == "4. März 2026"
    assert say_day(AT, "en-US", year=True) == "March 4, 2026"
    assert say_day(AT, "en-GB", year=True) == "4 March 2026"
    assert [say_day(AT, each, year=False) for each in ("de", "en-US", "en", "fr")] == [
        "4. März",
        "March 4",
        "March 4",
        "4 mars",
    ]


def test_a_time_of_day_has_twelve_hours_in_america_alone():
    assert [say_clock(AT, each) for each in ("de-DE", "en_US", "en-GB")] == ["15:05", "3:05\u202fPM", "15:05"]
    assert say_clock(AT.replace(hour=0), "en-US") == "12:05\u202fAM"
    assert say_clock(AT.replace(hour=12), "en-US") == "12:05\u202fPM"


def test_yes_and_no_and_the_sky():
    assert [say_truth(True, "de"), say_truth(False, "de"), say_truth(True, "en"), say_truth(False, "fr")] == [
        "ja",
        "nein",
        "yes",
        "non",
    ]
    assert say_truth(True, "zz") == "yes"
    assert (say_sky("drizzle", "de-DE"), say_sky("drizzle", "en-US")) == ("Nieselregen", "drizzle")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_weather_has_a_german_word(kind):
    assert say_sky(kind, "de")
    assert kind == "wind" or say_sky(kind, "de") != kind


def test_a_language_is_the_first_part_of_a_locale():
    assert [language_of(each) for each in ("de-DE", "DE_at", "en", "zh-Hant-TW", "")] == ["de", "de", "en", "zh", ""]
    assert is_german("de_CH")
    assert not is_german("den")
