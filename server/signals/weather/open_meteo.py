"""Weather from Open-Meteo (https://open-meteo.com/en/docs), read as if a liar had written it.

`read` is pure: the bytes of an answer in, a Weather or None out. An answer that has a wrong type, an impossible value or
an unknown unit is refused whole, since a service that is wrong in one figure is not to be believed in the next; a
figure that is missing or null is merely not known. The data are CC BY 4.0; the attribution is shown where they are.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec
from aiohttp import ClientSession
from yarl import URL

from server.model.place import Point
from server.model.weather import Kind, Sky, Weather
from server.signals.fetch import DEADLINE_S, FetchFailed, fetch
from server.signals.weather.bounds import is_possible
from server.signals.weather.breaker import Breaker
from server.signals.weather.kinds import with_wind

_log = logging.getLogger(__name__)

BASE: Final = "https://api.open-meteo.com"
FORECAST_HOURS: Final = 48
_FORECAST_MAX: Final = 400  # entries read at most: sixteen days by the hour
_EARLY: Final = timedelta(hours=1)  # an observation from farther in the future is no observation

_FIELDS: Final = (
    "temperature_2m",
    "apparent_temperature",
    "relative_humidity_2m",
    "precipitation",
    "weather_code",
    "wind_speed_10m",
    "uv_index",
)

# WMO code table 4677: Open-Meteo uses a part of it, with 0 to 3 for clouds. Codes of what is over (20 to 29, and 93 and 94,
# which leave open what falls) or not weather to walk in (dust, smoke) are unknown, not an error.
_KINDS: Final[Mapping[int, Kind]] = {
    **dict.fromkeys((0, 1), "clear"),
    **dict.fromkeys((2, 3), "clouds"),
    **dict.fromkeys(range(40, 50), "fog"),
    **dict.fromkeys(range(50, 58), "drizzle"),
    **dict.fromkeys((58, 59, *range(60, 68), 80, 81, 82, 91, 92), "rain"),
    **dict.fromkeys((68, 69, 79, 83, 84), "sleet"),
    **dict.fromkeys((*range(70, 79), 85, 86), "snow"),
    **dict.fromkeys((87, 88, 89, 90), "hail"),
    **dict.fromkeys((17, *range(95, 100)), "thunderstorm"),
}

_TO_MPS: Final = {"m/s": 1.0, "km/h": 1 / 3.6, "mp/h": 0.44704, "kn": 1852 / 3600}
_TO_MM: Final = {"mm": 1.0, "inch": 25.4}


class _Current(msgspec.Struct):
    time: int | str
    interval: int = 3600
    temperature_2m: float | None = None
    apparent_temperature: float | None = None
    relative_humidity_2m: float | None = None
    precipitation: float | None = None
    weather_code: float | None = None
    wind_speed_10m: float | None = None
    uv_index: float | None = None


class _Hourly(msgspec.Struct):
    time: list[int | str]
    temperature_2m: list[float | None] | None = None
    apparent_temperature: list[float | None] | None = None
    relative_humidity_2m: list[float | None] | None = None
    precipitation: list[float | None] | None = None
    weather_code: list[float | None] | None = None
    wind_speed_10m: list[float | None] | None = None
    uv_index: list[float | None] | None = None


class _Answer(msgspec.Struct):
    current: _Current
    utc_offset_seconds: int = 0
    current_units: dict[str, str] = {}
    hourly: _Hourly | None = None
    hourly_units: dict[str, str] = {}


class _Units(NamedTuple):
    """By what the figures of a block are multiplied."""

    to_mps: float
    to_mm_per_hour: float


_DECODER: Final = msgspec.json.Decoder(_Answer)


class OpenMeteo:
    """Open-Meteo over a client session, behind a breaker."""

    name = "open_meteo"

    def __init__(
        self,
        session: ClientSession,
        *,
        base_url: str,
        api_key: str = "",
        ssl_context: ssl.SSLContext | None = None,
        breaker: Breaker | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """Ask `{base_url}/v1/forecast`; the key, where there is one, goes with each question."""
        self._session, self._ssl, self._key, self._deadline_s = session, ssl_context, api_key, deadline_s
        self._url = URL(f"{base_url.rstrip('/')}/v1/forecast")
        self._breaker = breaker or Breaker()

    def __repr__(self) -> str:
        """Without the key."""
        return f"OpenMeteo({self._url})"

    async def at(self, point: Point, now: datetime) -> Weather | None:
        """The weather at a point, or None; at most three seconds, and no question at all while the breaker is open."""
        if not self._breaker.admits(now):
            return None
        try:
            url = url_for(self._url, point, self._key)
            body = await fetch(self._session, url, ssl_context=self._ssl, deadline_s=self._deadline_s)
            weather = read(body, now)
            reason = "an answer that cannot be believed" if weather is None else ""
        except FetchFailed as failure:
            weather, reason = None, str(failure)
        if weather is None:
            self._breaker.failed(now)
            _log.warning("weather: open_meteo gave %s", reason)
        else:
            self._breaker.succeeded()
        return weather


def url_for(url: URL, point: Point, api_key: str = "") -> URL:
    """The question for one point: to a hundredth of a degree, in metres per second, hours in UTC."""
    fields = ",".join(_FIELDS)
    question = {
        "latitude": f"{point.lat:.2f}",
        "longitude": f"{point.lon:.2f}",
        "current": fields,
        "hourly": fields,
        "forecast_hours": str(FORECAST_HOURS),
        "wind_speed_unit": "ms",
        "timezone": "GMT",
    }
    return url.update_query({**question, "apikey": api_key} if api_key else question)


def read(body: bytes, now: datetime) -> Weather | None:
    """Read an answer of `/v1/forecast`: the observation and the hours after `now`; None where it cannot be believed.

    Precipitation is given per hour, whatever interval it was summed over; wind in m/s; humidity in percent.
    """
    try:
        answer = _DECODER.decode(body)
        offset = timedelta(seconds=answer.utc_offset_seconds)
        return Weather(_observation(answer, now, offset), _forecast(answer, now, offset))
    except (msgspec.MsgspecError, ValueError, ArithmeticError, OSError, RecursionError):
        return None


def _observation(answer: _Answer, now: datetime, offset: timedelta) -> Sky:
    current = answer.current
    at = _instant(current.time, offset)
    if at > now + _EARLY:
        raise ValueError("an observation from the future")
    if not 1 <= current.interval <= 86_400:
        raise ValueError("an interval that cannot be")
    figures = {field: getattr(current, field) for field in _FIELDS}
    if figures["weather_code"] is None and figures["temperature_2m"] is None:
        raise ValueError("an observation of nothing")
    return _sky(min(at, now), figures, _units(answer.current_units, current.interval))


def _forecast(answer: _Answer, now: datetime, offset: timedelta) -> tuple[Sky, ...]:
    hourly = answer.hourly
    if hourly is None:
        return ()
    columns = {field: getattr(hourly, field) for field in _FIELDS}
    lengths = {len(column) for column in columns.values() if column is not None}
    if lengths - {len(hourly.time)} or len(hourly.time) > _FORECAST_MAX:
        raise ValueError("columns of different lengths, or too long")
    units = _units(answer.hourly_units, 3600)
    entries = [
        _sky(
            _instant(time, offset), {field: column[row] if column else None for field, column in columns.items()}, units
        )
        for row, time in enumerate(hourly.time)
    ]
    ahead = sorted((entry for entry in entries if entry.at > now), key=lambda entry: entry.at)
    return tuple(ahead[:FORECAST_HOURS])


@lru_cache(maxsize=1024)  # every cell has the same hours, and need not have them of its own
def _instant(time: int | str, offset: timedelta) -> datetime:
    """Unix seconds, or ISO 8601: local to the answer's offset where it has none of its own."""
    if isinstance(time, int):
        return datetime.fromtimestamp(time, UTC)
    read_time = datetime.fromisoformat(time)
    return (read_time.replace(tzinfo=UTC) - offset) if read_time.tzinfo is None else read_time.astimezone(UTC)


