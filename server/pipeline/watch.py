"""What a phone may watch by itself until it reports again: the nearest fences that matter, and for how long that is enough.

Rule 1: what is near is looked up once per cell of the map, with so much to spare that no fence of any point in the cell is
        missing; for each fix the few that are left are put in order.
Rule 2: what is remembered belongs to one index. A new one begins with nothing.
"""

from __future__ import annotations

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

_CELL_DEG = 1 / 512
"""Some 220 m: who walks stays in a cell for minutes, and there is not much more to put in order than is told."""
_DEGREE_M = 112_000.0  # more than a degree of latitude, or of longitude at the equator, has anywhere
_CELLS = 20_000
_PLAIN_SQUARE = (FLAT_MAX_M / 2) ** 2


class _Near(NamedTuple):
    """A fence that may be among the nearest: its circle, spelled out for the loop."""

    lat: float
    lon: float
    radius_m: float
    watched: Watched


class Watcher:
    """Answers for one process; remembers the cells that its customers are in."""

    def __init__(self) -> None:
        """Remember nothing."""
        self._index: FenceIndex | None = None
        self._cells: dict[tuple[int, int], tuple[_Near, ...]] = {}
        self._known: dict[UUID, _Near] = {}

    def watch_from(self, fix: Fix, live: FenceIndex) -> Watch:
        """Tell a phone at this fix which of the live offers' fences to watch, and when (s) to report at the latest.

        It reports when it could have got half the way to the nearest boundary at its speed (walking, where it tells none).
        """
        if live is not self._index or len(self._cells) >= _CELLS:
            self._index, self._cells, self._known = live, {}, {}
        key = floor(fix.point.lat / _CELL_DEG), floor(fix.point.lon / _CELL_DEG)
        near = self._cells.get(key)
        if near is None:
            near = self._cells[key] = tuple(self._spelled(each, live) for each in _around_cell(key, live))
        nearest = _nearest(fix.point, near)
        if not nearest:
            return Watch((), _LATEST_S)
        soon = nearest[0][0] / max(_WALKING_MPS, fix.speed_mps or 0.0) / 2
        return Watch(tuple(each.watched for _, each in nearest), int(min(max(soon, _SOONEST_S), _LATEST_S)))

    def _spelled(self, identifier: UUID, live: FenceIndex) -> _Near:
        """Spell a fence out once, for all cells that it is near to."""
        known = self._known.get(identifier)
        if known is None:
            circle = live.enclosing(identifier)
            if circle is None:
                raise LookupError("the index found a fence that it does not have")
            known = _Near(*circle.center, circle.radius_m, Watched(identifier, circle, _written(identifier, circle)))
            self._known[identifier] = known
        return known


def _written(identifier: UUID, circle: Circle) -> bytes:
    (lat, lon), radius_m = circle
    return msgspec.json.encode({"id": identifier, "lat": lat, "lon": lon, "radius_m": radius_m})


def _around_cell(key: tuple[int, int], live: FenceIndex) -> list[UUID]:
    """List every fence that may be among the nearest of some point in the cell.

    With r the cell's radius and d the distance of the middle's last one, no point's last one is farther than d + r, and
    none of those is farther than d + 2r from the middle.
    """
    middle = Point((key[0] + 0.5) * _CELL_DEG, (key[1] + 0.5) * _CELL_DEG)
    hits = live.nearest(middle, MOST, WITHIN_M)
    if len(hits) == MOST:
        radius = hypot(1, cos(radians(middle.lat))) * _CELL_DEG / 2 * _DEGREE_M
        last = max(abs(hit.edge_m) for hit in hits)
        hits = [hit for hit in live.around(middle, last + 2 * radius) if hit.edge_m >= -last - 2 * radius]
    return [hit.id for hit in hits]


def _nearest(point: Point, near: tuple[_Near, ...]) -> list[tuple[float, _Near]]:
    """Put the nearest boundaries in order, by the flat metric where it is good for a metre and by the geodesic elsewhere."""
    lat, lon = point
    a0, a1, a2, b0, b1, b2, _ = metric_at(lat)
    found = []
    for each in near:
        to_lat, to_lon, radius_m, _ = each
        dy, dx = to_lat - lat, to_lon - lon
        square = dy * dy * (a0 + dy * (a1 + dy * a2)) + dx * dx * (b0 + dy * (b1 + dy * b2))
        flat = 0 <= square < _PLAIN_SQUARE and -84 < lat < 84
        center = sqrt(square) if flat else distance_m(point, Point(to_lat, to_lon))
        found.append((abs(center - radius_m), each))
    found.sort(key=_by_distance)
    return found[:MOST]


def _by_distance(pair: tuple[float, _Near]) -> float:
    return pair[0]
