"""What a phone is told to watch; the oracle is geopy's geodesic over all fences."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from geopy.distance import geodesic

from server.model.ping import Fix
from server.model.place import Circle, Geofence, Point
from server.pipeline.watch import MOST, watch_from
from server.signals.fences import FenceIndex
from tests.pipeline.town import TOWN, off

NOW = datetime(2026, 11, 3, tzinfo=UTC)


def fences(*circles: tuple[Point, float]) -> FenceIndex:
    """Make an index of circles, numbered from 1."""
    return FenceIndex.build(
        Geofence(UUID(int=number), f"F{number}", Circle(at, radius)) for number, (at, radius) in enumerate(circles, 1)
    )


def test_the_nearest_boundaries_come_first_and_no_more_than_a_phone_can_watch() -> None:
    circles = [(off(311 * n, 97 * n), 40.0 + 5 * n) for n in range(1, 31)]
    watch = watch_from(Fix(TOWN, 8, NOW), fences(*circles))
    away = {UUID(int=n): abs(geodesic(tuple(TOWN), tuple(at)).m - r) for n, (at, r) in enumerate(circles, 1)}
    assert [each.id for each in watch.circles] == sorted(away, key=lambda each: away[each])[:MOST]
    assert watch.circles[0].circle == Circle(*circles[0])


def test_who_is_inside_watches_the_fence_they_will_leave() -> None:
    watch = watch_from(Fix(TOWN, 8, NOW), fences((TOWN, 100.0), (off(2_000), 100.0)))
    assert [each.id.int for each in watch.circles] == [1, 2]


@pytest.mark.parametrize(
    ("away_m", "speed_mps", "seconds"),
    [(1_500, None, 535), (1_500, 14.0, 53), (100, None, 35), (20, 0.0, 15), (60_000, 30.0, 900), (3_000, 0.2, 900)],
)
def test_the_next_report_is_due_half_way_to_the_nearest_boundary(
    away_m: float, speed_mps: float | None, seconds: int
) -> None:
    watch = watch_from(Fix(TOWN, 8, NOW, speed_mps), fences((off(away_m + 100), 100.0)))
    assert watch.next_ping_s == pytest.approx(seconds, abs=1)


def test_where_nothing_is_near_there_is_nothing_to_watch_and_time() -> None:
    assert watch_from(Fix(TOWN, 8, NOW), fences()) == ((), 900)
    assert watch_from(Fix(TOWN, 8, NOW), fences((Point(-33.9, 18.4), 100.0))) == ((), 900)
