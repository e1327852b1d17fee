"""Which fences is a point in, or near: the index over all of them, exact to the metre that decides.

Rule 1: whether a point is inside a circle is what geopy's geodesic says, always; the flat formula may only answer where
its proven error cannot change the answer. An Area's edges are straight in longitude and latitude (RFC 7946).
Rule 2: an index never changes. `replaced` gives a new one that shares nearly everything with the old; who holds the
old one goes on reading one state of the world, and takes the new one with his next question.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import cos, inf, pi, sqrt
from typing import Final, Self
from uuid import UUID

from server.model.context import Hit
from server.model.place import Area, Circle, Geofence, Point
from server.model.sharded import BITS, SHARDS, WIDTH, Sharded
from server.signals.distance import (
    BAND_M,
    BAND_RELATIVE,
    DEGREE_LAT_MIN_M,
    DEGREE_LON_EQUATOR_M,
    FLAT_MAX_M,
    SPHERE_ERROR,
    distance_m,
    flat_m,
    geodesic_m,
    metric_at,
    sphere_m,
)
from server.signals.grid import COLUMNS, PER_DEGREE, Grid, Kept, box_around
from server.signals.outline import Outline
from server.signals.records import RECORD, Entry, named, once

_PLAIN_LAT: Final = 84.0  # from here no fence that can matter lies beyond 85°, where the flat formula ends …
_PLAIN_LON: Final = 160.0  # … nor one behind the antimeridian
_PLAIN_REACH_M: Final = 200_000.0
_DIRECT_REACH_M: Final = 250.0  # up to here a look-up asks each level for a few cells, and needs no box
_RAD: Final = pi / 180
_SURE: Final = 1.1  # in squared distances: farther than this is out of reach, whatever the formula's error
_FIRST_REACH_M: Final = 250.0
_GROWTH: Final = 2.0

Known = bytes | Outline
"""What is kept of a fence by its id: a circle's record, or an Area's outline."""


class FenceIndex:
    """All fences, by place and by id. Made by `build`; safe to read from anywhere, for ever."""

    __slots__ = ("_grid", "_known")

    def __init__(self, grid: Grid, known: Sharded[int, Known]) -> None:
        """Hold the grid, and of each fence what is known by its id's number."""
        self._grid, self._known = grid, known

    @classmethod
    def build(cls, fences: Iterable[Geofence]) -> Self:
        """An index over some fences; of two with one id the later stands."""
        return cls(Grid(), Sharded()).replaced(fences, ())

    def replaced(self, changed: Iterable[Geofence], removed: Iterable[UUID]) -> Self:
        """A new index in which fences were put (or put anew) and others removed; unknown ids are no error."""
        return self.redrawn(((fence.id, fence.shape) for fence in changed), removed)

    def redrawn(self, shapes: Iterable[tuple[UUID, Circle | Area]], removed: Iterable[UUID]) -> Self:
        """`replaced`, for who has no more than ids and shapes."""
        return self._moved({identifier.int: _known(identifier, shape) for identifier, shape in shapes}, removed)

    def taking(self, wanted: Iterable[UUID], *, of: FenceIndex, without: Iterable[UUID] = ()) -> Self:
        """A new index in which fences are as they are in another one, and others are removed."""
        kept = ((identifier.int, of._known.get(identifier.int)) for identifier in wanted)
        return self._moved({number: known for number, known in kept if known is not None}, without)

    def _moved(self, put: Mapping[int, Known], removed: Iterable[UUID]) -> Self:
        gone = [identifier.int for identifier in removed]
        before = [] if not self._known else [(each, self._known.get(each)) for each in {*put, *gone}]
        grid = self._grid.changed(
            put=[_kept(number, known) for number, known in put.items()],
            drop=[_kept(number, known) for number, known in before if known is not None],
        )
        return type(self)(grid, self._known.changed(put, gone))

    def __len__(self) -> int:
        """How many fences there are."""
        return len(self._known)

    def __iter__(self) -> Iterator[UUID]:
        """The id of every fence, in no order."""
        return (UUID(int=number) for number in self._known)

    def __contains__(self, identifier: UUID) -> bool:
        """Whether there is a fence of an id."""
        return identifier.int in self._known

    def enclosing(self, identifier: UUID) -> Circle | None:
        """A circle that holds the whole fence (a circle's own, exactly): what a phone can be told to watch."""
        known = self._known.get(identifier.int)
        if known is None:
            return None
        if isinstance(known, Outline):
            return known.circle()
        lat, lon, radius, _ = RECORD.unpack(known)
        return Circle(Point(lat, lon), radius)

    def measure(self, point: Point, identifier: UUID) -> Hit | None:
        """One fence as seen from a point, however far away; None if there is no such fence."""
        known = self._known.get(identifier.int)
        if known is None:
            return None
        return _area_hit(point, identifier, known) if isinstance(known, Outline) else _circle_hit(point, known)

    def around(self, point: Point, reach_m: float) -> list[Hit]:
        """Every fence that holds the point or whose boundary is at most `reach_m` away; the deepest inside first."""
        if _is_plain(point, reach_m):
            portions = self._beside(point, reach_m) if reach_m <= _DIRECT_REACH_M else self._within(point, reach_m)
            if not portions:
                return []
            hits = self._plain_hits(point, reach_m, portions)
        else:
            entries = once(self._within(point, reach_m))
            near = (entry for entry in entries if _outside(point, entry) <= reach_m)
            measured = (self._hit(point, entry, reach_m) for entry in near)
            hits = [hit for hit in measured if hit is not None and hit.edge_m <= reach_m]
        if len(hits) > 1:
            hits.sort(key=_by_edge)
        return hits

    def nearest(self, point: Point, count: int, within_m: float) -> list[Hit]:
        """At most `count` fences whose boundary is at most `within_m` away, the nearest boundary first.

        A fence around the point counts by its boundary too: leaving it is what comes next.
        """
        reach = min(_FIRST_REACH_M, within_m)
        while True:
            portions = self._within(point, reach)
            last = reach >= within_m
            enough = sum(map(len, portions)) >= count * RECORD.size
            hits = self._nearest(point, portions, count, reach) if last or enough else []
            if last or len(hits) >= count:
                return hits
            reach = min(reach * _GROWTH, within_m)

    def _within(self, point: Point, reach_m: float) -> Sequence[bytes]:
        return self._grid.touching(box_around(point.lat, point.lon, reach_m))

    def _beside(self, point: Point, reach_m: float) -> Sequence[bytes]:
        """What `_within` gives, for the inhabited world and a short reach: the question that every ping asks."""
        lat, lon = point
        tall = wide = 0.0
        if reach_m:
            tall = reach_m / DEGREE_LAT_MIN_M
            wide = reach_m / (DEGREE_LON_EQUATOR_M * cos((abs(lat) + tall) * _RAD))
        # Truncation is floor here: all of these are positive. The fences' own boxes have room for rounding.
        south, west = int((lat - tall + 90) * PER_DEGREE), int((lon - wide + 180) * PER_DEGREE)
        north, east = int((lat + tall + 90) * PER_DEGREE), int((lon + wide + 180) * PER_DEGREE)
        found: list[bytes] = []
        if south == north and west == east:
            for shift, rows in self._grid.looks:
                key = (south >> shift) * COLUMNS + (west >> shift)
                number = key % SHARDS
                kept = rows[number >> BITS][number & (WIDTH - 1)].get(key)
                if kept is not None:
                    found.append(kept)
            return found
        for shift, rows in self._grid.looks:
            for first in range((south >> shift) * COLUMNS, (north >> shift) * COLUMNS + 1, COLUMNS):
                for key in range(first + (west >> shift), first + (east >> shift) + 1):
                    number = key % SHARDS
                    kept = rows[number >> BITS][number & (WIDTH - 1)].get(key)
                    if kept is not None:
                        found.append(kept)
        return found if len(found) <= 1 else list(dict.fromkeys(found))

    def _plain_hits(self, point: Point, reach_m: float, portions: Collection[bytes]) -> list[Hit]:
        """The hot loop, for the inhabited world: the flat metric made once, no trigonometry and no call per fence."""
        lat, lon = point
        far = reach_m + BAND_M
        # A way is at least as long as the latitudes between its ends: most of a cell goes by that alone.
        records = (record for portion in portions for record in RECORD.iter_unpack(portion))
        near = [record for record in records if abs(record[0] - lat) * DEGREE_LAT_MIN_M <= abs(record[2]) + far]
        if not near:
            return []
        a0, a1, a2, b0, b1, b2, curve = metric_at(lat)
        hits: list[Hit] = []
        for flat_lat, flat_lon, radius, name in near:
            if radius < 0:
                hit = self._hit(point, Entry(flat_lat, flat_lon, radius, name), reach_m)
                if hit is not None:
                    hits.append(hit)
                continue
            dy, dx = flat_lat - lat, flat_lon - lon
            square = dy * dy * (a0 + dy * (a1 + dy * a2)) + dx * dx * (b0 + dy * (b1 + dy * b2))
            limit = radius + reach_m
            if square > limit * limit * _SURE:
                continue
            center = sqrt(square)
            band = center * (curve * square + BAND_RELATIVE) + BAND_M
            if -band <= center - radius <= band or -band <= center - limit <= band or center > FLAT_MAX_M:
                center = geodesic_m(point, Point(flat_lat, flat_lon))
            if center <= limit:
                hits.append(Hit(named(name), center, center - radius, radius, False))
        # Who lies in several cells is met in each of them.
        return list({hit.id: hit for hit in hits}.values()) if len(portions) > 1 and len(hits) > 1 else hits

    def _hit(self, point: Point, entry: Entry, reach_m: float = inf) -> Hit | None:
        """One fence by itself, wherever it is; None for an Area that is out of reach."""
        if entry.reach_m >= 0:
            return _circle_hit(point, RECORD.pack(*entry), reach_m)
        identifier = named(entry.name)
        outline = self._known[identifier.int]
        if not isinstance(outline, Outline):
            raise LookupError("the grid tells of an Area that the index does not have")
        return _area_hit(point, identifier, outline, reach_m)

    def _nearest(self, point: Point, portions: Collection[bytes], count: int, reach_m: float) -> list[Hit]:
        """The nearest boundaries among some fences; far ones are measured in the order of their lower bounds."""
        if _is_plain(point, reach_m) and reach_m < FLAT_MAX_M:
            near = [hit for hit in self._plain_hits(point, reach_m, portions) if abs(hit.edge_m) <= reach_m]
            return sorted(near, key=_by_boundary)[:count]
        found: list[Hit] = []
        entries = once(portions)
        for low, number in sorted((_low(point, entry), number) for number, entry in enumerate(entries)):
            if low > reach_m or (len(found) >= count and low > abs(found[count - 1].edge_m)):
                break
            hit = self._hit(point, entries[number])
            if hit is not None and abs(hit.edge_m) <= reach_m:
                found.append(hit)
                found.sort(key=_by_boundary)
                del found[count:]
        return found


