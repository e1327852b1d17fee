"""What a phone may watch by itself until it reports again: the nearest fences that matter, and for how long that is enough.

Rule 1: what is near is looked up once per cell of the map, with so much to spare that no fence of any point in the cell is
        missing; for each fix the few that are left are put in order.
Rule 2: what is remembered belongs to one index. A new one begins with nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import cos, floor, hypot, radians, sqrt
from typing import NamedTuple
from uuid import UUID

import msgspec

from server.model.ping import Fix
from server.model.place import Circle, Point
from server.pipeline.batch import Watch, Watched
from server.signals.distance import FLAT_MAX_M, distance_m, metric_at
from server.signals.fences import FenceIndex

MOST = 19
"""Phones watch twenty regions for an app (Apple's CLLocationManager); one is left for the app's own."""

WITHIN_M = 100_000.0
"""A fence farther away is not reached before the next report."""

_SOONEST_S, _LATEST_S = 15, 900
_WALKING_MPS = 1.4

_CELLS = 512
"""Cells to a degree, each some 220 m: who walks stays in one for minutes, and there is not much more to put in order than
is told."""
_BLOCKS = 32
"""Blocks of cells to a degree, some 3.5 km: a new cell chooses from what its block has near, and asks the index no more."""
_CROWD = 200
"""Where a block has more near, a cell asks the index itself: it has its answer at once where fences are dense."""
_REMEMBERED = 20_000
_DEGREE_M = 112_000.0  # more than a degree of latitude, or of longitude at the equator, has anywhere
_FLAT_M = FLAT_MAX_M / 2
_METRIC_M = 0.5  # more than the flat metric is off between two points of one cell and a fence


class _Near(NamedTuple):
    """A fence that may be among the nearest: its circle, spelled out for the loop."""

    lat: float
    lon: float
    radius_m: float
    number: int
    watched: Watched


class _Order(NamedTuple):
    """In which order a point's nearest boundaries are, and how far (m) one may go from it without changing that."""

    point: Point
    free_m: float
    told: tuple[Watched, ...]


@dataclass(slots=True)
class _Cell:
    """What is near to some point of a cell; `flat` where the flat metric is good for all of it; the last order told."""

    near: tuple[_Near, ...]
    flat: bool
    order: _Order | None = None


Key = tuple[int, int]
"""A cell or a block: latitude and longitude in its units, rounded down."""


class Watcher:
    """Answers for one process; remembers the cells that its customers are in."""

    def __init__(self) -> None:
        """Remember nothing."""
        self._index: FenceIndex | None = None
        self._cells: dict[Key, _Cell] = {}
        self._blocks: dict[Key, _Cell | None] = {}
        self._known: dict[UUID, _Near] = {}

    def watch_from(self, fix: Fix, live: FenceIndex) -> Watch:
        """Tell a phone at this fix which of the live offers' fences to watch, and when (s) to report at the latest.

        It reports when it could have got half the way to the nearest boundary at its speed (walking, where it tells none).
        """
        if live is not self._index:
            self._index, self._cells, self._blocks, self._known = live, {}, {}, {}
        lat, lon = fix.point
        key = floor(lat * _CELLS), floor(lon * _CELLS)
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cell(key, live)
        if not cell.near:
            return Watch((), _LATEST_S)
        order = cell.order
        if order is None or _far_m(fix.point, order.point) >= order.free_m:
            order = cell.order = _order(fix.point, cell)
        center, radius_m = order.told[0].circle
        soon = abs(distance_m(fix.point, center) - radius_m) / max(_WALKING_MPS, fix.speed_mps or 0.0) / 2
        return Watch(order.told, int(min(max(soon, _SOONEST_S), _LATEST_S)))

    def _cell(self, key: Key, live: FenceIndex) -> _Cell:
        """Find what is near to a cell: of what its block has near, where that is not too much."""
        place = key[0] * _BLOCKS // _CELLS, key[1] * _BLOCKS // _CELLS
        if place not in self._blocks:
            if len(self._blocks) >= _REMEMBERED:
                self._blocks.clear()
            self._blocks[place] = self._asked(place, _BLOCKS, live, most=_CROWD)
        block = self._blocks[place]
        cell = _part(block, key) if block is not None else self._asked(key, _CELLS, live)
        if cell is None:
            raise LookupError("a cell without an end")
        if len(self._cells) >= _REMEMBERED:
            self._cells.clear()
        self._cells[key] = cell
        return cell

    def _asked(self, key: Key, scale: int, live: FenceIndex, *, most: int | None = None) -> _Cell | None:
        """Ask the index what is near to some point of a cell; None where that is more than `most`."""
        middle, radius = _circle(key, scale)
        hits = live.nearest(middle, MOST, WITHIN_M)
        if len(hits) == MOST:
            last = max(abs(hit.edge_m) for hit in hits)
            hits = [hit for hit in live.around(middle, last + 2 * radius) if hit.edge_m >= -last - 2 * radius]
        elif scale < _CELLS:  # so few that some point of it may be nearer to more
            hits = live.around(middle, WITHIN_M + radius)
        if most is not None and len(hits) > most:
            return None
        near = tuple(self._spelled(hit.id, live) for hit in hits)
        flat = all(hit.center_m + radius < _FLAT_M for hit in hits) and all(
            abs(each.lon - middle.lon) < 1 for each in near
        )
        return _Cell(near, flat and -84 < middle.lat < 84)

    def _spelled(self, identifier: UUID, live: FenceIndex) -> _Near:
        """Spell a fence out once, for all cells that it is near to."""
        known = self._known.get(identifier)
        if known is None:
            circle = live.enclosing(identifier)
            if circle is None:
                raise LookupError("the index found a fence that it does not have")
            watched = Watched(identifier, circle, _written(identifier, circle))
            known = _Near(*circle.center, circle.radius_m, len(self._known), watched)
            self._known[identifier] = known
        return known


def _written(identifier: UUID, circle: Circle) -> bytes:
    (lat, lon), radius_m = circle
    return msgspec.json.encode({"id": identifier, "lat": lat, "lon": lon, "radius_m": radius_m})


def _circle(key: Key, scale: int) -> tuple[Point, float]:
    """Give the middle of a cell, and how far (m) its corners are from it at most."""
    middle = Point((key[0] + 0.5) / scale, (key[1] + 0.5) / scale)
    wide = cos(radians(min(abs(key[0]), abs(key[0] + 1)) / scale))  # towards the equator
    return middle, hypot(1, wide) / scale / 2 * _DEGREE_M


def _part(block: _Cell, key: Key) -> _Cell:
    """Choose from what is near to a block what is near to one of its cells.

    With r the cell's radius and d the distance of the middle's last one, no point's last one is farther than d + r, and
    none of those is farther than d + 2r from the middle.
    """
    middle, radius = _circle(key, _CELLS)
    measured = sorted(_measured(middle, block))
    if len(measured) < MOST:
        return block
    last = measured[MOST - 1][0] + 2 * radius
    chosen = {number for edge, number, _ in measured if edge <= last}
    return _Cell(tuple(each for each in block.near if each.number in chosen), block.flat)


def _order(point: Point, cell: _Cell) -> _Order:
    """Put the boundaries around a point in order. Who moves by x changes no distance by more, so no two by more than 2x."""
    measured = sorted(_measured(point, cell))
    gaps = [after[0] - before[0] for before, after in pairwise(measured[: MOST + 1])]
    return _Order(
        point, (min(gaps, default=_DEGREE_M) - 2 * _METRIC_M) / 2, tuple([each[2] for each in measured[:MOST]])
    )


def _far_m(one: Point, other: Point) -> float:
    """Tell how far apart two points are at most (m)."""
    return hypot(one.lat - other.lat, one.lon - other.lon) * _DEGREE_M


def _measured(point: Point, cell: _Cell) -> list[tuple[float, int, Watched]]:
    """Measure boundaries, by the flat metric where it is good for a metre and by the geodesic elsewhere."""
    lat, lon = point
    if not cell.flat:
        return [
            (abs(distance_m(point, Point(to_lat, to_lon)) - radius_m), number, watched)
            for to_lat, to_lon, radius_m, number, watched in cell.near
        ]
    a0, a1, a2, b0, b1, b2, _ = metric_at(lat)
    return [
        (
            abs(
                sqrt(
                    (dy := to_lat - lat) * dy * (a0 + dy * (a1 + dy * a2))
                    + (dx := to_lon - lon) * dx * (b0 + dy * (b1 + dy * b2))
                )
                - radius_m
            ),
            number,
            watched,
        )
        for to_lat, to_lon, radius_m, number, watched in cell.near
    ]
