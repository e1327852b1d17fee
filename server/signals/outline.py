"""One polygonal fence, made ready to be asked: is a point inside, and how far is it to the boundary?

The edges lie in slabs of latitude, so that a question looks at those near the point and not at all two thousand.
Inside is decided in longitude and latitude, where the edges are straight (RFC 7946), to a few nanometres. The distance
is measured as for circles: the metre lengths of a degree at the middle latitude, to millimetres within 50 km. Farther
away and near the poles the nearest point is sought with chords through the earth and its geodesic is taken.
"""

from __future__ import annotations

from math import cos, inf, radians, sin, sqrt
from typing import Final, Self

from server.model.place import Area, Circle, Point
from server.signals.distance import (
    DEGREE_LAT_MIN_M,
    FLAT_MAX_LAT,
    FLAT_MAX_M,
    SPHERE_ERROR,
    Metric,
    geodesic_m,
    metric_at,
    sphere_m,
)
from server.signals.polygon import Drawing, Edge, draw, equal_radius

_SLABS_MAX: Final = 64  # more would make a comb of long edges large in memory, and slabs of 30 edges are quick already
_EDGES_PER_SLAB: Final = 4
_TIP: Final = 90 - 1e-9  # the pole itself lies on no edge's latitude; a tenth of a millimetre beside it does
_REFINE: Final = 1.002  # squared distances that near to the best are measured again at their own middle latitude
_SERIES_DEG: Final = 4.0  # the metric's series are good that far; what is nearer than 50 km lies well within
_FAR_TRIED: Final = 6  # so many of the nearest chords get a geodesic

Slabs = tuple[tuple[Edge, ...], ...]


