"""The words of ours, and what a reward is called by itself."""

from __future__ import annotations

from decimal import Decimal

import pytest

from server.model.money import Money
from server.model.pass_ import Benefit
from server.wallet.words import GERMAN, amount, in_language, ours, words_for


@pytest.mark.parametrize(
    ("money", "expected"),
    [
        (Money(250, "EUR"), Decimal("2.50")),
        (Money(250, "JPY"), Decimal(250)),
        (Money(2500, "KWD"), Decimal("2.500")),
        (Money(0, "USD"), Decimal("0.00")),
        (Money(1, "GBP"), Decimal("0.01")),
    ],
)
def test_minor_units_become_whole_ones_by_iso_4217(money: Money, expected: Decimal) -> None:
    assert amount(money) == expected


@pytest.mark.parametrize(
    ("benefit", "english", "german"),
    [
        (Benefit("percent", percent=20), "20 % off", "20 % Rabatt"),
        (Benefit("points", points=7), "7 points", "7 Punkte"),
        (Benefit("amount", value=Money(250, "EUR")), "2.50 EUR off", "2,50 EUR Rabatt"),
        (Benefit("free_item", value=Money(250, "EUR")), "One on us", "Einmal aufs Haus"),
        (Benefit("gift_card", value=Money(250, "EUR")), "A gift card", "Ein Gutschein"),
        (Benefit("something new"), "Your reward", "Deine Prämie"),
    ],
)
def test_a_reward_has_words_of_its_own(benefit: Benefit, english: str, german: str) -> None:
    assert words_for(benefit, german=False) == english
    assert words_for(benefit, german=True) == german


def test_our_words_are_known_in_whichever_language_they_stand() -> None:
    for english, german in GERMAN.items():
        assert (ours(english, "de"), ours(english, "en"), ours(english, "fr")) == (german, english, english)
        assert {in_language(english, "de"), in_language(german, "de")} == {german}
        assert {in_language(english, "en"), in_language(german, "en")} == {english}


def test_other_words_and_other_languages_are_not_ours() -> None:
    assert in_language("Coffee on us", "de") is None
    assert in_language("REWARD", "fr") is None


def test_each_text_has_a_german_one_of_its_own_and_keeps_its_placeholder() -> None:
    assert len(set(GERMAN.values())) == len(GERMAN)
    assert not [text for text, other in GERMAN.items() if text == other or ("%@" in text) != ("%@" in other)]
