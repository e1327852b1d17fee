"""The mathematics of rings: an Area's rings as edges in one frame of longitudes, their area and their middle.

An edge is what RFC 7946 §3.1.1 says: a straight line in longitude and latitude. Longitudes are unwrapped first, so
that a ring over the antimeridian is continuous: a step of more than 180° means the short way round, but one of exactly
360° is meant (a cap drawn as a band from -180 to 180). A ring that winds around the world encloses the nearer pole.
Polygons cut at the antimeridian (§3.1.9) share a seam there, which is no boundary: it is left out of the edges to
which distances are measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from math import atanh, ceil, copysign, cos, hypot, pi, radians, sin, sqrt
from typing import Final, NamedTuple

from server.model.place import Area, Ring
from server.signals.distance import E2, EQUATOR_M
from server.signals.grid import Box

PIECE_M: Final = 10_000.0  # longer edges are cut: a piece is straight in any map of its surroundings
PIECE_DEG: Final = 1.0  # … and so are edges along many meridians: near a pole a parallel is a small circle
PIECES_MAX: Final = 8_000  # unless an outline is so long that the pieces would be without number

_DEGREE_M: Final = 111_320.0
_E: Final = sqrt(E2)
_POLE: Final = 90.0

Edge = tuple[float, float, float, float]  # lat, lon, lat, lon in degrees; the longitudes unwrapped


class Line(NamedTuple):
    """One ring in the frame: its edges, those that only close it over a pole, its polygon's number, and whether a hole."""

    edges: tuple[Edge, ...]
    closing: tuple[Edge, ...]
    polygon: int
    hole: bool

    def bounds(self) -> Box:
        """South, west, north, east."""
        every = (*self.edges, *self.closing)
        lats, lons = [edge[0] for edge in every], [edge[1] for edge in every]
        return Box(min(lats), min(lons), max(lats), max(lons))


class Drawing(NamedTuple):
    """An Area made ready: what a ray crosses, what is a boundary, and the numbers that go with the shape."""

    crossed: tuple[Edge, ...]
    boundary: tuple[Edge, ...]
    box: Box
    lat: float
    lon: float
    area_m2: float


def draw(area: Area) -> Drawing:
    """Make an Area ready. Rings are taken closed or open; the Area must have been checked (`geojson`)."""
    lines = lines_of(area)
    edges = tuple(edge for line in lines for edge in line.edges)
    closing = tuple(edge for line in lines for edge in line.closing)
    sizes = sum(max(_length(edge) / PIECE_M, abs(edge[3] - edge[1]) / PIECE_DEG) for edge in edges)
    coarse = max(1.0, sizes / PIECES_MAX)
    crossed = tuple(piece for edge in (*edges, *closing) for piece in _pieces(edge, coarse))
    boundary = tuple(piece for edge in _without_seam(edges) for piece in _pieces(edge, coarse))
    bounds = [line.bounds() for line in lines]
    box = Box(
        min(b.south for b in bounds),
        min(b.west for b in bounds),
        max(b.north for b in bounds),
        max(b.east for b in bounds),
    )
    size, lat, lon = _middle(lines, box)
    return Drawing(crossed, boundary, box, lat, lon, size)


def lines_of(area: Area) -> list[Line]:
    """The rings of an Area, unwrapped into one frame of longitudes; polygons in their order, outer rings first."""
    return _frame(
        [
            _line(ring, polygon=polygon, hole=number > 0)
            for polygon, rings in enumerate(area.polygons)
            for number, ring in enumerate(rings)
        ]
    )


def _line(ring: Ring, *, polygon: int, hole: bool) -> Line:
    """Unwrap a ring; close it over the pole where it winds around the world."""
    points = ring if ring[0] == ring[-1] else (*ring, ring[0])
    edges: list[Edge] = []
    lon = points[0].lon
    for a, b in pairwise(points):
        step = b.lon - a.lon
        if abs(step) > 180 and abs(step) != 360:
            step -= copysign(360, step)
        # The given longitude plus whole turns, not a running sum: no vertex moves by rounding.
        following = b.lon + 360 * round((lon + step - b.lon) / 360)
        edges.append((a.lat, lon, b.lat, following))
        lon = following
    first = points[0]
    if lon == first.lon:
        return Line(tuple(edges), (), polygon, hole)
    pole = copysign(_POLE, sum(point.lat for point in points))
    closing = ((first.lat, lon, pole, lon), (pole, lon, pole, first.lon), (pole, first.lon, first.lat, first.lon))
    return Line(tuple(edges), closing, polygon, hole)


