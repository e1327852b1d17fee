"""Which fences is a point in, or near: the index over all of them, exact to the metre that decides.

Rule 1: whether a point is inside a circle is what geopy's geodesic says, always; the flat formula may only answer where
its proven error cannot change the answer. An Area's edges are straight in longitude and latitude (RFC 7946).
Rule 2: an index never changes. `replaced` gives a new one that shares nearly everything with the old; who holds the
old one goes on reading one state of the world, and takes the new one with his next question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf, sqrt
from typing import Final, Self
from uuid import UUID

from server.model.context import Hit
from server.model.place import Circle, Geofence, Point
from server.signals.distance import FLAT_MAX_M, SPHERE_ERROR, distance_m, flat_m, geodesic_m, metric_at, sphere_m
from server.signals.grid import SHARDS, Box, Entry, Grid, box_around
from server.signals.outline import Outline

_PLAIN_LAT: Final = 84.0  # from here no fence that can matter lies beyond 85°, where the flat formula ends …
_PLAIN_LON: Final = 160.0  # … nor one behind the antimeridian
_PLAIN_REACH_M: Final = 200_000.0
_SURE: Final = 1.1  # in squared distances: farther than this is out of reach, whatever the formula's error
_FIRST_REACH_M: Final = 250.0
_GROWTH: Final = 2.0


Known = tuple[Geofence, Entry]


class FenceIndex:
    """All fences, by place and by id. Made by `build`; safe to read from anywhere, for ever."""

    __slots__ = ("_count", "_grid", "_known")

    def __init__(self, grid: Grid, known: tuple[Mapping[UUID, Known], ...], count: int) -> None:
        """Hold the grid and the fences by id, in shards."""
        self._grid, self._known, self._count = grid, known, count

    @classmethod
    def build(cls, fences: Iterable[Geofence]) -> Self:
        """An index over some fences; of two with one id the later stands."""
        return cls(Grid(), ({},) * SHARDS, 0).replaced(fences, ())

    def replaced(self, changed: Iterable[Geofence], removed: Iterable[UUID]) -> Self:
        """A new index in which fences were put (or put anew) and others removed; unknown ids are no error."""
        wanted: dict[UUID, Geofence | None] = dict.fromkeys(removed)
        wanted.update((fence.id, fence) for fence in changed)
        known, own, count = list(self._known), dict[int, dict[UUID, Known]](), self._count
        put: list[tuple[Box, Entry]] = []
        drop: list[tuple[Box, Entry]] = []
        for identifier, fence in wanted.items():
            number = hash(identifier) % SHARDS
            if number not in own:
                known[number] = own[number] = dict(known[number])
            before = own[number].pop(identifier, None)
            if before is not None:
                count -= 1
                drop.append((_box(before[1]), before[1]))
            if fence is not None:
                count += 1
                entry = _entry(fence)
                own[number][identifier] = fence, entry
                put.append((_box(entry), entry))
        return type(self)(self._grid.changed(put=put, drop=drop), tuple(known), count)

    def __len__(self) -> int:
        """How many fences there are."""
        return self._count

    def __iter__(self) -> Iterator[Geofence]:
        """Every fence, in no order."""
        return (fence for shard in self._known for fence, _ in shard.values())

    def get(self, identifier: UUID) -> Geofence | None:
        """The fence of an id."""
        known = self._look_up(identifier)
        return None if known is None else known[0]

    def __contains__(self, identifier: UUID) -> bool:
        """Tell whether there is a fence of an id."""
        return self._look_up(identifier) is not None

    def only(self, wanted: Iterable[UUID]) -> FenceIndex:
        """Give an index of some of the fences."""
        return FenceIndex.build(fence for each in wanted if (fence := self.get(each)) is not None)

    def enclosing(self, identifier: UUID) -> Circle | None:
        """A circle that holds the whole fence (a circle's own, exactly): what a phone can be told to watch."""
        known = self._look_up(identifier)
        if known is None:
            return None
        entry = known[1]
        return Circle(Point(entry.lat, entry.lon), entry.outer_m)

    def measure(self, point: Point, identifier: UUID) -> Hit | None:
        """One fence as seen from a point, however far away; None if there is no such fence."""
        known = self._look_up(identifier)
        return None if known is None else _hit(point, known[1])

    def around(self, point: Point, reach_m: float) -> list[Hit]:
        """Every fence that holds the point or whose boundary is at most `reach_m` away; the deepest inside first."""
        entries = self._grid.touching(box_around(point.lat, point.lon, reach_m))
        if _is_plain(point, reach_m):
            hits = _plain_hits(point, reach_m, entries)
        else:
            near = (_hit(point, entry, reach_m) for entry in entries if _outside(point, entry) <= reach_m)
            hits = [hit for hit in near if hit is not None and hit.edge_m <= reach_m]
        hits.sort(key=_by_edge)
        return hits

    def nearest(self, point: Point, count: int, within_m: float) -> list[Hit]:
        """At most `count` fences whose boundary is at most `within_m` away, the nearest boundary first.

        A fence around the point counts by its boundary too: leaving it is what comes next.
        """
        reach = min(_FIRST_REACH_M, within_m)
        while True:
            entries = self._grid.touching(box_around(point.lat, point.lon, reach))
            last = reach >= within_m
            hits = _nearest(point, entries, count, reach) if last or len(entries) >= count else []
            if last or len(hits) >= count:
                return hits
            reach = min(reach * _GROWTH, within_m)

    def _look_up(self, identifier: UUID) -> Known | None:
        return self._known[hash(identifier) % SHARDS].get(identifier)


def _by_edge(hit: Hit) -> float:
    return hit.edge_m


def _by_boundary(hit: Hit) -> float:
    return abs(hit.edge_m)


def _is_plain(point: Point, reach_m: float) -> bool:
    return abs(point.lat) < _PLAIN_LAT and abs(point.lon) < _PLAIN_LON and reach_m < _PLAIN_REACH_M


def _entry(fence: Geofence) -> Entry:
    shape = fence.shape
    if isinstance(shape, Circle):
        return Entry(shape.center.lat, shape.center.lon, shape.radius_m, fence.id, None)
    outline = Outline.of(shape)
    return Entry(outline.lat, outline.lon, outline.outer_m, fence.id, outline)


def _box(entry: Entry) -> Box:
    return box_around(entry.lat, entry.lon, entry.outer_m) if entry.outline is None else entry.outline.box


def _plain_hits(point: Point, reach_m: float, entries: Sequence[Entry]) -> list[Hit]:
    """The hot loop, for the inhabited world: the flat metric made once, no trigonometry per fence."""
    lat, lon = point
    metric = metric_at(lat)
    a0, a1, a2, b0, b1, b2, _ = metric
    hits: list[Hit] = []
    for entry in entries:
        flat_lat, flat_lon, radius, identifier, outline = entry
        if outline is not None:
            hit = _area_hit(point, entry, outline, reach_m)
            if hit is not None:
                hits.append(hit)
            continue
        dy, dx = flat_lat - lat, flat_lon - lon
        square = dy * dy * (a0 + dy * (a1 + dy * a2)) + dx * dx * (b0 + dy * (b1 + dy * b2))
        limit = radius + reach_m
        if square > limit * limit * _SURE:
            continue
        center = sqrt(square)
        band = metric.band(center)
        if abs(center - radius) <= band or abs(center - limit) <= band or center > FLAT_MAX_M:
            center = geodesic_m(point, Point(flat_lat, flat_lon))
        if center <= limit:
            hits.append(Hit(identifier, center, center - radius, radius, False))
    return hits


def _area_hit(point: Point, entry: Entry, outline: Outline, reach_m: float) -> Hit | None:
    if _outside(point, entry) > reach_m:
        return None
    edge = outline.edge_m(point)
    if edge > reach_m:
        return None
    return Hit(entry.id, distance_m(point, Point(entry.lat, entry.lon)), edge, outline.radius_m, True)


def _hit(point: Point, entry: Entry, reach_m: float = inf) -> Hit | None:
    """One fence by itself, wherever it is."""
    lat, lon, radius, identifier, outline = entry
    if outline is not None:
        return _area_hit(point, entry, outline, reach_m)
    middle = Point(lat, lon)
    center = flat_m(point, middle)
    if center is None:
        center = geodesic_m(point, middle)
    else:
        band = metric_at(max(abs(point.lat), abs(lat))).band(center)
        if abs(center - radius) <= band or abs(center - radius - reach_m) <= band:
            center = geodesic_m(point, middle)
    return Hit(identifier, center, center - radius, radius, False)


def _outside(point: Point, entry: Entry) -> float:
    """A lower bound (m) of how far outside of a fence a point is; negative where it may be inside."""
    return sphere_m(point, Point(entry.lat, entry.lon)) * (1 - SPHERE_ERROR) - entry.outer_m


def _low(point: Point, entry: Entry) -> float:
    """A lower bound (m) of how far the boundary is, on whichever side; 0 where that cannot be told of an Area."""
    outside = _outside(point, entry)
    if outside >= 0:
        return outside
    if entry.outline is not None:
        return 0.0
    return max(0.0, entry.outer_m - sphere_m(point, Point(entry.lat, entry.lon)) * (1 + SPHERE_ERROR))


def _nearest(point: Point, entries: Sequence[Entry], count: int, reach_m: float) -> list[Hit]:
    """The nearest boundaries among some entries; far ones are measured in the order of their lower bounds."""
    if _is_plain(point, reach_m) and reach_m < FLAT_MAX_M:
        near = [hit for hit in _plain_hits(point, reach_m, entries) if abs(hit.edge_m) <= reach_m]
        return sorted(near, key=_by_boundary)[:count]
    found: list[Hit] = []
    for low, _, entry in sorted((_low(point, entry), number, entry) for number, entry in enumerate(entries)):
        if low > reach_m or (len(found) >= count and low > abs(found[count - 1].edge_m)):
            break
        hit = _hit(point, entry)
        if hit is not None and abs(hit.edge_m) <= reach_m:
            found.append(hit)
            found.sort(key=_by_boundary)
            del found[count:]
    return found
