"""Places in the order of their distance, exact and lazy: whoever takes the first ten pays for little more than ten geodesics.

A sphere's distance is less than 0.6 % off, so it says how near a place may be at best. In that order places are measured, and
given as soon as none that is left can be nearer.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from uuid import UUID

from server.model.place import Place, Point
from server.signals.distance import SPHERE_ERROR, distance_m, sphere_m


def nearest_first(origin: Point, places: Iterable[Place]) -> Iterator[tuple[Place, float]]:
    """Give places with their distance (m), the nearest first; of two that are equally far the lesser id."""
    at_best = sorted(
        ((sphere_m(origin, place.point) * (1 - SPHERE_ERROR), place.id, place) for place in places),
        key=lambda each: each[:2],
    )
    measured: list[tuple[float, UUID, Place]] = []
    for bound, id_, place in at_best:
        while measured and measured[0][0] < bound:
            distance, _, nearest = heapq.heappop(measured)
            yield nearest, distance
        heapq.heappush(measured, (distance_m(origin, place.point), id_, place))
    while measured:
        distance, _, nearest = heapq.heappop(measured)
        yield nearest, distance
