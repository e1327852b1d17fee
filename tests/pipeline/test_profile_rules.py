"""What a profile may hold."""

from __future__ import annotations

import re
from zoneinfo import available_timezones

import pytest

from server.pipeline.profile_rules import ATTRIBUTES, LOCALE, is_zone, wrong_attributes


@pytest.mark.parametrize("text", ["de", "de-DE", "zh_Hant_TW", "sr-Latn-RS", "eng"])
def test_locales_look_like_these(text: str) -> None:
    assert re.match(LOCALE, text)


@pytest.mark.parametrize("text", ["", "d", "deutsch", "de-", "de-DE\n", "de DE", "12"])
def test_and_not_like_those(text: str) -> None:
    assert not re.match(LOCALE, text)


def test_zones_are_those_of_the_tz_database() -> None:
    assert all(is_zone(zone) for zone in available_timezones())
    assert not any(is_zone(text) for text in ("", "+02:00", "Europe/Atlantis", "europe/berlin"))


def test_attributes_have_names_and_are_not_too_many_and_not_too_long() -> None:
    assert wrong_attributes({"tier": "gold", "visits": 3, "vip": True, "x": None, "_a-1": 0.5}) == []
    assert wrong_attributes({f"a{number}": 1 for number in range(ATTRIBUTES)}) == []
    assert [error.field for error in wrong_attributes({f"a{number}": 1 for number in range(ATTRIBUTES + 1)})] == [
        "attributes"
    ]
    wrong = wrong_attributes({"1st": 1, "long": "x" * 501, "a b": 1})
    assert [error.field for error in wrong] == ["attributes", "attributes.long", "attributes"]
