"""Every provider and every source of the house is what the pipeline may ask for."""

from __future__ import annotations

import inspect

import pytest

from server.signals.weather.base import Provider, Source
from server.signals.weather.cache import WeatherCache
from server.signals.weather.fixed import Fixed
from server.signals.weather.open_meteo import OpenMeteo


def signature(owner: type, name: str) -> list[str]:
    return list(inspect.signature(getattr(owner, name)).parameters)


@pytest.mark.parametrize("provider", [OpenMeteo, Fixed])
def test_a_provider_has_a_name_and_tells_the_weather_at_a_point(provider: type) -> None:
    assert isinstance(provider.name, str)  # type: ignore[attr-defined]
    assert inspect.iscoroutinefunction(provider.at)  # type: ignore[attr-defined]
    assert signature(provider, "at") == signature(Provider, "at")


@pytest.mark.parametrize("source", [WeatherCache, Fixed])
def test_a_source_gives_what_it_has_without_waiting(source: type) -> None:
    assert not inspect.iscoroutinefunction(source.get)  # type: ignore[attr-defined]
    assert signature(source, "get") == signature(Source, "get")
    assert signature(source, "watch") == signature(Source, "watch")
