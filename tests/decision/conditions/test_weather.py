"""The weather now and ahead."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.finding import Gate, Truth
from server.model.weather import KINDS, Sky, Weather
from tests.builders import NOON
from tests.decision.rulebook import ask, condition, scene, wrongs


def sky(minutes: float = 0, **more: object) -> Sky:
    """Build a reading so many minutes after noon."""
    return Sky(at=NOON + timedelta(minutes=minutes), **more)


def now(minutes: float = -5, **more: object) -> Weather:
    """Build an observation made so many minutes after noon."""
    return Weather(sky(minutes, **more))


RAIN = Weather(sky(-15, kind="rain", temperature_c=6.1, precipitation_mm=0.8, wind_mps=4))


@pytest.mark.parametrize(
    ("asked", "truth"),
    [
        ({"kind": ["drizzle", "rain", "snow"]}, Truth.HOLDS),
        ({"kind": "rain"}, Truth.HOLDS),
        ({"kind": ["clear"]}, Truth.FAILS),
        ({"temperature_c": {"lte": 12}}, Truth.HOLDS),
        ({"temperature_c": {"lte": 6.1}}, Truth.HOLDS),
        ({"temperature_c": {"lt": 6.1}}, Truth.FAILS),
        ({"temperature_c": {"between": [6.1, 8]}}, Truth.HOLDS),
        ({"temperature_c": {"between": [-3, 6.1]}}, Truth.HOLDS),
        ({"temperature_c": {"between": [7, 8]}}, Truth.FAILS),
        ({"kind": "rain", "temperature_c": {"gt": 10}}, Truth.FAILS),
        ({"uv": {"gte": 3}}, Truth.UNKNOWN),
        ({"uv": {"gte": 3}, "kind": "rain"}, Truth.UNKNOWN),
        ({"uv": {"gte": 3}, "kind": "clear"}, Truth.FAILS),
        ({"precipitation_mm": {"gt": 0}, "wind_mps": {"eq": 4}}, Truth.HOLDS),
    ],
)
def test_what_is_asked_is_compared_with_the_observation(asked, truth):
    found = ask({"weather": asked}, scene(weather=RAIN))
    assert (found.gate, found.truth) == (Gate.WEATHER, truth)


def test_no_weather_is_unknown_and_so_is_a_moment_without_a_place():
    assert ask({"weather": {"kind": "rain"}}, scene()).truth is Truth.UNKNOWN
    assert ask({"weather": {"kind": "rain"}}, scene(where=None)).truth is Truth.UNKNOWN
    assert ask({"not": {"weather": {"kind": "rain"}}}, scene()).truth is Truth.UNKNOWN


def test_a_sky_without_a_kind_is_unknown():
    assert ask({"weather": {"kind": "rain"}}, scene(weather=now(temperature_c=5.0))).truth is Truth.UNKNOWN


@pytest.mark.parametrize(
    ("age", "limit", "truth"),
    [
        (timedelta(minutes=90), None, Truth.HOLDS),
        (timedelta(minutes=90, microseconds=1), None, Truth.UNKNOWN),
        (timedelta(minutes=30), "PT30M", Truth.HOLDS),
        (timedelta(minutes=30, seconds=1), "PT30M", Truth.UNKNOWN),
        (timedelta(hours=3), "PT3H", Truth.HOLDS),
        (timedelta(minutes=-10), None, Truth.HOLDS),
        (timedelta(minutes=-91), None, Truth.UNKNOWN),
    ],
)
def test_an_observation_strictly_older_than_its_age_is_unknown(age, limit, truth):
    asked = {"kind": "rain"} | ({"max_age": limit} if limit else {})
    weather = Weather(Sky(NOON - age, kind="rain"))
    assert ask({"weather": asked}, scene(weather=weather)).truth is truth


def test_the_programme_says_how_old_an_observation_may_be():
    weather = now(-20, kind="rain")
    assert (
        ask({"weather": {"kind": "rain"}}, scene(weather=weather, programme={"weather_max_age_s": 600})).truth
        is Truth.UNKNOWN
    )


def test_the_receipt_cites_the_observation_that_was_used():
    found = ask({"weather": {"kind": "snow", "temperature_c": {"lte": 12}}}, scene(weather=RAIN))
    assert found.values == {"observed_at": "2026-11-03T10:45:00Z", "kind": "rain", "temperature_c": 6.1}
    assert found.reason == "The weather is not as asked (weather: snow, temperature_c at most 12)."


SNOW_LATER = Weather(
    sky(-5, kind="rain", temperature_c=9.0),
    (sky(0, kind="hail"), sky(60, kind="clouds", temperature_c=2.0), sky(120, kind="snow", temperature_c=0.0)),
)


@pytest.mark.parametrize(
    ("asked", "truth"),
    [
        ({"kind": "snow", "ahead": "PT2H"}, Truth.HOLDS),
        ({"kind": "snow", "ahead": "PT1H59M"}, Truth.FAILS),
        ({"kind": "clouds", "ahead": "PT1H"}, Truth.HOLDS),
        ({"kind": "hail", "ahead": "PT2H"}, Truth.FAILS),  # an entry for this very instant is not ahead
        ({"kind": "rain", "ahead": "PT2H"}, Truth.FAILS),  # it rains now, and the forecast alone counts
        ({"kind": "snow", "ahead": "PT30M"}, Truth.UNKNOWN),
        ({"kind": "snow", "temperature_c": {"lt": 1}, "ahead": "PT2H"}, Truth.HOLDS),
        ({"kind": "snow", "temperature_c": {"gt": 1}, "ahead": "PT2H"}, Truth.FAILS),  # never in one entry
        ({"uv": {"gt": 1}, "ahead": "PT2H"}, Truth.UNKNOWN),
    ],
)
def test_ahead_asks_for_one_entry_of_the_forecast_that_is_all_of_it(asked, truth):
    assert ask({"weather": asked}, scene(weather=SNOW_LATER)).truth is truth


def test_an_old_observation_does_not_spoil_the_forecast():
    weather = Weather(sky(-600, kind="clear"), (sky(60, kind="snow"),))
    assert ask({"weather": {"kind": "snow", "ahead": "PT2H"}}, scene(weather=weather)).truth is Truth.HOLDS


def test_an_entry_that_does_not_tell_leaves_a_forecast_unknown_unless_another_holds():
    silent, snow = sky(30), sky(60, kind="snow")
    asked = {"weather": {"kind": "snow", "ahead": "PT2H"}}
    assert ask(asked, scene(weather=Weather(sky(), (silent, sky(60, kind="clear"))))).truth is Truth.UNKNOWN
    assert ask(asked, scene(weather=Weather(sky(), (silent, snow)))).truth is Truth.HOLDS


@given(st.lists(st.tuples(st.integers(-60, 300), st.sampled_from(sorted(KINDS))), max_size=8), st.integers(1, 300))
def test_the_forecast_that_counts_is_after_now_and_not_after_the_end(entries, ahead):
    weather = Weather(sky(), tuple(sky(minutes, kind=kind) for minutes, kind in sorted(entries)))
    found = ask({"weather": {"kind": ["rain", "snow"], "ahead": f"PT{ahead}M"}}, scene(weather=weather))
    kinds = [kind for minutes, kind in entries if 0 < minutes <= ahead]
    if not kinds:
        assert found.truth is Truth.UNKNOWN
    else:
        assert (found.truth is Truth.HOLDS) == bool({"rain", "snow"} & set(kinds))
    assert found.values.get("entries", len(kinds)) == len(kinds)


def test_the_receipt_cites_the_entry_of_the_forecast():
    found = ask({"weather": {"kind": "snow", "ahead": "PT2H"}}, scene(weather=SNOW_LATER))
    assert datetime.fromisoformat(found.values["forecast_for"]) == NOON + timedelta(hours=2)
    assert (found.values["kind"], found.values["entries"]) == ("snow", 2)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"kind": "sunny"}, "kind"),
        ({"kind": ["rain", "sunny"]}, "kind[1]"),
        ({"kind": []}, "kind"),
        ({"kind": 3}, "kind"),
        ({"temperature": {"lte": 3}}, "temperature"),
        ({"temperature_c": 3}, "temperature_c"),
        ({"temperature_c": {"lte": "3"}}, "temperature_c.lte"),
        ({"temperature_c": {"lte": True}}, "temperature_c.lte"),
        ({"temperature_c": {"under": 3}}, "temperature_c.under"),
        ({"temperature_c": {"between": [3]}}, "temperature_c.between"),
        ({"temperature_c": {"between": [8, 3]}}, "temperature_c"),
        ({"temperature_c": {}}, "temperature_c"),
        ({"kind": "rain", "max_age": "90"}, "max_age"),
        ({"kind": "rain", "max_age": "PT1S"}, "max_age"),
        ({"kind": "rain", "ahead": "P8D"}, "ahead"),
        ({"kind": "rain", "ahead": "PT2H", "max_age": "PT2H"}, "max_age"),
    ],
)
def test_weather_that_cannot_be_asked_for_says_where(value, path):
    assert f"if.weather.{path}" in [field for field, _ in wrongs({"weather": value})]


@pytest.mark.parametrize("value", [{}, {"max_age": "PT1H"}, {"ahead": "PT1H"}, "rain"])
def test_weather_that_asks_for_nothing_is_refused(value):
    assert [field for field, _ in wrongs({"weather": value})] == ["if.weather"]


def test_the_condition_is_said_in_words():
    said = condition({"weather": {"kind": ["snow", "rain"], "wind_mps": {"lt": 8}, "ahead": "PT90M"}}).sentence()
    assert said == "weather: rain or snow, wind_mps under 8 within the next 1 hour 30 minutes"