class Outline:
    """The boundary of an Area, indexed.

    `lat`, `lon` are its centroid, `radius_m` is that of the circle of equal area, `outer_m` of one that holds it all.
    """

    __slots__ = ("_boundary", "_crossed", "_height", "box", "lat", "lon", "outer_m", "radius_m")

    def __init__(self, drawing: Drawing) -> None:
        """Sort the edges of a drawing into slabs."""
        self.box = drawing.box
        self.lat, self.lon = drawing.lat, drawing.lon
        self.radius_m = equal_radius(drawing.area_m2)
        self.outer_m = _reach(drawing)
        count = max(1, min(_SLABS_MAX, len(drawing.crossed) // _EDGES_PER_SLAB))
        self._height = max((self.box.north - self.box.south) / count, 1e-12)
        self._crossed = self._slabs(drawing.crossed, count)
        self._boundary = self._crossed if drawing.boundary == drawing.crossed else self._slabs(drawing.boundary, count)

    @classmethod
    def of(cls, area: Area) -> Self:
        """The outline of a checked Area."""
        return cls(draw(area))

    def circle(self) -> Circle:
        """A circle around the centroid that holds the whole area."""
        return Circle(Point(self.lat, self.lon), self.outer_m)

    def contains(self, point: Point) -> bool:
        """Whether a point is inside, by the crossings of a ray to the east; points on the boundary may be either."""
        lat = max(-_TIP, min(_TIP, point.lat))
        box = self.box
        if not box.south <= lat <= box.north:
            return False
        inside = False
        edges = self._crossed[self._slab(lat)]
        for lon in (point.lon, point.lon - 360, point.lon + 360):
            if box.west <= lon <= box.east:
                for y1, x1, y2, x2 in edges:
                    if (y1 > lat) != (y2 > lat) and lon < x1 + (lat - y1) / (y2 - y1) * (x2 - x1):
                        inside = not inside
        return inside

    def edge_m(self, point: Point) -> float:
        """The signed distance to the boundary in metres: negative inside, zero on it."""
        distance = self._near(point)
        if distance > FLAT_MAX_M:
            distance = self._far(point)
        return -distance if self.contains(point) else distance

    def _slabs(self, edges: tuple[Edge, ...], count: int) -> Slabs:
        slabs: list[list[Edge]] = [[] for _ in range(count)]
        for edge in edges:
            first, last = sorted((self._slab(edge[0], count), self._slab(edge[2], count)))
            for number in range(first, last + 1):
                slabs[number].append(edge)
        return tuple(tuple(slab) for slab in slabs)

    def _slab(self, lat: float, count: int | None = None) -> int:
        last = (len(self._crossed) if count is None else count) - 1
        return max(0, min(last, int((lat - self.box.south) / self._height)))

    def _near(self, point: Point) -> float:
        """The unsigned distance by the flat metric, slab by slab outwards; infinite where that metric does not hold."""
        if max(abs(point.lat), abs(self.box.south), abs(self.box.north)) > FLAT_MAX_LAT:
            return inf
        metric = metric_at(point.lat)
        best = FLAT_MAX_M * FLAT_MAX_M * _REFINE
        found = False
        for lon in self._turns(point.lon):
            for number in self._outwards(point.lat):
                gap = self._gap(point.lat, number) * DEGREE_LAT_MIN_M
                if gap * gap > best:
                    break
                nearer = _nearest(self._boundary[number], point.lat, lon, metric, best)
                if nearer < best:
                    best, found = nearer, True
        return sqrt(best) if found else inf

    def _turns(self, lon: float) -> list[float]:
        """The point's longitude in the turns of the world in which the shape is less than half a world away."""
        box = self.box
        return [turned for turned in (lon, lon - 360, lon + 360) if box.west - 180 < turned < box.east + 180]

    def _outwards(self, lat: float) -> list[int]:
        return sorted(range(len(self._boundary)), key=lambda number: self._gap(lat, number))

    def _gap(self, lat: float, number: int) -> float:
        """Degrees of latitude between a parallel and a slab."""
        south = self.box.south + number * self._height
        return max(0.0, south - lat, lat - south - self._height)

    def _far(self, point: Point) -> float:
        """The distance to the boundary for far points and near the poles: chords choose, geodesics measure."""
        here = _unit(point.lat, point.lon)
        chords: dict[tuple[float, float], float] = {}
        for edges in self._boundary:
            for edge in edges:
                square, share = _chord(here, edge)
                y1, x1, y2, x2 = edge
                chords[y1 + (y2 - y1) * share, x1 + (x2 - x1) * share] = square
        tried = sorted(chords, key=chords.__getitem__)[:_FAR_TRIED]
        if not tried:
            return inf
        return min(geodesic_m(point, Point(lat, (lon + 180) % 360 - 180)) for lat, lon in tried)


def _nearest(edges: tuple[Edge, ...], lat: float, lon: float, metric: Metric, best: float) -> float:
    """The smallest squared distance (m²) from a point to some edges, or `best` where none is nearer."""
    a0, b0 = metric.a0, metric.b0
    for y1, x1, y2, x2 in edges:
        dy, dx, ey, ex = y1 - lat, x1 - lon, y2 - y1, x2 - x1
        square, share = _foot((dy, dx, ey, ex), a0, b0, metric)
        if square < best * _REFINE:
            # The foot once more, now with the lengths that hold half way to it: its error was of second order.
            py = dy + share * ey
            a = a0 + py * (metric.a1 + py * metric.a2)
            b = b0 + py * (metric.b1 + py * metric.b2)
            square = min(square, _foot((dy, dx, ey, ex), a, b, metric)[0])
            best = min(best, square)
    return best


def _foot(edge: tuple[float, float, float, float], a: float, b: float, metric: Metric) -> tuple[float, float]:
    """Squared distance to the point of an edge nearest in the lengths a, b (m² per degree²), and its share of the edge.

    The edge is given by where it begins, seen from the point, and where it goes: degrees north and east, twice.
    """
    dy, dx, ey, ex = edge
    length = ey * ey * a + ex * ex * b
    share = 0.0 if length == 0 else max(0.0, min(1.0, -(dy * ey * a + dx * ex * b) / length))
    py = dy + share * ey
    return (metric.square(dx + share * ex, py) if abs(py) < _SERIES_DEG else inf), share


def _unit(lat: float, lon: float) -> tuple[float, float, float]:
    phi, lam = radians(lat), radians(lon)
    return cos(phi) * cos(lam), cos(phi) * sin(lam), sin(phi)


def _chord(here: tuple[float, float, float], edge: Edge) -> tuple[float, float]:
    """Squared distance through the earth (radius 1) to the chord of an edge, and the share of it where that is."""
    ax, ay, az = _unit(edge[0], edge[1])
    bx, by, bz = _unit(edge[2], edge[3])
    ex, ey, ez = bx - ax, by - ay, bz - az
    dx, dy, dz = here[0] - ax, here[1] - ay, here[2] - az
    length = ex * ex + ey * ey + ez * ez
    share = 0.0 if length == 0 else max(0.0, min(1.0, (dx * ex + dy * ey + dz * ez) / length))
    return (dx - share * ex) ** 2 + (dy - share * ey) ** 2 + (dz - share * ez) ** 2, share


def _reach(drawing: Drawing) -> float:
    """How far (m) the farthest point of the boundary may be from the centroid: a vertex, and a little more."""
    middle, metric = Point(drawing.lat, drawing.lon), metric_at(drawing.lat)
    farthest = 0.0
    for lat, lon, _, _ in drawing.boundary or drawing.crossed:
        dx = (lon - drawing.lon + 180) % 360 - 180
        reach = sphere_m(middle, Point(lat, drawing.lon + dx)) * (1 + SPHERE_ERROR)
        if reach < FLAT_MAX_M and max(abs(lat), abs(drawing.lat)) < FLAT_MAX_LAT:
            reach = sqrt(metric.square(dx, lat - drawing.lat))
        farthest = max(farthest, reach)
    return farthest * 1.001 + 1.0  # edges are curved in a metric map: by metres over 10 km