def _units(named: Mapping[str, str], interval_s: int) -> _Units:
    """The factors for a block's units; raises ValueError for units that are none of those Open-Meteo can give."""
    celsius = {named.get("temperature_2m", "°C"), named.get("apparent_temperature", "°C")}
    wind, rain = named.get("wind_speed_10m", "m/s"), named.get("precipitation", "mm")
    if celsius != {"°C"} or wind not in _TO_MPS or rain not in _TO_MM:
        raise ValueError("a unit that was not asked for")
    return _Units(_TO_MPS[wind], _TO_MM[rain] * 3600 / interval_s)


def _sky(at: datetime, figures: Mapping[str, float | None], units: _Units) -> Sky:
    wind = _possible("wind_mps", figures["wind_speed_10m"], units.to_mps)
    return Sky(
        at=at,
        kind=_kind(figures["weather_code"], wind),
        temperature_c=_possible("temperature_c", figures["temperature_2m"]),
        apparent_c=_possible("apparent_c", figures["apparent_temperature"]),
        precipitation_mm=_possible("precipitation_mm", figures["precipitation"], units.to_mm_per_hour),
        wind_mps=wind,
        humidity=_possible("humidity", figures["relative_humidity_2m"]),
        uv=_possible("uv", figures["uv_index"]),
    )


@lru_cache(maxsize=16_384)  # figures come with one decimal: thousands of cells share some hundred of them
def _possible(quantity: str, value: float | None, factor: float = 1.0) -> float | None:
    if value is None:
        return None
    scaled = round(value * factor, 3)
    if not is_possible(quantity, scaled):
        raise ValueError("a value that cannot be")
    return scaled


def _kind(code: float | None, wind_mps: float | None) -> Kind | None:
    if code is None:
        return None
    if not 0 <= code <= 99 or code != int(code):
        raise ValueError("no WMO code")
    return with_wind(_KINDS.get(int(code)), wind_mps)
