"""MET Norway's answers: read whole or refused whole, its terms kept to the letter."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from math import inf, nan
from typing import Any

import pytest
from aiohttp import ClientSession, web
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from server.model.place import Point
from server.model.weather import Sky
from server.signals.weather.breaker import FAILURES, PAUSE
from server.signals.weather.met_no import FORECAST_HOURS, MetNo, read, url_for
from tests.signals.standin import standing_in

NOW = datetime(2026, 11, 23, 7, 20, tzinfo=UTC)
BERLIN = Point(52.52, 13.405)
US = "us@example.org"


def entry(
    hour: int, symbol: str | None, temperature: float | None, millimetres: float | None, wind: float = 4.2
) -> dict[str, Any]:
    """One step of a time series, as the compact product has it."""
    data: dict[str, Any] = {
        "instant": {
            "details": {
                "air_pressure_at_sea_level": 1013.4,
                "air_temperature": temperature,
                "cloud_area_fraction": 97.7,
                "relative_humidity": 93.1,
                "wind_from_direction": 210.5,
                "wind_speed": wind,
            }
        },
        "next_12_hours": {"summary": {"symbol_code": "rain"}, "details": {}},
        "next_6_hours": {"summary": {"symbol_code": "rain"}, "details": {"precipitation_amount": 3.1}},
    }
    if symbol is not None:
        data["next_1_hours"] = {"summary": {"symbol_code": symbol}, "details": {"precipitation_amount": millimetres}}
    return {"time": f"2026-11-23T{hour:02}:00:00Z", "data": data}


# The shape of a real answer, shortened to five hours.
ANSWER: dict[str, Any] = {
    "type": "Feature",
    "geometry": {"type": "Point", "coordinates": [13.4, 52.52, 38]},
    "properties": {
        "meta": {
            "updated_at": "2026-11-23T06:32:10Z",
            "units": {
                "air_pressure_at_sea_level": "hPa",
                "air_temperature": "celsius",
                "cloud_area_fraction": "%",
                "precipitation_amount": "mm",
                "relative_humidity": "%",
                "wind_from_direction": "degrees",
                "wind_speed": "m/s",
            },
        },
        "timeseries": [
            entry(6, "cloudy", 5.5, 0.0),
            entry(7, "lightrain", 6.1, 0.4),
            entry(8, "heavysnowshowers_day", 0.2, 2.0),
            entry(9, "fair_day", 2.0, 0.0, wind=18.0),
            entry(10, None, 3.0, None),
        ],
    },
}


def answer(path: str = "", value: Any = None) -> bytes:
    """The answer as bytes, with one value changed: `properties.timeseries.1.time`."""
    made: Any = copy.deepcopy(ANSWER)
    at = made
    steps = [int(step) if step.isdigit() else step for step in path.split(".")] if path else []
    for step in steps[:-1]:
        at = at[step]
    if steps:
        at[steps[-1]] = value
    return json.dumps(made).encode()


DETAILS = "properties.timeseries.1.data.instant.details"
HOUR = "properties.timeseries.1.data.next_1_hours"


def test_an_answer_becomes_the_hour_that_has_begun_and_the_hours_ahead() -> None:
    weather = read(answer(), NOW)
    assert weather is not None
    assert weather.now == Sky(
        at=datetime(2026, 11, 23, 7, tzinfo=UTC),
        kind="rain",
        temperature_c=6.1,
        precipitation_mm=0.4,
        wind_mps=4.2,
        humidity=93.1,
    )
    assert [(sky.at.hour, sky.kind, sky.precipitation_mm) for sky in weather.ahead] == [
        (8, "snow", 2.0), (9, "wind", 0.0), (10, None, None)
    ]  # fmt: skip
    assert weather.ahead[2].temperature_c == 3.0


# Every symbol of the weather icons' list (without day, night and polar twilight), and what a person calls it.
SYMBOLS = """
clearsky clear, cloudy clouds, fair clear, fog fog, partlycloudy clouds
heavyrain rain, heavyrainandthunder thunderstorm, heavyrainshowers rain, heavyrainshowersandthunder thunderstorm
heavysleet sleet, heavysleetandthunder thunderstorm, heavysleetshowers sleet, heavysleetshowersandthunder thunderstorm
heavysnow snow, heavysnowandthunder thunderstorm, heavysnowshowers snow, heavysnowshowersandthunder thunderstorm
lightrain rain, lightrainandthunder thunderstorm, lightrainshowers rain, lightrainshowersandthunder thunderstorm
lightsleet sleet, lightsleetandthunder thunderstorm, lightsleetshowers sleet, lightssleetshowersandthunder thunderstorm
lightsnow snow, lightsnowandthunder thunderstorm, lightsnowshowers snow, lightssnowshowersandthunder thunderstorm
rain rain, rainandthunder thunderstorm, rainshowers rain, rainshowersandthunder thunderstorm
sleet sleet, sleetandthunder thunderstorm, sleetshowers sleet, sleetshowersandthunder thunderstorm
snow snow, snowandthunder thunderstorm, snowshowers snow, snowshowersandthunder thunderstorm
"""
NAMED = dict(pair.split() for line in SYMBOLS.strip().splitlines() for pair in line.split(","))


@pytest.mark.parametrize("suffix", ["", "_day", "_night", "_polartwilight"])
def test_every_symbol_is_one_of_our_kinds_by_day_and_by_night(suffix: str) -> None:
    assert len(NAMED) == 41
    found = {}
    for symbol in NAMED:
        weather = read(answer(f"{HOUR}.summary.symbol_code", symbol + suffix), NOW)
        assert weather is not None
        found[symbol] = weather.now.kind
    assert found == NAMED


@pytest.mark.parametrize("symbol", ["frogs", "", None, "rainbow_day", "_day"])
def test_a_symbol_that_nobody_knows_is_not_known_and_no_error(symbol: str | None) -> None:
    weather = read(answer(f"{HOUR}.summary.symbol_code", symbol), NOW)
    assert weather is not None
    assert (weather.now.kind, weather.now.temperature_c) == (None, 6.1)


@pytest.mark.parametrize(
    ("now", "hour", "at"),
    [
        (NOW.replace(minute=0), 7, NOW.replace(minute=0)),
        (NOW.replace(hour=6, minute=59, second=59), 6, NOW.replace(hour=6, minute=0)),
        (NOW.replace(hour=5, minute=0), 6, NOW.replace(hour=5, minute=0)),  # about to begin, and nothing before it
        (NOW.replace(hour=4, minute=59), None, None),
        (NOW.replace(hour=23, minute=0), 10, NOW.replace(hour=10, minute=0)),  # old: its age is judged where it is used
    ],
)
def test_the_hour_that_has_begun_is_now(now: datetime, hour: int | None, at: datetime | None) -> None:
    weather = read(answer(), now)
    assert (weather is None) is (hour is None)
    if weather is not None:
        temperature = {6: 5.5, 7: 6.1, 10: 3.0}[hour or 0]
        assert (weather.now.temperature_c, weather.now.at) == (temperature, at)
        assert all(sky.at > max(now, weather.now.at) for sky in weather.ahead)


def test_the_forecast_is_sorted_and_bounded() -> None:
    long = json.loads(answer())
    first = NOW.replace(minute=0)
    long["properties"]["timeseries"] = [
        {**entry(0, "fog", 1.0, 0.0), "time": (first + timedelta(hours=n)).isoformat()} for n in range(90)
    ][::-1]
    weather = read(json.dumps(long).encode(), NOW)
    assert weather is not None
    assert [sky.at for sky in weather.ahead] == [first + timedelta(hours=n + 1) for n in range(FORECAST_HOURS)]


@pytest.mark.parametrize("unit", ["air_temperature", "wind_speed", "precipitation_amount", "relative_humidity"])
def test_another_unit_is_not_guessed(unit: str) -> None:
    assert read(answer(f"properties.meta.units.{unit}", "fahrenheit"), NOW) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [(path, value) for path in (f"{DETAILS}.air_temperature", f"{DETAILS}.wind_speed", f"{HOUR}.details.precipitation_amount")
     for value in ("6.1", True, [], nan, inf, 1e30, -400, 10**400)]
    + [("properties", None), ("properties.meta", None), ("properties.timeseries", None), ("properties.timeseries", {}),
       ("properties.timeseries.1", None), ("properties.timeseries.1.time", "soon"), ("properties.timeseries.1.time", 7),
       ("properties.timeseries.1.time", "2026-11-23T07:00:00"), ("properties.timeseries.1.data", []),
       ("properties.timeseries", [entry(7, "fog", 1.0, 0.0)] * 401), (f"{HOUR}.summary.symbol_code", 7)],
)  # fmt: skip
def test_a_wrong_type_an_impossible_value_or_another_shape_refuses_the_whole_answer(path: str, value: Any) -> None:
    assert read(answer(path, value), NOW) is None


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b"<html>403 Forbidden</html>", b"\xff\xfe", b"{" * 60_000, answer()[:-1],
             answer("properties.timeseries", []), answer(f"{DETAILS}.air_temperature", None).replace(b'"lightrain"', b"null")]
)  # fmt: skip
def test_what_is_no_answer_and_an_hour_of_nothing_are_none(body: bytes) -> None:
    assert read(body, NOW) is None


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=True), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
paths = st.sampled_from(["properties", "properties.meta.units", "properties.timeseries", "properties.timeseries.1",
                         "properties.timeseries.1.time", "properties.timeseries.2.data", DETAILS, HOUR])  # fmt: skip


@given(path=paths, value=json_values)
@settings(max_examples=150, deadline=None)
def test_whatever_is_put_anywhere_the_answer_is_read_or_refused_and_never_raises(path: str, value: Any) -> None:
    weather = read(answer(path, value), NOW)
    assert weather is None or (weather.now.at <= NOW and all(sky.at > NOW for sky in weather.ahead))


def test_the_question_has_no_more_decimals_than_the_terms_allow() -> None:
    url = url_for(URL("https://api.met.no/weatherapi/locationforecast/2.0/compact"), Point(52.5512345, -0.0012345))
    assert (url.query["lat"], url.query["lon"]) == ("52.55", "-0.00")
    assert all(len(value.partition(".")[2]) <= 4 for value in url.query.values())


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as opened:
        yield opened


class Met:
    """A stand-in that keeps MET Norway's terms on its side, and notes what it is asked."""

    def __init__(self, *, expires: datetime | str | None = NOW + timedelta(minutes=30)) -> None:
        self.asked: list[web.Request] = []
        self.status, self.body, self.expires = 200, answer(), expires
        self.modified = "Mon, 23 Nov 2026 06:32:10 GMT"

    async def __call__(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        headers = {"Last-Modified": self.modified}
        if self.expires is not None:
            headers["Expires"] = (
                self.expires if isinstance(self.expires, str) else format_datetime(self.expires, usegmt=True)
            )
        if self.status == 200 and request.headers.get("If-Modified-Since") == self.modified:
            return web.Response(status=304, headers=headers)
        return web.Response(status=self.status, body=self.body, headers=headers)


async def test_it_says_who_asks_and_asks_the_compact_product(session: ClientSession) -> None:
    met = Met()
    async with standing_in(met) as base:
        weather = await MetNo(session, base_url=f"{base}/sub/", contact=US).at(BERLIN, NOW)
    assert weather is not None
    assert weather.now.kind == "rain"
    [request] = met.asked
    assert request.path == "/sub/weatherapi/locationforecast/2.0/compact"
    assert dict(request.query) == {"lat": "52.52", "lon": "13.40"}
    assert request.headers["User-Agent"].startswith("Kairos/")
    assert request.headers["User-Agent"].endswith(f" {US}")


async def test_before_it_expires_nobody_is_asked_and_the_hour_goes_on_all_the_same(session: ClientSession) -> None:
    met = Met(expires=NOW + timedelta(minutes=45))
    async with standing_in(met) as base:
        provider = MetNo(session, base_url=base, contact=US)
        await provider.at(BERLIN, NOW)
        later = await provider.at(BERLIN, NOW + timedelta(minutes=44))
        assert later is not None
        assert (len(met.asked), later.now.kind, later.now.at.hour) == (1, "snow", 8)
        await provider.at(Point(48.1, 11.5), NOW)
        assert len(met.asked) == 2
        await provider.at(BERLIN, NOW + timedelta(minutes=45))
        assert len(met.asked) == 3


async def test_what_has_not_changed_is_not_sent_again(session: ClientSession) -> None:
    met = Met(expires=NOW)
    async with standing_in(met) as base:
        provider = MetNo(session, base_url=base, contact=US)
        first = await provider.at(BERLIN, NOW)
        met.expires = NOW + timedelta(hours=1)
        assert await provider.at(BERLIN, NOW) == first
        assert [request.headers.get("If-Modified-Since") for request in met.asked] == [None, met.modified]
        assert await provider.at(BERLIN, NOW + timedelta(minutes=59)) is not None
        assert len(met.asked) == 2


@pytest.mark.parametrize(
    ("expires", "again"),
    [
        (None, timedelta(0)),
        ("soon", timedelta(0)),
        ("Mon, 23 Nov 2026 09:00:00 -0000", timedelta(0)),  # says that it has no zone
        (NOW - timedelta(days=1), timedelta(0)),
        (NOW + timedelta(days=400), timedelta(hours=6)),
    ],
)
async def test_a_date_of_expiry_that_is_missing_wrong_or_far_is_not_believed(
    session: ClientSession, expires: datetime | str | None, again: timedelta
) -> None:
    met = Met(expires=expires)
    async with standing_in(met) as base:
        provider = MetNo(session, base_url=base, contact=US)
        await provider.at(BERLIN, NOW)
        if again:
            await provider.at(BERLIN, NOW + again - timedelta(seconds=1))
            assert len(met.asked) == 1
        await provider.at(BERLIN, NOW + again)
        assert len(met.asked) == 2


@pytest.mark.parametrize(
    ("status", "body"), [(403, b""), (429, b""), (500, b""), (304, b""), (200, b"<html>"), (200, b" " * 300_000)]
)
async def test_no_answer_is_none_and_after_some_nobody_asks_for_a_while(
    session: ClientSession, caplog: pytest.LogCaptureFixture, status: int, body: bytes
) -> None:
    met = Met()
    met.status, met.body = status, body
    async with standing_in(met) as base:
        provider = MetNo(session, base_url=base, contact=US)
        with caplog.at_level(logging.WARNING):
            for _ in range(FAILURES + 2):
                assert await provider.at(BERLIN, NOW) is None
        assert len(met.asked) == FAILURES
        assert US not in caplog.text
        met.status, met.body = 200, answer()
        assert await provider.at(BERLIN, NOW + PAUSE) is not None


async def test_a_product_that_will_be_switched_off_is_used_and_told(
    session: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    met = Met()
    met.status = 203
    async with standing_in(met) as base:
        with caplog.at_level(logging.WARNING):
            assert await MetNo(session, base_url=base, contact=US).at(BERLIN, NOW) is not None
    assert "switched off" in caplog.text
