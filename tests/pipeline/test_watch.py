"""What a phone is told to watch; the oracle is geopy's geodesic over all fences."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from geopy.distance import geodesic
from hypothesis import given, settings
from hypothesis import strategies as st

from server.model.ping import Fix
from server.model.place import Circle, Geofence, Point
from server.pipeline.watch import MOST, Watcher
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
    watch = Watcher().watch_from(Fix(TOWN, 8, NOW), fences(*circles))
    away = {UUID(int=n): abs(geodesic(tuple(TOWN), tuple(at)).m - r) for n, (at, r) in enumerate(circles, 1)}
    assert [each.id for each in watch.circles] == sorted(away, key=lambda each: away[each])[:MOST]
    assert watch.circles[0].circle == Circle(*circles[0])


def test_who_is_inside_watches_the_fence_they_will_leave() -> None:
    watch = Watcher().watch_from(Fix(TOWN, 8, NOW), fences((TOWN, 100.0), (off(2_000), 100.0)))
    assert [each.id.int for each in watch.circles] == [1, 2]


@pytest.mark.parametrize(
    ("away_m", "speed_mps", "seconds"),
    [(1_500, None, 535), (1_500, 14.0, 53), (100, None, 35), (20, 0.0, 15), (60_000, 30.0, 900), (3_000, 0.2, 900)],
)
def test_the_next_report_is_due_half_way_to_the_nearest_boundary(
    away_m: float, speed_mps: float | None, seconds: int
) -> None:
    watch = Watcher().watch_from(Fix(TOWN, 8, NOW, speed_mps), fences((off(away_m + 100), 100.0)))
    assert watch.next_ping_s == pytest.approx(seconds, abs=1)


def test_where_nothing_is_near_there_is_nothing_to_watch_and_time() -> None:
    assert Watcher().watch_from(Fix(TOWN, 8, NOW), fences()) == ((), 900)
    assert Watcher().watch_from(Fix(TOWN, 8, NOW), fences((Point(-33.9, 18.4), 100.0))) == ((), 900)


GRID = [(Point(52.5 + (n // 20) * 0.0041, 13.3 + n % 20 * 0.0067), 30.0 + n % 7 * 25) for n in range(400)]
WATCHER, INDEX = Watcher(), fences(*GRID)


@settings(max_examples=25)
@given(st.floats(52.45, 52.6), st.floats(13.25, 13.45))
def test_what_a_cell_remembers_misses_no_point_of_it(lat: float, lon: float) -> None:
    here = Point(lat, lon)
    watch = WATCHER.watch_from(Fix(here, 8, NOW), INDEX)
    away = {UUID(int=n): abs(geodesic(tuple(here), tuple(at)).m - r) for n, (at, r) in enumerate(GRID, 1)}
    told = [away[each.id] for each in watch.circles]
    assert told == pytest.approx(sorted(away.values())[:MOST], abs=0.01)


@settings(max_examples=12)
@given(st.lists(st.tuples(st.floats(-60, 60), st.floats(-60, 60)), min_size=2, max_size=4), st.integers(0, 399))
def test_who_moves_a_little_is_told_the_order_of_where_they_are(steps: list[tuple[float, float]], start: int) -> None:
    watcher = Watcher()
    for north, east in steps:
        here = off(north, east, of=GRID[start][0])
        watch = watcher.watch_from(Fix(here, 8, NOW, 10.0), INDEX)
        away = [
            abs(geodesic(tuple(here), tuple(each.circle.center)).m - each.circle.radius_m) for each in watch.circles
        ]
        assert away == pytest.approx(sorted(away), abs=0.01)
        close = [(at, r) for at, r in GRID if abs(at.lat - here.lat) < 0.025 and abs(at.lon - here.lon) < 0.04]
        nearest = sorted(abs(geodesic(tuple(here), tuple(at)).m - r) for at, r in close)
        assert away == pytest.approx(nearest[:MOST], abs=0.01)
        assert watch.next_ping_s == pytest.approx(min(max(nearest[0] / 20, 15), 900), abs=1)


@pytest.mark.parametrize("spacing_m", [12, 900, 30_000])
def test_a_block_with_too_much_or_too_little_around_it_tells_the_same(spacing_m: float) -> None:
    circles = [(off(spacing_m * (n // 17 - 8), spacing_m * (n % 17 - 8)), 5.0 + n % 3) for n in range(289)]
    watcher, index = Watcher(), fences(*circles)
    for north, east in ((0, 0), (1_700, 900), (-3_100, 2_000), (240, 10)):
        here = off(north, east)
        told = watcher.watch_from(Fix(here, 8, NOW), index).circles
        away = {UUID(int=n): abs(geodesic(tuple(here), tuple(at)).m - r) for n, (at, r) in enumerate(circles, 1)}
        near = sorted(each for each in away.values() if each < 100_000)[:MOST]
        assert [away[each.id] for each in told] == pytest.approx(near, abs=0.02)


def test_a_new_index_is_looked_at_anew() -> None:
    watcher, fix = Watcher(), Fix(TOWN, 8, NOW)
    assert watcher.watch_from(fix, fences()).circles == ()
    assert len(watcher.watch_from(fix, fences((TOWN, 100.0))).circles) == 1


@pytest.mark.parametrize("at", [Point(0.0, 179.9999), Point(0.0, -179.9999), Point(89.0, 10.0), Point(-89.99, -180.0)])
def test_the_ends_of_the_map_are_watched_too(at: Point) -> None:
    around = [off(300 * n, 200, of=at) for n in range(1, 6)]
    watch = Watcher().watch_from(Fix(at, 8, NOW), fences(*((each, 50.0) for each in around)))
    oracle = sorted(range(5), key=lambda n: geodesic(tuple(at), tuple(around[n])).m)
    assert [each.id.int - 1 for each in watch.circles] == oracle
