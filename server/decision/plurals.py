"""Plural forms: which of a language's words goes with a number, by the CLDR's cardinal rules.

https://www.unicode.org/cldr/charts/latest/supplemental/language_plural_rules.html
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from functools import lru_cache
from typing import Final

from server.decision.formats import cldr, plain

CATEGORIES: Final = ("zero", "one", "two", "few", "many", "other")
_COMMON: Final = 200
"""What is counted in a moment is seldom more: a form that only millions need may be missing."""


def category(value: float, locale: str) -> str:
    """Name the form that goes with a number as it is told: `one` of 1 in English, `few` of 3 in Polish."""
    text = plain(value)
    return str(
        cldr(locale).plural_form(Decimal(text) if "." in text else int(text))
    )  # a Decimal of 300 digits breaks it


@lru_cache(maxsize=256)
def forms_of(locale: str) -> frozenset[str]:
    """List the forms that a language has; `other` is one of every language."""
    return frozenset(cldr(locale).plural_form.tags) | {"other"}


@lru_cache(maxsize=256)
def common_forms(locale: str) -> frozenset[str]:
    """List those that whole numbers up to 200 need."""
    return frozenset(category(number, locale) for number in range(_COMMON + 1))


def complaint(forms: Collection[str], locale: str) -> str | None:
    """Say what is wrong with the forms that somebody wrote for a locale; None where nothing is."""
    known = forms_of(locale)
    foreign = [each for each in forms if each not in known]
    if foreign:
        mine = ", ".join(each for each in CATEGORIES if each in known)
        return f"{locale} has no plural form {', '.join(foreign)}; it has {mine}"
    return None if "other" in forms else "a plural needs the form other, such as plural: one='cup', other='cups'"


def lacking(forms: Collection[str], locale: str) -> list[str]:
    """List common forms of the locale that nobody wrote: `other` stands in for them."""
    return [each for each in CATEGORIES if each in common_forms(locale) and each not in forms]
