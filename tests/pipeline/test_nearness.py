"""The order is that of the geodesic, whatever a sphere thinks, and nobody is measured who was not asked for."""

from __future__ import annotations

import itertools
import random
import sys
from types import FrameType
from typing import Any

from geopy.distance import geodesic
from hypothesis import given
from hypothesis import strategies as st

from server.model.place import Place, Point
from server.pipeline.nearness import nearest_first
from tests import builders

CLOSE_M = 0.2
"""What the flat formula may be off at its fifty kilometres (`server/signals/distance.py`)."""

POINTS = st.builds(Point, st.floats(-89, 89), st.floats(-180, 180))


def places_at(points: list[Point]) -> list[Place]:
    return [builders.place(number, at=point) for number, point in enumerate(points, 1)]


@given(POINTS, st.lists(POINTS, max_size=12))
def test_places_come_in_the_order_of_the_geodesic(origin: Point, points: list[Point]) -> None:
    places = places_at(points)
    found = list(nearest_first(origin, places))
    truth = [geodesic((origin.lat, origin.lon), (place.point.lat, place.point.lon)).m for place, _ in found]
    assert sorted(place.id for place, _ in found) == sorted(place.id for place in places)
    assert all(one <= other + CLOSE_M for one, other in itertools.pairwise(truth))
    assert all(abs(told - true) < CLOSE_M for (_, told), true in zip(found, truth, strict=True))


def test_of_two_that_are_equally_far_the_lesser_id_comes_first() -> None:
    one, other = places_at([Point(52.5, 13.4), Point(52.5, 13.4)])
    assert [place for place, _ in nearest_first(Point(52.6, 13.5), [other, one])] == [one, other]


def test_the_first_ten_of_thousands_cost_few_geodesics() -> None:
    chance = random.Random(7)
    places = places_at([Point(chance.uniform(47, 55), chance.uniform(6, 15)) for _ in range(2000)])
    asked = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal asked
        asked += event == "call" and frame.f_code.co_name == "distance_m"

    sys.setprofile(count)
    try:
        assert len(list(itertools.islice(nearest_first(Point(51, 10), places), 10))) == 10
    finally:
        sys.setprofile(None)
    assert 10 <= asked < 40
