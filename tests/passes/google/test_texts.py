"""Values as Google's customers read them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from passes.google.texts import localized, shown
from passes.model import Field, NumberStyle
from tests.passes.google.discovery import objections

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (Field("a", "x"), "x"),
        (Field("a", 7), "7"),
        (Field("a", Decimal("3.2"), currency="EUR"), "3.20 EUR"),
        (Field("a", 3, currency="EUR"), "3.00 EUR"),
        (Field("a", 0.5, number_style=NumberStyle.PERCENT), "50 %"),
        (Field("a", 0.125, number_style=NumberStyle.PERCENT), "12.5 %"),
        (Field("a", 1, number_style=NumberStyle.PERCENT), "100 %"),
        (Field("a", 0, number_style=NumberStyle.PERCENT), "0 %"),
        (Field("a", datetime(2026, 3, 2, 11, 0, 59, tzinfo=BERLIN)), "2026-03-02 11:00"),
    ],
)
def test_a_value_is_written_in_words(field: Field, text: str) -> None:
    assert shown(field) == text


def test_a_text_without_translations_stays_plain() -> None:
    assert localized("x", "en", {}) is None
    assert localized("x", "en", {"de": {"y": "z"}, "en": {"x": "z"}}) is None
    assert localized(None, "en", {"de": {"x": "z"}}, always=True) is None


def test_a_text_with_translations_names_its_own_language_first() -> None:
    body = localized("x", "en", {"fr": {"x": "f"}, "de": {"x": "d"}})
    assert body == {
        "defaultValue": {"language": "en", "value": "x"},
        "translatedValues": [{"language": "de", "value": "d"}, {"language": "fr", "value": "f"}],
    }
    assert objections("LocalizedString", body) == []


def test_where_google_takes_no_plain_text_the_default_stands_alone() -> None:
    assert localized("x", "en", {}, always=True) == {"defaultValue": {"language": "en", "value": "x"}}
