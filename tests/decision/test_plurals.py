"""Plural forms, against the CLDR's rules written down a second time, straight from its text.

https://www.unicode.org/cldr/charts/latest/supplemental/language_plural_rules.html
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.plurals import CATEGORIES, category, common_forms, complaint, forms_of, lacking


def english_or_german(n: int) -> str:
    """one: i = 1 and v = 0."""
    return "one" if n == 1 else "other"


def polish(n: int) -> str:
    """one: i = 1 and v = 0; few: v = 0 and i % 10 = 2..4 and i % 100 != 12..14; many: the other whole numbers."""
    if n == 1:
        return "one"
    return "few" if n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14) else "many"


def arabic(n: int) -> str:
    """zero: n = 0; one: n = 1; two: n = 2; few: n % 100 = 3..10; many: n % 100 = 11..99."""
    if n in (0, 1, 2):
        return ("zero", "one", "two")[n]
    return "few" if 3 <= n % 100 <= 10 else "many" if 11 <= n % 100 <= 99 else "other"


def russian(n: int) -> str:
    """one: i % 10 = 1 and i % 100 != 11; few: i % 10 = 2..4 and i % 100 != 12..14; many: the others."""
    if n % 10 == 1 and n % 100 != 11:
        return "one"
    return "few" if n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14) else "many"


def french(n: int) -> str:
    """one: i = 0,1; many: e = 0 and i != 0 and i % 1000000 = 0 and v = 0."""
    if n in (0, 1):
        return "one"
    return "many" if n % 1_000_000 == 0 else "other"


RULES = {
    **{"de-DE": english_or_german, "en": english_or_german, "pl": polish, "ar": arabic, "ru": russian, "fr": french},
    "ja": lambda n: "other",
    "xx": english_or_german,
}


@given(st.integers(0, 10**9) | st.integers(0, 250) | st.integers(1, 9).map(lambda n: n * 10**6))
def test_whole_numbers_have_the_form_of_the_cldrs_rules(number):
    for locale, rule in RULES.items():
        assert category(number, locale) == rule(number), locale


def test_decimals_are_counted_as_they_are_told():
    assert [category(1.5, each) for each in ("de", "en", "pl", "ar", "fr")] == [
        "other",
        "other",
        "other",
        "other",
        "one",
    ]
    assert [category(1.0, each) for each in ("de", "en", "pl")] == ["one"] * 3
    assert category(0.99999999, "en") == "one"  # told as 1


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(sorted(RULES)))
def test_any_number_has_a_form_of_its_language(number, locale):
    assert category(number, locale) in forms_of(locale)


@pytest.mark.parametrize(
    ("locale", "forms", "common"),
    [
        ("de", "one other", "one other"),
        ("ja", "other", "other"),
        ("pl", "one few many other", "one few many"),
        ("ar", "zero one two few many other", "zero one two few many other"),
        ("fr", "one many other", "one other"),
    ],
)
def test_a_language_has_its_forms_and_common_ones(locale, forms, common):
    assert forms_of(locale) == set(forms.split())
    assert common_forms(locale) == set(common.split())


def test_foreign_and_missing_forms_are_named():
    assert complaint(["one", "other"], "de") is None
    assert complaint(["few", "other"], "de") == "de has no plural form few; it has one, other"
    assert "other" in (complaint(["one"], "de") or "")
    assert lacking(["other"], "pl") == ["one", "few", "many"]
    assert lacking(["one", "other"], "fr") == []
    assert set(common_forms("ar")) <= set(CATEGORIES)