def _frame(lines: list[Line]) -> list[Line]:
    """Turn every ring by whole turns so that its middle is within 180° of the first ring's."""
    first = lines[0].bounds()
    middle = (first.west + first.east) / 2
    return [_turned(line, _turns(line, middle)) for line in lines]


def _turns(line: Line, middle: float) -> float:
    bounds = line.bounds()
    return 360.0 * round((middle - (bounds.west + bounds.east) / 2) / 360)


def _turned(line: Line, by: float) -> Line:
    if not by:
        return line

    def turn(edges: Iterable[Edge]) -> tuple[Edge, ...]:
        return tuple((a, b + by, c, d + by) for a, b, c, d in edges)

    return line._replace(edges=turn(line.edges), closing=turn(line.closing))


def _length(edge: Edge) -> float:
    """Roughly, in metres, never too short by more than the flattening."""
    a, b, c, d = edge
    return _DEGREE_M * hypot(c - a, (d - b) * cos(radians(min(abs(a), abs(c)))))


def _pieces(edge: Edge, coarse: float) -> Iterable[Edge]:
    """Cut an edge into pieces of at most 10 km and 1° of longitude, or so many times that."""
    count = ceil(max(_length(edge) / PIECE_M, abs(edge[3] - edge[1]) / PIECE_DEG) / coarse)
    if count <= 1:
        return (edge,)
    a, b, c, d = edge
    lats = [a + (c - a) * i / count for i in range(count)] + [c]
    lons = [b + (d - b) * i / count for i in range(count)] + [d]
    return [(lats[i], lons[i], lats[i + 1], lons[i + 1]) for i in range(count)]


def _without_seam(edges: Iterable[Edge]) -> Iterable[Edge]:
    """Leave out what is no boundary: edges along a pole, and stretches of the antimeridian that two sides share."""
    seam: list[tuple[float, float]] = []
    for edge in edges:
        a, b, c, d = edge
        if abs(a) == _POLE and abs(c) == _POLE:
            continue
        if b == d and b % 360 == 180:
            seam.append((min(a, c), max(a, c)))
        else:
            yield edge
    cuts = sorted({lat for stretch in seam for lat in stretch})
    for low, high in pairwise(cuts):
        if sum(south <= low and high <= north for south, north in seam) % 2:
            # Both sides of the seam are the same meridian; which turn it is counted in makes no difference here,
            # but it must be one near the shape: the first crossing edge tells.
            lon = next(b for a, b, c, d in edges if b == d and b % 360 == 180 and min(a, c) <= low <= max(a, c))
            yield low, lon, high, lon


def _authalic(lat: float) -> float:
    """q of the authalic latitude: a²/2 · q is the area from the equator per radian of longitude (Snyder 1987, 3-12)."""
    s = sin(radians(lat))
    return (1 - E2) * (s / (1 - E2 * s * s) + atanh(_E * s) / _E)


def _ring_area(line: Line) -> float:
    """The area inside a ring in m²: Simpson's rule along pieces short enough to make it exact to 1e-9."""
    total = 0.0
    base = _authalic(line.edges[0][0])
    for edge in (*line.edges, *line.closing):
        for a, b, c, d in _pieces(edge, 2.0):
            mean = (_authalic(a) + 4 * _authalic((a + c) / 2) + _authalic(c)) / 6 - base
            total += mean * radians(d - b)
    return abs(total) * EQUATOR_M * EQUATOR_M / 2


def _ring_middle(line: Line) -> tuple[float, float]:
    """The centroid in degrees; it does not move when longitudes are stretched, so fences need no projection."""
    if line.closing:
        return line.closing[0][2], 0.0
    lat0, lon0 = line.edges[0][:2]
    twice = lat = lon = 0.0
    for a, b, c, d in line.edges:
        y1, x1, y2, x2 = a - lat0, b - lon0, c - lat0, d - lon0
        cross = x1 * y2 - x2 * y1
        twice += cross
        lat += (y1 + y2) * cross
        lon += (x1 + x2) * cross
    if not twice:
        return lat0, lon0
    return lat0 + lat / (3 * twice), lon0 + lon / (3 * twice)


def _middle(lines: list[Line], box: Box) -> tuple[float, float, float]:
    """Area in m² and the centroid of the whole, its longitude within ±180."""
    area = lat = lon = 0.0
    for line in lines:
        size = -_ring_area(line) if line.hole else _ring_area(line)
        middle = _ring_middle(line)
        area, lat, lon = area + size, lat + size * middle[0], lon + size * middle[1]
    if area <= 0:
        return 0.0, (box.south + box.north) / 2, (box.west + box.east) / 2
    return area, lat / area, (lon / area + 180) % 360 - 180


def equal_radius(area_m2: float) -> float:
    """The radius in metres of the circle of the same area."""
    return sqrt(area_m2 / pi)
