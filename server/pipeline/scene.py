"""The scene of a demonstration: its day and its sky can be changed while it runs, for everybody in it at once.

Rule 1: nothing is pretended. The day is the database's own clock, moved for every connection of the house; the sky is the
        source of weather that the rules ask. What happens afterwards happened for the same reasons as ever.
Rule 2: time goes forward only. Who had three offers this week has had them; a clock that was put back would make rows of
        the future, and nothing that was counted could be believed. The next start of the demo begins anew.
Rule 3: only `kairos demo` makes one; every other house has none, and no way to get one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, Final, NamedTuple

from server.decision.wall import instant_of, zone_named
from server.errors import Conflict
from server.model.weather import Kind
from server.signals.weather.base import Source
from server.signals.weather.fixed import Fixed
from server.store import time_machine
from server.store.clock import DatabaseClock
from server.store.pool import connect

FARTHEST: Final = timedelta(days=60)
"""Beyond it the demonstration's certificates and the week behind it would begin to matter."""

_WEEK: Final = 7
_RAIN_MM: Final[Mapping[Kind, float]] = {
    "drizzle": 0.4,
    "rain": 2.1,
    "sleet": 1.2,
    "snow": 1.0,
    "hail": 3.0,
    "thunderstorm": 6.0,
}
"""What falls in an hour under each sky; nothing under the others."""


class TooFar(Conflict):
    """The scene's day cannot be moved on any further; start the demo anew."""

    code, title = "too_far", "Too far"


class Turned(Conflict):
    """Somebody else has moved the day in this moment; look again."""

    code, title = "turned", "The day was moved meanwhile"


class NoSky(Conflict):
    """The weather of this demonstration comes from a provider, and nobody can choose it."""

    code, title = "no_sky", "Real weather"


class Seen(NamedTuple):
    """The scene as it stands: its time, how far that is ahead of the world's, and its sky."""

    now: datetime
    ahead: timedelta
    kind: Kind | None
    temperature_c: float | None


class Scene:
    """A demonstration's day and sky. `owner` is the address of a database with a time machine."""

    def __init__(self, owner: str, *, clock: DatabaseClock, weather: Source) -> None:
        """Begin as the world is."""
        self._owner, self._clock = time_machine.address_of(owner), clock
        self._sky = weather if isinstance(weather, Fixed) else None
        self._ahead = timedelta(0)

    @property
    def ahead(self) -> timedelta:
        """Tell how far the scene's time is ahead of the world's."""
        return self._ahead

    def look(self) -> Seen:
        """Tell how it stands."""
        observed = self._sky.observation if self._sky is not None else {}
        return Seen(self._clock.now(), self._ahead, observed.get("kind"), observed.get("temperature_c"))

    async def leap(self, weekday: int, at: time, *, zone: str) -> None:
        """Move the day on to the next such weekday (0: Monday) and time in a zone; raises TooFar, Turned."""
        before, now = self._ahead, self._clock.now()
        shift = before + (next_instant(now, weekday, at, zone=zone) - now)
        if shift > FARTHEST:
            raise TooFar
        async with connect(self._owner, application_name="kairos demo") as db:
            held = await time_machine.leap(db, before=before, shift=shift)
            self._ahead = await time_machine.read(db)
            await self._clock.begin_anew(db)
        if not held:
            raise Turned

    def paint(self, *, kind: Kind | None, temperature_c: float | None) -> None:
        """Change the sky, for every place; what is not named stays. Raises NoSky."""
        if self._sky is None:
            raise NoSky
        observed: dict[str, Any] = dict(self._sky.observation)
        if kind is not None:
            observed |= {"kind": kind, "precipitation_mm": _RAIN_MM.get(kind, 0.0)}
        if temperature_c is not None:
            observed |= {"temperature_c": temperature_c, "apparent_c": temperature_c}
        self._sky.observe(observed)


def next_instant(now: datetime, weekday: int, at: time, *, zone: str) -> datetime:
    """Find the next instant after `now` at which the clocks of a zone show this weekday and time."""
    known = zone_named(zone)
    if known is None:
        raise LookupError(f"{zone} is no zone")
    today = now.astimezone(known).date()
    ahead = (weekday - today.weekday()) % _WEEK
    found = instant_of(today + timedelta(days=ahead), at, known)
    return found if found > now else instant_of(today + timedelta(days=ahead + _WEEK), at, known)
