"""Weather from MET Norway (https://api.met.no/weatherapi/locationforecast/2.0/documentation), read as if a liar had written it.

Rule 1: its terms (https://api.met.no/doc/TermsOfService): every question names us and somebody to write to, has at most four
decimals, is not repeated before `Expires`, and says what is known already (`If-Modified-Since`).
Rule 2: `read` is pure. An answer with a wrong type, an impossible value or another unit is refused whole; a figure that is
missing is merely not known. What it calls now is the hour that has begun: a forecast, dated to the hour's beginning.
Rule 3: it knows neither drizzle nor hail, and the compact product neither felt temperature nor UV: those are unknown here.
"""

from __future__ import annotations

import importlib.metadata
import logging
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import msgspec
from aiohttp import ClientSession
from yarl import URL

from server.model.place import Point
from server.model.weather import Kind, Sky, Weather
from server.signals.fetch import DEADLINE_S, Answer, FetchFailed, ask
from server.signals.weather.bounds import is_possible
from server.signals.weather.breaker import Breaker
from server.signals.weather.kinds import with_wind

_log = logging.getLogger(__name__)

BASE: Final = "https://api.met.no"
FORECAST_HOURS: Final = 48
_KEPT_HOURS: Final = 60  # what a kept answer must still hold when it is looked at some hours later
_KEPT_MAX: Final = 10_000  # cells: as many as are ever watched
_ENTRIES_MAX: Final = 400
_LIMIT_BYTES: Final = 262_144  # ten days by the hour are some 60 KiB
_EARLY: Final = timedelta(hours=1)
_LONGEST: Final = timedelta(hours=6)  # its answers expire within the hour or two; a date of next year is a lie
_TAKEN: Final = frozenset({200, 203, 304})  # 203: the product will be switched off one day

_UNITS: Final = {
    "air_temperature": "celsius",
    "relative_humidity": "%",
    "wind_speed": "m/s",
    "precipitation_amount": "mm",
}


def _forms(*words: str) -> tuple[str, ...]:
    """Write a kind of precipitation in every strength, steady and in showers: lightrain, rainshowers, …"""
    return tuple(
        f"{strength}{word}{way}" for word in words for strength in ("light", "", "heavy") for way in ("", "showers")
    )


# https://github.com/metno/weathericons: the symbols' names, two of them with the spelling that they have there.
_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("clearsky", "fair"), "clear"),
    **dict.fromkeys(("partlycloudy", "cloudy"), "clouds"),
    "fog": "fog",
    **dict.fromkeys(_forms("rain"), "rain"),
    **dict.fromkeys(_forms("sleet"), "sleet"),
    **dict.fromkeys(_forms("snow"), "snow"),
    **dict.fromkeys((f"{form}andthunder" for form in _forms("rain", "sleet", "snow")), "thunderstorm"),
    **dict.fromkeys(("lightssleetshowersandthunder", "lightssnowshowersandthunder"), "thunderstorm"),
}


class _Instant(msgspec.Struct):
    air_temperature: float | None = None
    relative_humidity: float | None = None
    wind_speed: float | None = None


class _Details(msgspec.Struct):
    precipitation_amount: float | None = None


class _Moment(msgspec.Struct):
    details: _Instant


class _Summary(msgspec.Struct):
    symbol_code: str | None = None


class _Hour(msgspec.Struct):
    summary: _Summary = msgspec.field(default_factory=_Summary)
    details: _Details = msgspec.field(default_factory=_Details)


class _Data(msgspec.Struct):
    instant: _Moment
    next_1_hours: _Hour | None = None


class _Entry(msgspec.Struct):
    time: datetime
    data: _Data


class _Meta(msgspec.Struct):
    units: dict[str, str] = {}


class _Properties(msgspec.Struct):
    meta: _Meta
    timeseries: list[_Entry]


class _Answer(msgspec.Struct):
    properties: _Properties


_DECODER: Final = msgspec.json.Decoder(_Answer)


class _Kept(NamedTuple):
    """An answer as it was read, what the server calls its state, and until when nothing newer is to be asked for."""

    hours: tuple[Sky, ...]
    modified: str | None
    expires: datetime


