"""The fixed observation: as of now, everywhere, and a setting that is wrong is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.errors import Misconfigured
from server.model.place import Point
from server.model.weather import Sky, Weather
from server.signals.weather.fixed import Fixed

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BERLIN, SYDNEY = Point(52.52, 13.405), Point(-33.86, 151.2)


def test_the_observation_is_as_of_now_and_the_same_everywhere() -> None:
    fixed = Fixed({"kind": "drizzle", "temperature_c": 6, "wind_mps": 3.5})
    later = NOON + timedelta(days=3)
    assert fixed.get(BERLIN, NOON) == Weather(Sky(NOON, "drizzle", 6.0, wind_mps=3.5))
    assert fixed.get(SYDNEY, later) == Weather(Sky(later, "drizzle", 6.0, wind_mps=3.5))


async def test_asked_as_a_provider_it_says_the_same() -> None:
    fixed = Fixed({"kind": "snow"})
    fixed.watch([BERLIN])
    assert await fixed.at(BERLIN, NOON) == fixed.get(BERLIN, NOON)


def test_an_empty_setting_is_no_observation() -> None:
    assert Fixed({}).get(BERLIN, NOON) is None


def test_a_forecast_is_told_in_hours_and_comes_earliest_first() -> None:
    fixed = Fixed({"kind": "clouds", "ahead": [{"in_h": 2, "kind": "rain"}, {"in_h": 0.5, "temperature_c": 7.5}]})
    weather = fixed.get(BERLIN, NOON)
    assert weather is not None
    assert weather.ahead == (
        Sky(NOON + timedelta(minutes=30), temperature_c=7.5),
        Sky(NOON + timedelta(hours=2), kind="rain"),
    )


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ({"kind": "nice"}, r"weather\.fixed\.kind"),
        ({"kind": 7}, r"weather\.fixed\.kind"),
        ({"temperature": 6}, r"weather\.fixed\.temperature:"),
        ({"temperature_c": "6"}, r"weather\.fixed\.temperature_c"),
        ({"temperature_c": True}, r"weather\.fixed\.temperature_c"),
        ({"temperature_c": 279}, r"weather\.fixed\.temperature_c"),
        ({"uv": float("nan")}, r"weather\.fixed\.uv"),
        ({"at": "2026-11-23"}, r"weather\.fixed\.at"),
        ({"ahead": {}}, r"weather\.fixed\.ahead"),
        ({"ahead": [7]}, r"weather\.fixed\.ahead\[0\]"),
        ({"ahead": [{"kind": "rain"}]}, r"weather\.fixed\.ahead\[0\]\.in_h"),
        ({"ahead": [{"in_h": 0}]}, r"weather\.fixed\.ahead\[0\]\.in_h"),
        ({"ahead": [{"in_h": 1}, {"in_h": 2, "humidity": 101}]}, r"weather\.fixed\.ahead\[1\]\.humidity"),
    ],
)
def test_a_wrong_setting_is_no_start_and_named(setting: dict[str, Any], key: str) -> None:
    with pytest.raises(Misconfigured, match=key):
        Fixed(setting)


def test_a_kind_that_cannot_even_be_looked_up_is_refused_too() -> None:
    with pytest.raises(Misconfigured, match=r"weather\.fixed\.kind"):
        Fixed({"kind": ["rain"]})


def test_another_observation_takes_its_place_and_one_that_is_wrong_does_not() -> None:
    fixed = Fixed({"kind": "clear", "ahead": [{"in_h": 1, "kind": "rain"}]})
    fixed.observe({"kind": "snow", "temperature_c": -3})
    assert fixed.observation == {"kind": "snow", "temperature_c": -3.0}
    with pytest.raises(Misconfigured):
        fixed.observe({"kind": "nice"})
    assert fixed.get(BERLIN, NOON) == Weather(Sky(NOON, "snow", -3.0))
