"""Everybody who gives weather is named."""

from __future__ import annotations

from typing import get_args, get_type_hints

from server.settings import WeatherSettings
from server.signals.weather.credits import CREDITS


def test_each_provider_of_the_setting_but_our_own_has_a_credit_with_two_addresses() -> None:
    providers = set(get_args(get_type_hints(WeatherSettings)["provider"]))
    assert set(CREDITS) == providers - {"fixed"}
    for credit in CREDITS.values():
        assert credit.text
        assert credit.licence
        assert credit.url.startswith("https://")
        assert credit.licence_url.startswith("https://")
