"""Citing the weather: each reading that decided gets an id by what it says, and is kept once.

Rule 1: a reading's id is a hash of what it says with its times counted from the observation, so that a source which
        says the same again is cited by the same id.
Rule 2: a reading is in the database before any record that cites it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from server.model.weather import Sky, Weather
from server.store import skies
from server.store.pool import Connection

_MOST = 20_000
"""Readings remembered: the cells of one refresh, twice over."""

_AGAIN = timedelta(hours=12)
"""A reading that is cited for longer is said to be in use again; its row is kept for days after that."""

_encoder = msgspec.json.Encoder()
_Reading = tuple[object, ...]


class Cited(NamedTuple):
    """A reading, and how old (ms) it was when it was used."""

    id: str
    age_ms: int


class Skies:
    """What this process has cited; one for all of its groups."""

    def __init__(self) -> None:
        """Begin with nothing cited."""
        self._known: dict[int, tuple[Weather, str]] = {}
        self._ids: dict[_Reading, str] = {}
        self._kept: dict[str, datetime] = {}
        self._new: dict[str, str] = {}

    def cite(self, weather: Weather, now: datetime) -> Cited:
        """Name a reading that is used at `now`."""
        known = self._known.get(id(weather))
        name = known[1] if known is not None else self._name(weather)
        since = self._kept.get(name)
        if (since is None or now - since > _AGAIN) and name not in self._new:
            self._new[name] = _encoder.encode(reading_of(weather)).decode()
        return Cited(name, round(1000 * (now - weather.now.at).total_seconds()))

    async def keep(self, db: Connection, now: datetime) -> None:
        """Write the readings that were cited and are not in the database yet."""
        if not self._new:
            return
        new, self._new = self._new, {}
        try:
            await skies.keep(db, skies=new)
        except BaseException:
            self._new = new | self._new
            raise
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept.update(dict.fromkeys(new, now))

    def _name(self, weather: Weather) -> str:
        if len(self._known) >= _MOST or len(self._ids) >= _MOST:
            self._known.clear()
            self._ids.clear()
        reading = reading_of(weather)
        name = self._ids.get(reading)
        if name is None:
            name = self._ids[reading] = hashlib.sha256(_encoder.encode(reading)).hexdigest()[:16]
        if weather.ahead:  # days of forecast take longer to read than to find by the object that they came in
            self._known[id(weather)] = weather, name
        return name


def reading_of(weather: Weather) -> _Reading:
    """Say a reading as it is kept: a row of figures for the observation and each forecast, seconds from it first."""
    at = weather.now.at
    return tuple(
        (
            (sky.at - at).total_seconds(),
            sky.kind,
            sky.temperature_c,
            sky.apparent_c,
            sky.precipitation_mm,
            sky.wind_mps,
            sky.humidity,
            sky.uv,
        )
        for sky in (weather.now, *weather.ahead)
    )


_Row = tuple[float, str | None, float | None, float | None, float | None, float | None, float | None, float | None]


def weather_of(reading: object, *, at: datetime) -> Weather:
    """Give the weather of a reading as it is kept, observed at an instant."""
    rows = msgspec.convert(reading, list[_Row])
    now, *ahead = (Sky(at + timedelta(seconds=row[0]), *row[1:]) for row in rows)  # type: ignore[arg-type]  # a kind of ours
    return Weather(now, tuple(ahead))
