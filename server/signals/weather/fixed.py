"""Weather that is always the same: the observation of the setting `weather.fixed`, for demonstrations and tests.

    [weather]
    provider = "fixed"
    fixed = { kind = "drizzle", temperature_c = 6.0, ahead = [{ in_h = 2, kind = "rain" }] }

`{}` is no observation: whatever depends on weather is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from server.errors import Misconfigured
from server.model.place import Point
from server.model.weather import KINDS, Kind, Sky, Weather
from server.signals.weather.bounds import BOUNDS, is_possible

_AHEAD_MAX_H = 384.0  # sixteen days, as far as anybody forecasts


class Fixed:
    """One observation, made anew at every look: never stale. A demonstration may put another in its place."""

    name = "fixed"

    def __init__(self, observation: Mapping[str, Any]) -> None:
        """Check the setting; raises Misconfigured with the key that is wrong."""
        self.observe(observation)

    @property
    def observation(self) -> Mapping[str, Any]:
        """What is observed, as it was given, without what lies ahead."""
        return dict(self._now)

    def observe(self, observation: Mapping[str, Any]) -> None:
        """Take another observation from now on; raises Misconfigured, and then keeps the one it has."""
        entries = observation.get("ahead", [])
        if not isinstance(entries, list):
            raise Misconfigured("weather.fixed.ahead: must be an array of tables")
        now = {key: value for key, value in observation.items() if key != "ahead"}
        ahead = [_entry(entry, f"weather.fixed.ahead[{number}]") for number, entry in enumerate(entries)]
        self._now, self._ahead = _quantities(now, "weather.fixed"), sorted(ahead, key=lambda entry: entry[0])

    async def at(self, point: Point, now: datetime) -> Weather | None:
        """The observation, as of now."""
        return self.get(point, now)

    def get(self, point: Point, now: datetime) -> Weather | None:
        """The observation, as of now and the same everywhere; None if the setting is empty."""
        if not self._now and not self._ahead:
            return None
        ahead = tuple(Sky(at=now + after, **quantities) for after, quantities in self._ahead)
        return Weather(Sky(at=now, **self._now), ahead)

    def watch(self, points: Iterable[Point]) -> None:
        """Nothing to do: every point is known."""


def _entry(entry: object, path: str) -> tuple[timedelta, dict[str, Any]]:
    if not isinstance(entry, dict):
        raise Misconfigured(f"{path}: must be a table")
    hours = entry.get("in_h")
    if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours <= _AHEAD_MAX_H:
        raise Misconfigured(f"{path}.in_h: must be a number of hours above 0, at most {_AHEAD_MAX_H:g}")
    return timedelta(hours=hours), _quantities({key: value for key, value in entry.items() if key != "in_h"}, path)


def _quantities(table: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The quantities of one reading as keyword arguments of Sky."""
    read: dict[str, Any] = {}
    for key, value in table.items():
        if key == "kind":
            if not isinstance(value, str) or value not in KINDS:
                raise Misconfigured(f"{path}.kind: must be one of {', '.join(sorted(KINDS))}")
            read[key] = cast("Kind", value)
        elif key not in BOUNDS:
            raise Misconfigured(f"{path}.{key}: is not known; it has kind, {', '.join(BOUNDS)}")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not is_possible(key, value):
            low, high = BOUNDS[key]
            raise Misconfigured(f"{path}.{key}: must be a number from {low:g} to {high:g}")
        else:
            read[key] = float(value)
    return read
