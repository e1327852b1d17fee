"""Points without chance: sequences that fill a range evenly, so that every run of the tests asks the same questions."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from geopy.distance import geodesic

from server.model.place import Area, Circle, Geofence, Point

# The fractional parts of multiples of these fill the unit cube evenly (roots of x⁵ = x + 1, Roberts' R4 sequence).
_STEPS = (0.8566748838545029, 0.733891856627126, 0.6287067210378087, 0.5385972572236101)


def spread(count: int, *, start: int = 1) -> Iterator[tuple[float, float, float, float]]:
    """Four numbers in [0, 1) each time, evenly spread and always the same."""
    for number in range(start, start + count):
        first, second, third, fourth = (number * step % 1 for step in _STEPS)
        yield first, second, third, fourth


_EARTH = geodesic()
"""One for all questions: a new one would first work out the ellipsoid's series, which costs as much as a question."""


def true_m(a: Point, b: Point) -> float:
    """The oracle: geopy's geodesic on WGS 84, in metres."""
    return float(_EARTH.measure((a.lat, a.lon), (b.lat, b.lon))) * 1000


def away(point: Point, *, bearing: float, metres: float) -> Point:
    """The point at the end of a geodesic."""
    there = _EARTH.destination((point.lat, point.lon), bearing, metres / 1000)
    return Point(there.latitude, there.longitude)


def fence(number: int, shape: Circle | Area) -> Geofence:
    """A fence that can be told by its number."""
    return Geofence(UUID(int=number), f"fence {number}", shape)


def square(center: Point, *, half_lat: float, half_lon: float) -> Area:
    """An upright box in degrees, as a polygon."""
    south, north = center.lat - half_lat, center.lat + half_lat
    west, east = center.lon - half_lon, center.lon + half_lon
    corners = (Point(south, west), Point(south, east), Point(north, east), Point(north, west), Point(south, west))
    return Area(((corners,),))
