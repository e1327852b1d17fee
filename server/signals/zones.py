"""Which time zone a point is in: an IANA name from the boundaries that tzfpy carries, in a microsecond."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzfpy import get_tz

from server.model.place import Point


def zone_at(point: Point) -> str | None:
    """The IANA name of the zone around a point (at sea one of `Etc/GMT±n`), or None where none is known.

    Boundaries and rules come from different packages; a name that this machine's rules do not know is none.
    """
    name = str(get_tz(point.lon, point.lat))
    return name if _is_known(name) else None


@lru_cache(maxsize=1024)
def _is_known(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True
