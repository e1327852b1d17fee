"""The index against a plain scan with geopy's geodesic: inside, near, nearest, far, over the seams of the map."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.model.context import Hit
from server.model.place import Area, Circle, Geofence, Point
from server.signals.fences import FenceIndex
from server.signals.geojson import read_collection
from tests.signals.spread import away, fence, spread, square, true_m

BERLIN = Point(52.520008, 13.404954)


def town(count: int, *, middle: Point = BERLIN, size: float = 0.2) -> list[Geofence]:
    """Circles of 20 m to 5 km strewn over a town."""
    return [
        fence(n, Circle(Point(middle.lat + (a - 0.5) * size, middle.lon + (b - 0.5) * size), 20 + 4980 * c**6))
        for n, (a, b, c, _) in enumerate(spread(count))
    ]


def scan(fences: list[Geofence], point: Point, reach_m: float) -> dict[UUID, float]:
    """What must be found, by the geodesic alone: id -> signed distance to the edge."""
    found = {}
    for one in fences:
        assert isinstance(one.shape, Circle)
        edge = true_m(point, one.shape.center) - one.shape.radius_m
        if edge <= reach_m:
            found[one.id] = edge
    return found


def check(hits: list[Hit], due: dict[UUID, float], *, abs_m: float = 1e-3) -> None:
    assert {hit.id for hit in hits} == set(due)
    assert [hit.edge_m for hit in hits] == sorted(hit.edge_m for hit in hits)
    for hit in hits:
        assert hit.edge_m == pytest.approx(due[hit.id], abs=abs_m)
        assert hit.center_m == pytest.approx(hit.edge_m + hit.radius_m, abs=1e-6)
        assert (hit.edge_m <= 0) == (due[hit.id] <= 0)


def test_around_finds_in_a_town_exactly_what_a_scan_with_the_geodesic_finds() -> None:
    fences = town(60)
    index = FenceIndex.build(fences)
    found = []
    for a, b, c, _ in spread(40, start=9000):
        point = Point(BERLIN.lat + (a - 0.5) * 0.22, BERLIN.lon + (b - 0.5) * 0.22)
        reach = 2000 * c * c
        check(hits := index.around(point, reach), scan(fences, point, reach))
        found.append(len(hits))
    assert min(found) < 3 < max(found), "there are points with many fences around them, and with few"


def test_a_point_put_on_the_edge_of_a_fence_is_inside_exactly_when_the_geodesic_says_so() -> None:
    for a, b, c, d in spread(400):
        center = Point((2 * a - 1) * 83, (2 * b - 1) * 180)
        radius = 20 + 980 * d
        index = FenceIndex.build([fence(1, Circle(center, radius))])
        point = away(center, bearing=c * 360, metres=radius * (1 + (d * 977 % 1 - 0.5) * 4e-10))
        truth = true_m(point, center)
        assert bool(index.around(point, 0.0)) == (truth <= radius)
        [near] = index.around(point, 1.0)
        assert (near.edge_m <= 0) == (truth <= radius)


def test_the_reach_ends_exactly_where_the_geodesic_says() -> None:
    center, radius, reach = BERLIN, 150.0, 375.0
    index = FenceIndex.build([fence(1, Circle(center, radius))])
    for _, _, c, d in spread(150):
        point = away(center, bearing=c * 360, metres=(radius + reach) * (1 + (d - 0.5) * 4e-10))
        assert bool(index.around(point, reach)) == (true_m(point, center) <= radius + reach)


world = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))
seams = st.builds(
    Point,
    st.one_of(st.floats(-90, -84), st.floats(84, 90), st.floats(-60, 60)),
    st.one_of(st.floats(179, 180), st.floats(-180, -179), st.floats(-180, 180)),
)


@given(
    center=st.one_of(world, seams),
    radius=st.floats(20, 50_000),
    bearing=st.floats(0, 360),
    share=st.floats(0, 3),
    reach=st.floats(0, 30_000),
)
@settings(max_examples=250, deadline=None)
def test_anywhere_on_earth_a_fence_is_found_exactly_when_it_is_in_reach(
    center: Point, radius: float, bearing: float, share: float, reach: float
) -> None:
    one = fence(1, Circle(center, radius))
    point = away(center, bearing=bearing, metres=radius * share)
    hits = FenceIndex.build([one]).around(point, reach)
    assert {hit.id for hit in hits} == set(scan([one], point, reach))


def test_over_the_antimeridian_and_at_the_poles_fences_are_found() -> None:
    fiji = fence(1, Circle(Point(-16.8, 179.9995), 200.0))
    north = fence(2, Circle(Point(89.999, 40.0), 500.0))
    south = fence(3, Circle(Point(-90.0, 0.0), 1000.0))
    index = FenceIndex.build([fiji, north, south])
    assert [hit.id for hit in index.around(Point(-16.8, -179.9995), 0)] == [fiji.id]
    assert [hit.id for hit in index.around(Point(89.999, -140.0), 0)] == [north.id]
    assert [hit.id for hit in index.around(Point(-89.999, 77.0), 0)] == [south.id]
    assert index.around(Point(-16.8, -179.99), 0) == []


def test_nearest_gives_the_nearest_boundaries_first_whichever_side_they_are_on() -> None:
    fences = town(80)
    index = FenceIndex.build(fences)
    for a, b, _, _ in spread(12, start=5000):
        point = Point(BERLIN.lat + (a - 0.5) * 0.3, BERLIN.lon + (b - 0.5) * 0.3)
        due = sorted((abs(edge), id_) for id_, edge in scan(fences, point, 1e9).items())
        for count in (1, 7, 19):
            hits = index.nearest(point, count, 100_000)
            assert [hit.id for hit in hits] == [id_ for _, id_ in due[:count]]


def test_nearest_goes_no_farther_than_it_is_told() -> None:
    fences = town(40)
    index = FenceIndex.build(fences)
    due = {id_ for id_, edge in scan(fences, BERLIN, 1e9).items() if abs(edge) <= 1500}
    assert {hit.id for hit in index.nearest(BERLIN, 1000, 1500)} == due
    assert 0 < len(due) < 40


def test_nearest_over_an_empty_sea_finds_the_far_coast() -> None:
    lisbon = fence(1, Circle(Point(38.72, -9.14), 100.0))
    new_york = fence(2, Circle(Point(40.71, -74.0), 100.0))
    index = FenceIndex.build([new_york, lisbon])
    azores = Point(37.74, -25.67)
    assert [hit.id for hit in index.nearest(azores, 2, 10_000_000)] == [lisbon.id, new_york.id]
    assert index.nearest(azores, 2, 1_000_000) == []
    [hit] = index.nearest(azores, 1, 10_000_000)
    assert hit.edge_m == true_m(azores, Point(38.72, -9.14)) - 100


def test_nearest_of_none_and_nearest_none_are_nothing() -> None:
    assert FenceIndex.build([]).nearest(BERLIN, 19, 100_000) == []
    assert FenceIndex.build(town(3)).nearest(BERLIN, 0, 100_000) == []


def test_measure_tells_of_a_fence_however_far_away() -> None:
    sydney = fence(7, Circle(Point(-33.86, 151.2), 300.0))
    index = FenceIndex.build([sydney])
    hit = index.measure(BERLIN, sydney.id)
    truth = true_m(BERLIN, Point(-33.86, 151.2))
    assert hit == Hit(sydney.id, truth, truth - 300, 300.0, straight=False)
    assert index.measure(BERLIN, UUID(int=99)) is None


def test_fences_that_lie_over_each_other_are_all_found_the_deepest_inside_first() -> None:
    index = FenceIndex.build([fence(n, Circle(BERLIN, 100.0 * n)) for n in range(1, 6)])
    assert [hit.radius_m for hit in index.around(BERLIN, 0)] == [500, 400, 300, 200, 100]


def test_an_area_is_found_with_a_straight_edge_and_the_radius_of_its_equal_circle() -> None:
    area = fence(1, square(BERLIN, half_lat=0.001, half_lon=0.002))
    index = FenceIndex.build([area])
    [hit] = index.around(BERLIN, 0)
    assert hit.straight
    assert hit.center_m == pytest.approx(0, abs=0.01)
    assert hit.edge_m == pytest.approx(-true_m(BERLIN, Point(BERLIN.lat + 0.001, BERLIN.lon)), abs=0.01)
    assert hit.radius_m == pytest.approx((222.55 * 271.5 / 3.14159265) ** 0.5, rel=0.01)
    outside = Point(BERLIN.lat, BERLIN.lon + 0.003)
    assert index.around(outside, 60) == []
    [near] = index.around(outside, 70)
    assert near.edge_m == pytest.approx(true_m(outside, Point(BERLIN.lat, BERLIN.lon + 0.002)), abs=0.01)
    far = index.measure(Point(48.137, 11.575), area.id)
    assert far is not None
    assert far.edge_m == pytest.approx(true_m(Point(48.137, 11.575), BERLIN), rel=0.001)


def test_the_enclosing_circle_holds_the_whole_fence() -> None:
    area = square(BERLIN, half_lat=0.01, half_lon=0.002)
    index = FenceIndex.build([fence(1, area), fence(2, Circle(BERLIN, 120.0))])
    assert index.enclosing(UUID(int=2)) == Circle(BERLIN, 120.0)
    circle = index.enclosing(UUID(int=1))
    assert circle is not None
    assert all(true_m(circle.center, corner) <= circle.radius_m for corner in area.polygons[0][0])
    assert index.enclosing(UUID(int=3)) is None


def test_a_replaced_fence_is_found_where_it_is_now_and_the_old_index_still_knows_where_it_was() -> None:
    old = FenceIndex.build(town(50))
    moved = fence(7, Circle(Point(48.137, 11.575), 100.0))
    new = old.replaced([moved], [UUID(int=8), UUID(int=4711)])
    before = old.enclosing(UUID(int=7))
    assert before is not None
    assert UUID(int=7) in {hit.id for hit in old.around(before.center, 0)}
    assert UUID(int=7) not in {hit.id for hit in new.around(before.center, 0)}
    assert [hit.id for hit in new.around(Point(48.137, 11.575), 0)] == [UUID(int=7)]
    assert new.enclosing(UUID(int=7)) == moved.shape
    assert UUID(int=8) not in new
    assert UUID(int=8) in old
    assert (len(old), len(new)) == (50, 49)


def test_a_fence_both_changed_and_removed_is_kept_as_changed() -> None:
    one = fence(1, Circle(BERLIN, 50.0))
    assert [*FenceIndex.build([]).replaced([one], [one.id])] == [one.id]


changes = st.lists(
    st.tuples(st.integers(0, 9), st.one_of(st.none(), st.tuples(st.floats(0, 0.02), st.floats(0, 0.02)))), max_size=40
)


@given(changes=changes, at=st.tuples(st.floats(0, 0.02), st.floats(0, 0.02)))
@settings(max_examples=60, deadline=None)
def test_after_any_sequence_of_changes_the_index_equals_one_built_anew(
    changes: list[tuple[int, tuple[float, float] | None]], at: tuple[float, float]
) -> None:
    index = FenceIndex.build([])
    model: dict[UUID, Geofence] = {}
    for number, offset in changes:
        if offset is None:
            model.pop(UUID(int=number), None)
            index = index.replaced([], [UUID(int=number)])
        else:
            one = fence(number, Circle(Point(BERLIN.lat + offset[0], BERLIN.lon + offset[1]), 30.0 * (number + 1)))
            model[one.id] = one
            index = index.replaced([one], [])
    point = Point(BERLIN.lat + at[0], BERLIN.lon + at[1])
    built = FenceIndex.build(model.values())
    assert sorted(index.around(point, 300)) == sorted(built.around(point, 300))
    assert {one: index.enclosing(one) for one in index} == {one.id: one.shape for one in model.values()}
    part = (
        FenceIndex.build([])
        .taking(list(model)[::2], of=index)
        .taking(list(model)[1::2], of=index, without=list(model)[::2])
    )
    assert set(part) == set(list(model)[1::2])
    assert sorted(part.around(point, 300)) == sorted(hit for hit in built.around(point, 300) if hit.id in part)
    assert len(index) == len(model)


def test_of_two_fences_with_one_id_the_later_stands() -> None:
    first, second = fence(1, Circle(BERLIN, 50.0)), fence(1, Circle(BERLIN, 60.0))
    index = FenceIndex.build([first, second])
    assert len(index) == 1
    assert [hit.radius_m for hit in index.around(BERLIN, 0)] == [60.0]


def test_areas_and_circles_live_in_one_index() -> None:
    area = Area((square(BERLIN, half_lat=0.01, half_lon=0.01).polygons[0],))
    index = FenceIndex.build([fence(1, area), fence(2, Circle(BERLIN, 80.0))])
    assert {hit.id.int: hit.straight for hit in index.around(BERLIN, 0)} == {1: True, 2: False}
    assert [hit.id.int for hit in index.nearest(BERLIN, 2, 5000)] == [2, 1]


def quarter(number: int, center: Point) -> Geofence:
    """A box of some hundred metres as an Area."""
    return fence(number, square(center, half_lat=0.001 + number % 7 * 0.0007, half_lon=0.002))


def test_around_and_nearest_find_areas_by_their_boundaries() -> None:
    centers = [Point(BERLIN.lat + (a - 0.5) * 0.1, BERLIN.lon + (b - 0.5) * 0.1) for a, b, _, _ in spread(60)]
    fences = [quarter(n, center) for n, center in enumerate(centers)]
    index = FenceIndex.build(fences)
    for a, b, c, _ in spread(25, start=400):
        point = Point(BERLIN.lat + (a - 0.5) * 0.12, BERLIN.lon + (b - 0.5) * 0.12)
        measured = [index.measure(point, one.id) for one in fences]
        hits = [hit for hit in measured if hit is not None]
        reach = 1500 * c
        assert index.around(point, reach) == sorted(
            (hit for hit in hits if hit.edge_m <= reach), key=lambda hit: hit.edge_m
        )
        nearest = sorted(hits, key=lambda hit: abs(hit.edge_m))[:5]
        assert [hit.id for hit in index.nearest(point, 5, 50_000)] == [hit.id for hit in nearest]


@pytest.mark.parametrize("middle", [Point(-16.5, 180.0), Point(71.0, -180.0), Point(88.5, 12.0), Point(-89.9, 0.0)])
def test_over_seams_and_poles_nearest_equals_a_scan(middle: Point) -> None:
    fences = [
        fence(n, Circle(away(middle, bearing=360 * a, metres=30_000 * b), 20 + 3000 * c * c))
        for n, (a, b, c, _) in enumerate(spread(40))
    ]
    index = FenceIndex.build(fences)
    for a, b, _, _ in spread(6, start=70):
        point = away(middle, bearing=360 * a, metres=30_000 * b)
        due = sorted((abs(edge), id_) for id_, edge in scan(fences, point, 1e9).items())
        assert [hit.id for hit in index.nearest(point, 10, 200_000)] == [id_ for _, id_ in due[:10]]
        assert {hit.id for hit in index.around(point, 5000)} == set(scan(fences, point, 5000))


def test_a_fence_of_fifty_kilometres_is_exact_at_its_edge_too() -> None:
    center = Point(51.0, 10.0)
    index = FenceIndex.build([fence(1, Circle(center, 50_000.0))])
    for _, _, c, d in spread(60):
        point = away(center, bearing=360 * c, metres=50_000 * (1 + (d - 0.5) * 1e-8))
        assert bool(index.around(point, 0)) == (true_m(point, center) <= 50_000)


def test_an_update_leaves_all_but_a_few_shards_as_they_were() -> None:
    old = FenceIndex.build(town(300))
    new = old.replaced([fence(7, Circle(BERLIN, 100.0))], [])
    maps = zip(
        (*old._grid.levels, *old._grid._masks, old._known),
        (*new._grid.levels, *new._grid._masks, new._known),
        strict=True,
    )
    rows = [pair for one, other in maps for pair in zip(one.rows, other.rows, strict=True)]
    shards = [pair for one, other in rows for pair in zip(one, other, strict=True)]
    assert 0 < sum(one is not other for one, other in shards) < 40
    assert len(shards) > 9 * 4093


def test_a_long_area_that_crosses_the_seam_is_found_at_its_far_end() -> None:
    strip = Area(
        (
            (
                (
                    Point(60.0, 159.5),
                    Point(60.0, 185.0 - 360),
                    Point(60.02, 185.0 - 360),
                    Point(60.02, 159.5),
                    Point(60.0, 159.5),
                ),
            ),
        )
    )
    index = FenceIndex.build([fence(1, strip)])
    for lon in (159.6, 159.9, 165.0, 179.9, -179.9, -175.1):
        [hit] = index.around(Point(60.01, lon), 0)
        assert hit.edge_m < 0
        assert [each.id for each in index.nearest(Point(60.03, lon), 1, 5_000)] == [UUID(int=1)]
    assert index.around(Point(60.01, 159.4), 0) == []


def test_a_geojson_import_is_found_where_its_polygons_are() -> None:
    document = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"name": "Taveuni"},
                "geometry": {
                    "type": "MultiPolygon",
                    "coordinates": [
                        [[[179.98, -17], [180, -17], [180, -16.96], [179.98, -16.96], [179.98, -17]]],
                        [[[-180, -17], [-179.97, -17], [-179.97, -16.96], [-180, -16.96], [-180, -17]]],
                    ],
                },
            }
        ],
    }
    [feature] = read_collection(document).features
    index = FenceIndex.build([fence(1, feature.shape)])
    for lon in (179.99, 180.0, -180.0, -179.98):
        [hit] = index.around(Point(-16.98, lon), 0)
        assert hit.straight
    assert index.around(Point(-16.98, 179.97), 0) == []
    assert index.around(Point(-16.98, -179.96), 0) == []