def _by_edge(hit: Hit) -> float:
    return hit.edge_m


def _by_boundary(hit: Hit) -> float:
    return abs(hit.edge_m)


def _is_plain(point: Point, reach_m: float) -> bool:
    lat, lon = point
    return -_PLAIN_LAT < lat < _PLAIN_LAT and -_PLAIN_LON < lon < _PLAIN_LON and reach_m < _PLAIN_REACH_M


def _known(identifier: UUID, shape: Circle | Area) -> Known:
    if isinstance(shape, Circle):
        (lat, lon), radius = shape
        return RECORD.pack(lat, lon, radius, identifier.bytes)
    return Outline.of(shape)


def _kept(number: int, known: Known) -> Kept:
    """The record of a fence, and the box of its cells where it is an Area."""
    if isinstance(known, Outline):
        return known.box, RECORD.pack(known.lat, known.lon, -known.outer_m, number.to_bytes(16))
    return None, known


def _area_hit(point: Point, identifier: UUID, outline: Outline, reach_m: float = inf) -> Hit | None:
    middle = Point(outline.lat, outline.lon)
    if sphere_m(point, middle) * (1 - SPHERE_ERROR) - outline.outer_m > reach_m:
        return None
    edge = outline.edge_m(point)
    if edge > reach_m:
        return None
    return Hit(identifier, distance_m(point, middle), edge, outline.radius_m, True)


def _circle_hit(point: Point, record: bytes, reach_m: float = inf) -> Hit:
    lat, lon, radius, name = RECORD.unpack(record)
    middle = Point(lat, lon)
    center = flat_m(point, middle)
    if center is None:
        center = geodesic_m(point, middle)
    else:
        band = metric_at(max(abs(point.lat), abs(lat))).band(center)
        if abs(center - radius) <= band or abs(center - radius - reach_m) <= band:
            center = geodesic_m(point, middle)
    return Hit(named(name), center, center - radius, radius, False)


def _outside(point: Point, entry: Entry) -> float:
    """A lower bound (m) of how far outside of a fence a point is; negative where it may be inside."""
    return sphere_m(point, Point(entry.lat, entry.lon)) * (1 - SPHERE_ERROR) - entry.outer_m


def _low(point: Point, entry: Entry) -> float:
    """A lower bound (m) of how far the boundary is, on whichever side; 0 where that cannot be told of an Area."""
    outside = _outside(point, entry)
    if outside >= 0:
        return outside
    return (
        0.0
        if entry.reach_m < 0
        else max(0.0, entry.outer_m - sphere_m(point, Point(entry.lat, entry.lon)) * (1 + SPHERE_ERROR))
    )