class MetNo:
    """MET Norway over a client session, behind a breaker."""

    name = "met_no"

    def __init__(
        self,
        session: ClientSession,
        *,
        contact: str,
        base_url: str = BASE,
        ssl_context: ssl.SSLContext | None = None,
        breaker: Breaker | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """Ask under `base_url`; `contact` is the address in every question's User-Agent."""
        self._session, self._ssl, self._deadline_s = session, ssl_context, deadline_s
        self._url = URL(f"{base_url.rstrip('/')}/weatherapi/locationforecast/2.0/compact")
        self._agent = f"Kairos/{importlib.metadata.version('kairos')} {contact}"
        self._breaker = breaker or Breaker()
        self._kept: dict[URL, _Kept] = {}

    async def at(self, point: Point, now: datetime) -> Weather | None:
        """The weather at a point, or None; nobody is asked while the last answer is good or the breaker is open."""
        url = url_for(self._url, point)
        kept = self._kept.get(url)
        if kept is not None and now < kept.expires:
            return _pick(kept.hours, now)
        if not self._breaker.admits(now):
            return None
        try:
            found = self._take(await self._ask(url, kept), kept, now)
            reason = "an answer that cannot be believed"
        except FetchFailed as failure:
            found, reason = None, str(failure)
        weather = _pick(found.hours, now) if found is not None else None
        if found is None or weather is None:
            self._breaker.failed(now)
            _log.warning("weather: met_no gave %s", reason)
            return None
        self._breaker.succeeded()
        self._keep(url, found)
        return weather

    async def _ask(self, url: URL, kept: _Kept | None) -> Answer:
        known = {"If-Modified-Since": kept.modified} if kept is not None and kept.modified is not None else {}
        return await ask(
            self._session,
            url,
            headers={"User-Agent": self._agent, **known},
            ssl_context=self._ssl,
            deadline_s=self._deadline_s,
            limit_bytes=_LIMIT_BYTES,
            taken=_TAKEN,
        )

    def _take(self, answer: Answer, kept: _Kept | None, now: datetime) -> _Kept | None:
        """Read an answer, or take up what is known already where nothing has changed."""
        if answer.status == 203:
            _log.warning("weather: met_no says that this product will be switched off")
        expires = _expires(answer.headers.get("Expires"), now)
        if answer.status == 304:
            return None if kept is None else kept._replace(expires=expires)
        hours = _hours(answer.body)
        return None if hours is None else _Kept(hours, answer.headers.get("Last-Modified"), expires)

    def _keep(self, url: URL, found: _Kept) -> None:
        """Remember an answer; the one that was longest not asked for goes."""
        self._kept.pop(url, None)
        self._kept[url] = found
        if len(self._kept) > _KEPT_MAX:
            del self._kept[next(iter(self._kept))]


def url_for(url: URL, point: Point) -> URL:
    """The question for one point: to a hundredth of a degree, which is no more than a cell is exact."""
    return url.update_query({"lat": f"{point.lat + 0.0:.2f}", "lon": f"{point.lon + 0.0:.2f}"})


def read(body: bytes, now: datetime) -> Weather | None:
    """Read an answer: the hour that has begun, and those after it; None where it cannot be believed."""
    hours = _hours(body)
    return None if hours is None else _pick(hours, now)


def _hours(body: bytes) -> tuple[Sky, ...] | None:
    """Read every hour of an answer, earliest first."""
    try:
        properties = _DECODER.decode(body).properties
        if len(properties.timeseries) > _ENTRIES_MAX:
            raise ValueError("a forecast without end")
        if any(properties.meta.units.get(name, unit) != unit for name, unit in _UNITS.items()):
            raise ValueError("another unit")
        return tuple(sorted(map(_sky, properties.timeseries), key=lambda sky: sky.at)[:_KEPT_HOURS])
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return None


def _pick(hours: Sequence[Sky], now: datetime) -> Weather | None:
    """Take the hour that has begun, and what follows; one that is about to begin will do where there is no earlier one."""
    begun = [sky for sky in hours if sky.at <= now] or [sky for sky in hours[:1] if sky.at <= now + _EARLY]
    if not begun or (begun[-1].kind is None and begun[-1].temperature_c is None):
        return None
    current = begun[-1]
    ahead = tuple(sky for sky in hours if sky.at > max(now, current.at))
    return Weather(replace(current, at=min(current.at, now)), ahead[:FORECAST_HOURS])


def _sky(entry: _Entry) -> Sky:
    if entry.time.tzinfo is None:
        raise ValueError("a time without an offset")
    at, hour = entry.data.instant.details, entry.data.next_1_hours or _Hour()
    wind = _possible("wind_mps", at.wind_speed)
    symbol = (hour.summary.symbol_code or "").partition("_")[0]  # clearsky_day, clearsky_polartwilight
    return Sky(
        at=entry.time.astimezone(UTC),
        kind=with_wind(_KINDS.get(symbol), wind),
        temperature_c=_possible("temperature_c", at.air_temperature),
        precipitation_mm=_possible("precipitation_mm", hour.details.precipitation_amount),
        wind_mps=wind,
        humidity=_possible("humidity", at.relative_humidity),
    )


def _possible(quantity: str, value: float | None) -> float | None:
    if value is not None and not is_possible(quantity, value):
        raise ValueError("a value that cannot be")
    return value


def _expires(text: str | None, now: datetime) -> datetime:
    """Read until when an answer is good: not before now, not for longer than it ever is; at once where it is not said."""
    try:
        read_time = parsedate_to_datetime(text) if text is not None else now
    except ValueError:
        return now
    if read_time.tzinfo is None:
        return now
    return min(max(read_time, now), now + _LONGEST)
