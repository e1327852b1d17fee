"""Open-Meteo's answers: read whole, converted, and refused whole where one figure cannot be believed."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from math import inf, nan
from typing import Any

import pytest
from aiohttp import ClientSession, web
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from server.model.place import Point
from server.model.weather import KINDS, Sky
from server.signals.weather.breaker import FAILURES, PAUSE
from server.signals.weather.open_meteo import FORECAST_HOURS, OpenMeteo, read, url_for
from tests.signals.standin import standing_in

NOW = datetime(2026, 11, 23, 7, 20, tzinfo=UTC)
BERLIN = Point(52.52, 13.405)

# The shape of a real answer to url_for(…), shortened to four hours.
ANSWER: dict[str, Any] = {
    "latitude": 52.52,
    "longitude": 13.419998,
    "generationtime_ms": 0.12,
    "utc_offset_seconds": 0,
    "timezone": "GMT",
    "timezone_abbreviation": "GMT",
    "elevation": 38.0,
    "current_units": {
        "time": "iso8601",
        "interval": "seconds",
        "temperature_2m": "°C",
        "apparent_temperature": "°C",
        "relative_humidity_2m": "%",
        "precipitation": "mm",
        "weather_code": "wmo code",
        "wind_speed_10m": "m/s",
        "uv_index": "",
    },
    "current": {
        "time": "2026-11-23T07:15",
        "interval": 900,
        "temperature_2m": 6.1,
        "apparent_temperature": 2.8,
        "relative_humidity_2m": 93,
        "precipitation": 0.1,
        "weather_code": 51,
        "wind_speed_10m": 4.2,
        "uv_index": 0.05,
    },
    "hourly_units": {"time": "iso8601", "temperature_2m": "°C", "precipitation": "mm", "wind_speed_10m": "m/s"},
    "hourly": {
        "time": ["2026-11-23T07:00", "2026-11-23T08:00", "2026-11-23T09:00", "2026-11-23T10:00"],
        "temperature_2m": [6.0, 6.4, 7.1, None],
        "apparent_temperature": [2.7, 3.0, 3.9, 4.1],
        "relative_humidity_2m": [93, 92, 90, 88],
        "precipitation": [0.2, 0.4, 0.0, 0.0],
        "weather_code": [51, 61, 3, None],
        "wind_speed_10m": [4.0, 4.4, 5.0, 5.2],
        "uv_index": [0.0, 0.1, 0.3, 0.5],
    },
}


def answer(path: str = "", value: Any = None) -> bytes:
    """The answer as bytes, with one value changed: `current.time`, `hourly.precipitation.2`."""
    made: Any = copy.deepcopy(ANSWER)
    at = made
    steps = [int(step) if step.isdigit() else step for step in path.split(".")] if path else []
    for step in steps[:-1]:
        at = at[step]
    if steps:
        at[steps[-1]] = value
    return json.dumps(made).encode()


def now_of(body: bytes) -> Sky:
    weather = read(body, NOW)
    assert weather is not None
    return weather.now


def test_an_answer_becomes_an_observation_and_the_hours_ahead() -> None:
    weather = read(answer(), NOW)
    assert weather is not None
    assert weather.now == Sky(
        at=datetime(2026, 11, 23, 7, 15, tzinfo=UTC),
        kind="drizzle",
        temperature_c=6.1,
        apparent_c=2.8,
        precipitation_mm=0.4,  # 0.1 mm in 15 minutes, per hour
        wind_mps=4.2,
        humidity=93.0,
        uv=0.05,
    )
    assert [sky.at.hour for sky in weather.ahead] == [8, 9, 10]
    assert [sky.kind for sky in weather.ahead] == ["rain", "clouds", None]
    assert [sky.precipitation_mm for sky in weather.ahead] == [0.4, 0.0, 0.0]
    assert weather.ahead[2].temperature_c is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0, "clear"), (1, "clear"), (2, "clouds"), (3, "clouds"), (45, "fog"), (48, "fog"),
        (51, "drizzle"), (53, "drizzle"), (55, "drizzle"), (56, "drizzle"), (57, "drizzle"),
        (61, "rain"), (63, "rain"), (65, "rain"), (66, "rain"), (67, "rain"),
        (71, "snow"), (73, "snow"), (75, "snow"), (77, "snow"), (80, "rain"), (81, "rain"), (82, "rain"),
        (85, "snow"), (86, "snow"), (95, "thunderstorm"), (96, "thunderstorm"), (99, "thunderstorm"),
        (68, "sleet"), (84, "sleet"), (89, "hail"), (42, "fog"), (25, None),
    ],
)  # fmt: skip
def test_every_code_of_the_documentation_is_one_of_our_kinds(code: int, kind: str | None) -> None:
    assert now_of(answer("current.weather_code", code)).kind == kind


# What the codes of present weather mean, shortened from the WMO's Manual on Codes (WMO-No. 306), table 4677.
WMO = """
17 thunderstorm, no precipitation
40-49 fog or ice fog
50-55 drizzle, not freezing
56-57 drizzle, freezing
58-59 drizzle and rain
60-65 rain, not freezing
66-67 rain, freezing
68-69 rain or drizzle and snow
70-75 snowflakes
76 diamond dust
77 snow grains
78 star-like snow crystals
79 ice pellets
80-82 rain showers
83-84 showers of rain and snow
85-86 snow showers
87-88 showers of snow pellets or small hail
89-90 showers of hail
91-92 rain, thunderstorm over
95 thunderstorm with rain or snow
96 thunderstorm with hail
97 thunderstorm, heavy, with rain or snow
98 thunderstorm with duststorm
99 thunderstorm, heavy, with hail
"""


def kind_of(phrase: str) -> str:
    """Read a phrase of the table as a person would: what is worst is what the weather is."""
    words = set(phrase.replace(",", "").split())
    if words & {"thunderstorm"} and "over" not in words:
        return "thunderstorm"
    if "hail" in words:
        return "hail"
    if {"rain", "snow"} <= words or {"ice", "pellets"} <= words:
        return "sleet"
    if words & {"snow", "snowflakes", "diamond"}:
        return "snow"
    return next(kind for kind in ("rain", "drizzle", "fog") if kind in words)


def test_every_code_of_the_wmos_table_is_what_its_words_say() -> None:
    said: dict[int, str | None] = dict.fromkeys(range(4, 100)) | {0: "clear", 1: "clear", 2: "clouds", 3: "clouds"}
    for line in WMO.strip().splitlines():
        codes, _, phrase = line.partition(" ")
        first, _, last = codes.partition("-")
        said |= dict.fromkeys(range(int(first), int(last or first) + 1), kind_of(phrase))
    assert {code: now_of(answer("current.weather_code", code)).kind for code in range(100)} == said
    assert {kind for kind in said.values() if kind} == KINDS - {"wind"}


def test_a_gale_under_a_dry_sky_is_wind_and_in_the_rain_it_is_rain() -> None:
    windy = json.loads(answer("current.wind_speed_10m", 18))
    assert now_of(json.dumps(windy).encode()).kind == "drizzle"
    windy["current"]["weather_code"] = 3
    assert now_of(json.dumps(windy).encode()).kind == "wind"


def test_other_units_that_open_meteo_has_are_converted() -> None:
    other = json.loads(answer())
    other["current_units"].update({"wind_speed_10m": "km/h", "precipitation": "inch"})
    other["current"].update({"wind_speed_10m": 36, "precipitation": 0.01})
    sky = now_of(json.dumps(other).encode())
    assert sky.wind_mps == 10
    assert sky.precipitation_mm == pytest.approx(0.01 * 25.4 * 4, abs=1e-3)


@pytest.mark.parametrize(
    ("path", "value"),
    [("current_units.temperature_2m", "°F"), ("current_units.apparent_temperature", "K"),
     ("current_units.wind_speed_10m", "furlongs"), ("hourly_units.temperature_2m", "°F"),
     ("hourly_units.precipitation", "cups"), ("current_units.wind_speed_10m", 7)],
)  # fmt: skip
def test_a_unit_that_was_not_asked_for_is_not_guessed(path: str, value: Any) -> None:
    assert read(answer(path, value), NOW) is None


def test_unix_seconds_and_offsets_are_understood() -> None:
    stamp = int(datetime(2026, 11, 23, 7, 15, tzinfo=UTC).timestamp())
    assert now_of(answer("current.time", stamp)).at == datetime(2026, 11, 23, 7, 15, tzinfo=UTC)
    local = json.loads(answer("current.time", "2026-11-23T08:15"))
    local["utc_offset_seconds"] = 3600
    assert now_of(json.dumps(local).encode()).at == datetime(2026, 11, 23, 7, 15, tzinfo=UTC)
    assert now_of(answer("current.time", "2026-11-23T08:15+01:00")).at == datetime(2026, 11, 23, 7, 15, tzinfo=UTC)


def test_a_short_answer_is_enough_and_what_is_missing_is_not_known() -> None:
    short = {"current": {"time": "2026-11-23T07:15", "weather_code": 61}}
    weather = read(json.dumps(short).encode(), NOW)
    assert weather is not None
    assert weather.now == Sky(datetime(2026, 11, 23, 7, 15, tzinfo=UTC), "rain")
    assert weather.ahead == ()


def test_nothing_is_observed_in_the_future() -> None:
    assert now_of(answer("current.time", "2026-11-23T07:50")).at == NOW
    assert read(answer("current.time", "2026-11-23T08:21"), NOW) is None


def test_an_old_observation_keeps_its_time() -> None:
    assert now_of(answer("current.time", "2026-11-20T07:15")).at == datetime(2026, 11, 20, 7, 15, tzinfo=UTC)


def test_the_forecast_is_sorted_bounded_and_only_of_the_future() -> None:
    long = json.loads(answer())
    hours = [NOW.replace(minute=0) + timedelta(hours=n) for n in range(200)][::-1]
    long["hourly"] = {"time": [f"{hour:%Y-%m-%dT%H:%M}" for hour in hours], "temperature_2m": [7.0] * 200}
    weather = read(json.dumps(long).encode(), NOW)
    assert weather is not None
    assert len(weather.ahead) == FORECAST_HOURS
    assert [sky.at for sky in weather.ahead] == sorted(sky.at for sky in weather.ahead)
    assert weather.ahead[0].at == datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.mark.parametrize("path", ["current.temperature_2m", "current.precipitation", "current.wind_speed_10m",
                                  "current.relative_humidity_2m", "current.uv_index", "current.weather_code",
                                  "current.apparent_temperature", "hourly.temperature_2m.1", "hourly.weather_code.3",
                                  "hourly.precipitation.0"])  # fmt: skip
@pytest.mark.parametrize("value", ["6.1", True, [], {}, nan, inf, -inf, 1e30, -400, 10**400])
def test_a_wrong_type_or_an_impossible_value_refuses_the_whole_answer(path: str, value: Any) -> None:
    assert read(answer(path, value), NOW) is None


def test_a_number_too_large_to_be_one_is_refused() -> None:
    assert read(answer().replace(b'"temperature_2m": 6.1', b'"temperature_2m": 1e999'), NOW) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("current", None), ("current", []), ("current.time", None), ("current.time", "yesterday"),
        ("current.time", 1e12), ("current.time", 10**30), ("current.time", [2026]), ("current.interval", 0),
        ("current.interval", -900), ("current.interval", 10**9), ("current.weather_code", 51.5),
        ("current.weather_code", 100), ("utc_offset_seconds", "0"), ("utc_offset_seconds", 10**18),
        ("current_units", []), ("hourly", []), ("hourly.time", None), ("hourly.time", ["2026-11-23T08:00"]),
        ("hourly.time.2", "soon"), ("hourly.precipitation", [0.1]), ("hourly.precipitation", 0.1),
        ("hourly", {"time": ["2026-11-23T08:00"] * 401}),
    ],
)  # fmt: skip
def test_an_answer_of_another_shape_is_refused(path: str, value: Any) -> None:
    assert read(answer(path, value), NOW) is None


def test_an_observation_of_nothing_is_none() -> None:
    assert read(b'{"current": {"time": "2026-11-23T07:15", "uv_index": 0}}', NOW) is None


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b"7", b"<html>Bad gateway</html>", b"\xff\xfe", b"{" * 60_000, b"[" * 60_000,
     answer() + b"x", answer()[:-1], b'{"current": NaN}', b'{"error": true, "reason": "Daily limit exceeded."}'],
)  # fmt: skip
def test_what_is_no_answer_is_none(body: bytes) -> None:
    assert read(body, NOW) is None


def test_deep_nesting_in_a_member_nobody_reads_is_no_trouble() -> None:
    body = b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"," + answer()[1:]
    assert read(body, NOW) is None


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=True), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
paths = st.sampled_from(["current", "hourly", "current_units", "utc_offset_seconds", "current.time", "current.interval",
                         "current.temperature_2m", "hourly.time", "hourly.time.1", "hourly.uv_index.0"])  # fmt: skip


@given(path=paths, value=json_values)
@settings(max_examples=300, deadline=None)
def test_whatever_is_put_anywhere_the_answer_is_read_or_refused_and_never_raises(path: str, value: Any) -> None:
    weather = read(answer(path, value), NOW)
    assert weather is None or (weather.now.at <= NOW and all(sky.at > NOW for sky in weather.ahead))


def test_the_question_names_the_place_coarsely_and_asks_for_our_units() -> None:
    url = url_for(URL("https://api.open-meteo.com/v1/forecast"), Point(52.5512345, -0.0512345))
    assert url.path == "/v1/forecast"
    assert (url.query["latitude"], url.query["longitude"]) == ("52.55", "-0.05")
    assert url.query["wind_speed_unit"] == "ms"
    assert url.query["timezone"] == "GMT"
    assert {"temperature_2m", "weather_code", "precipitation"} <= set(url.query["current"].split(","))
    assert "apikey" not in url.query


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as opened:
        yield opened


async def test_it_asks_v1_forecast_under_the_base_with_the_key(session: ClientSession) -> None:
    asked: list[web.Request] = []

    async def serve(request: web.Request) -> web.Response:
        asked.append(request)
        return web.json_response(ANSWER)

    async with standing_in(serve) as base:
        provider = OpenMeteo(session, base_url=f"{base}/sub/", api_key="canary-key")
        weather = await provider.at(BERLIN, NOW)
    assert weather is not None
    assert weather.now.kind == "drizzle"
    assert asked[0].path == "/sub/v1/forecast"
    assert asked[0].query["apikey"] == "canary-key"
    assert "canary" not in repr(provider)


@pytest.mark.parametrize(
    "response",
    [{"status": 500}, {"status": 200, "text": "<html>"}, {"status": 302, "headers": {"Location": "/elsewhere"}},
     {"body": answer("current.temperature_2m", nan)}, {"body": answer("current.temperature_2m", "6")},
     {"body": answer() + b" " * 70_000}, {"body": answer(), "headers": {"Content-Encoding": "gzip"}}],
)  # fmt: skip
async def test_a_provider_that_lies_gives_none_and_five_lies_give_it_a_rest(
    session: ClientSession, response: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    async def serve(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(**response)

    async with standing_in(serve) as base:
        provider = OpenMeteo(session, base_url=base, api_key="canary-key")
        with caplog.at_level(logging.DEBUG):
            for _ in range(FAILURES + 10):
                assert await provider.at(BERLIN, NOW) is None
        assert asked == ["/v1/forecast"] * FAILURES
        assert await provider.at(BERLIN, NOW + PAUSE) is None
        assert len(asked) == FAILURES + 1
    assert "canary" not in caplog.text
    assert "52.5" not in caplog.text


async def test_after_the_pause_a_provider_that_is_well_again_is_heard(session: ClientSession) -> None:
    ill = True

    async def serve(request: web.Request) -> web.Response:
        return web.Response(status=503) if ill else web.json_response(ANSWER)

    async with standing_in(serve) as base:
        provider = OpenMeteo(session, base_url=base)
        for _ in range(FAILURES):
            await provider.at(BERLIN, NOW)
        ill = False
        assert await provider.at(BERLIN, NOW) is None
        assert await provider.at(BERLIN, NOW + PAUSE) is not None
        assert await provider.at(BERLIN, NOW + PAUSE) is not None
