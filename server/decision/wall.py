"""Wall clocks: zones by name, windows over midnight, and the instant at which a wall clock shows a time.

An instant has one wall time per zone; a wall time has no instant (clocks went forward), one, or two (they went back). So
membership always converts the instant to wall time, and only the end of a reward asks for the other direction.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from server.decision.finding import Scene, Wall
from server.model.place import DAYS, Hours

_DAY = timedelta(days=1)
_MACHINE = ("posix/", "right/", "localtime", "posixrules", "Factory")
"""Files of some systems' zone folders that are no names of IANA's database, or depend on the machine."""


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """Find an IANA zone by its name; None where there is none of that name."""
    if not name or name.startswith(_MACHINE):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder such as "Europe" is an OSError
        return None


def zone_for(tz: str, scene: Scene) -> ZoneInfo | None:
    """Find the zone that a document means by `place`, `customer_home` or an IANA name; None where it is not known."""
    if tz == "place":
        name = scene.place.zone if scene.place else None
    elif tz == "customer_home":
        name = scene.context.customer.zone
    else:
        name = tz
    return zone_named(name) if name else None


def wall_clock(scene: Scene, zone: ZoneInfo) -> Wall:
    """Give the scene's instant on the wall clock of a zone; conditions at one place share it."""
    wall = scene.walls.get(zone.key)
    if wall is None:
        local = scene.at.astimezone(zone)
        wall = scene.walls[zone.key] = Wall(local, clock_of(local), local.weekday())
    return wall


def clock_of(reading: datetime | time) -> int:
    """Give a time of day in microseconds since midnight as the clock shows it: whole numbers compare quickest."""
    return ((reading.hour * 60 + reading.minute) * 60 + reading.second) * 1_000_000 + reading.microsecond


def wall_of(tz: str, scene: Scene) -> Wall | None:
    """Give the scene's instant on the wall clock that a document means; None where its zone is not known."""
    wall = scene.walls.get(tz)
    if wall is None:
        zone = zone_for(tz, scene)
        if zone is None:
            return None
        wall = scene.walls[tz] = wall_clock(scene, zone)  # also under the document's word: "place" is no zone's name
    return wall


def opening_day(local: datetime, start: time, end: time | None) -> date | None:
    """Tell on which day the half-open window [start, end) that holds this wall time opened; None outside of it.

    `end` None is 24:00. With `end` <= `start` the window crosses midnight and belongs to the day on which it opened.
    """
    clock = local.time()
    if end is None or start < end:
        return local.date() if start <= clock and (end is None or clock < end) else None
    if clock >= start:
        return local.date()
    return local.date() - _DAY if clock < end else None


def is_open(hours: Hours, local: datetime) -> bool:
    """Tell whether a store with these hours is open at this wall time of its own zone.

    Only the spans of this day and, where they cross midnight, those of the day before can hold it.
    """
    today, clock = local.weekday(), local.time()
    for opens, closes in hours.get(DAYS[today], ()):
        if clock >= opens and (closes is None or closes <= opens or clock < closes):
            return True
    before = hours.get(DAYS[today - 1], ())
    return any(closes is not None and clock < closes <= opens for opens, closes in before)


def instant_of(day: date, clock: time, zone: ZoneInfo, *, fold: int = 0) -> datetime:
    """Give the instant (UTC) at which the wall clock shows this; in a gap, the first instant after it.

    `fold` 1 is the second of two (PEP 495). In a gap the two folds use the offsets before and after it, so the true end of
    the gap is where the offset changes between both readings.
    """
    wall = datetime.combine(day, clock, tzinfo=zone)
    early, late = (wall.replace(fold=each).astimezone(UTC) for each in (1, 0))
    if late.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return wall.replace(fold=fold).astimezone(UTC)
    while late - early > timedelta(seconds=1):  # bisect for the change of the offset: at most 17 steps for a day
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == early.astimezone(zone).utcoffset():
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def utc_text(at: datetime) -> str:
    """Write an instant as RFC 3339 in UTC with Z, as receipts cite it."""
    return _utc_text(at if at.tzinfo is UTC else at.astimezone(UTC))


@lru_cache(maxsize=1024)
def _utc_text(at: datetime) -> str:
    # Only instants in UTC come here: in a zone, the two readings of a repeated hour are equal to each other.
    return f"{at.isoformat()[:-6]}Z"
