"""What would be there twice: rows of a list whose name and place are those of something that stands, or of an earlier row.

Nobody is refused for it: two shops of one name in one building are somebody's right. Who imports a list is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from itertools import product
from math import cos, dist, floor, radians, sin
from typing import Any, Final, NamedTuple, Protocol

from server.signals.distance import MEAN_RADIUS_M
from server.signals.geojson import Refused
from server.store.geofences import GeofenceDraft
from server.store.pool import Connection
from server.store.stores import StoreDraft

NEAR_M: Final = 25.0
"""Two of one name that are so near are one: a pin that was set anew, a position that another list rounded."""

_SPOTS_PER_STATEMENT: Final = 500
"""Done far within the statements' deadline, even where tens of thousands of stores stand on one spot."""
_STANDS: Final = f"stands there already (at most {NEAR_M:g} m away); importing it makes a second one"
_REPEATS: Final = f"is in this list before (at most {NEAR_M:g} m away); importing it makes a second one"


class Spot(NamedTuple):
    """A name and where it is."""

    name: str
    lat: float
    lon: float


class Standing(Protocol):
    """Tells which spots something of the same name stands at already, by their place in the sequence."""

    def __call__(self, db: Connection, *, spots: Sequence[Spot], within_m: float) -> Awaitable[set[int]]:
        """Ask in one statement."""


async def doubles(
    db: Connection, *, taken: Sequence[tuple[int, StoreDraft | GeofenceDraft]], standing: Standing
) -> list[Refused]:
    """Warn of rows (each with its index) that an import would make a second time, in the list's order."""
    spots = [spot_of(draft) for _, draft in taken]
    again = await asyncio.to_thread(repeated, spots)
    there: set[int] = set()
    for start in range(0, len(spots), _SPOTS_PER_STATEMENT):
        some = spots[start : start + _SPOTS_PER_STATEMENT]
        there |= {start + number for number in await standing(db, spots=some, within_m=NEAR_M)}
    return [
        Refused(index, "name", _STANDS if number in there else _REPEATS)
        for number, (index, _) in enumerate(taken)
        if number in there or number in again
    ]


def spot_of(draft: StoreDraft | GeofenceDraft) -> Spot:
    """Tell where a draft is: a circle's middle, or that of the rectangle around an area, as the database reckons it."""
    if isinstance(draft, StoreDraft) or draft.geometry is None:
        return Spot(draft.name, draft.lat or 0.0, draft.lon or 0.0)
    corners = list(_positions(draft.geometry))
    lats, lons = [lat for _, lat in corners], [lon for lon, _ in corners]
    short = [lon + 360 if lon < 0 else lon for lon in lons]  # the short way round, over the antimeridian
    if max(lons) - min(lons) > 180 > max(short) - min(short):
        lons = short
    return Spot(draft.name, (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2)


def _positions(geometry: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    return ((at[0], at[1]) for polygon in polygons for ring in polygon for at in ring)


def repeated(spots: Sequence[Spot]) -> set[int]:
    """Find the spots that lie near an earlier one of the same name; quick for tens of thousands, wherever they lie.

    Positions go into cubes as wide as what is near: whatever is near lies in the same cube or in one beside it.
    """
    seen: dict[tuple[str, int, int, int], list[tuple[float, float, float]]] = {}
    found: set[int] = set()
    for number, spot in enumerate(spots):
        here = _on_earth(spot)
        x, y, z = (floor(axis / NEAR_M) for axis in here)
        around = ((spot.name, x + dx, y + dy, z + dz) for dx, dy, dz in product((0, -1, 1), repeat=3))
        if any(dist(here, other) <= NEAR_M for cube in around for other in seen.get(cube, ())):
            found.add(number)
        else:
            seen.setdefault((spot.name, x, y, z), []).append(here)
    return found


def _on_earth(spot: Spot) -> tuple[float, float, float]:
    """Give metres from the middle of the earth."""
    lat, lon = radians(spot.lat), radians(spot.lon)
    return MEAN_RADIUS_M * cos(lat) * cos(lon), MEAN_RADIUS_M * cos(lat) * sin(lon), MEAN_RADIUS_M * sin(lat)
