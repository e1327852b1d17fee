"""Inside against shapely, distances against the geodesic searched along every edge; holes, seams, poles, far points."""

from __future__ import annotations

from itertools import pairwise
from math import cos, pi, radians, sin

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from server.model.place import Area, Point, Ring
from server.signals.outline import Outline
from tests.signals.spread import away, spread, square, true_m

HAMBURG = Point(53.55, 9.99)
GOLDEN = (5**0.5 - 1) / 2


def blob(center: Point, radii: list[float], *, stretch: float = 1.0) -> Ring:
    """A ring around a point that cannot cross itself: one vertex per direction (metres, roughly)."""
    north = 1 / 111_300
    east = stretch / (111_300 * max(cos(radians(center.lat)), 0.01))
    points = [
        Point(
            center.lat + radius * north * sin(2 * pi * n / len(radii)),
            center.lon + radius * east * cos(2 * pi * n / len(radii)),
        )
        for n, radius in enumerate(radii)
    ]
    return (*points, points[0])


def plane(area: Area) -> shapely.MultiPolygon:
    """The oracle's shape, in longitude and latitude, where RFC 7946 draws its straight lines."""
    return shapely.MultiPolygon(
        [
            shapely.Polygon([(p.lon, p.lat) for p in rings[0]], [[(p.lon, p.lat) for p in hole] for hole in rings[1:]])
            for rings in area.polygons
        ]
    )


def boundary_m(area: Area, point: Point) -> float:
    """The oracle: the shortest geodesic to any edge, by a search on each."""
    best = float("inf")
    for rings in area.polygons:
        for ring in rings:
            for a, b in pairwise(ring):
                best = min(best, edge_m(a, b, point))
    return best


def edge_m(a: Point, b: Point, point: Point) -> float:
    """The shortest to one edge, by the golden section: each step asks for one geodesic and keeps one that it has."""

    def asked(t: float) -> tuple[float, float]:
        return t, true_m(point, Point(a.lat + (b.lat - a.lat) * t, a.lon + (b.lon - a.lon) * t))

    low, high = 0.0, 1.0
    one, other = asked(1 - GOLDEN), asked(GOLDEN)
    for _ in range(30):  # to a millionth of the edge
        if one[1] < other[1]:
            high, other = other[0], one
            one = asked(high - GOLDEN * (high - low))
        else:
            low, one = one[0], other
            other = asked(low + GOLDEN * (high - low))
    return min(one[1], other[1])


radii = st.lists(st.floats(50, 800), min_size=3, max_size=40)


@given(
    radii=radii,
    hole=st.booleans(),
    asked=st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=20),
)
@settings(max_examples=150, deadline=None)
def test_inside_is_what_shapely_says(radii: list[float], hole: bool, asked: list[tuple[float, float]]) -> None:
    outer = blob(HAMBURG, radii)
    rings = (outer, blob(HAMBURG, [radius * 0.4 for radius in radii])) if hole else (outer,)
    area = Area((rings, square(Point(53.57, 9.99), half_lat=0.002, half_lon=0.002).polygons[0]))
    outline, shape = Outline.of(area), plane(area)
    for y, x in asked:
        point = Point(HAMBURG.lat + y * 0.025, HAMBURG.lon + x * 0.02)
        dot = shapely.Point(point.lon, point.lat)
        if shape.boundary.distance(dot) > 1e-12:
            assert outline.contains(point) == shape.contains(dot)


def test_the_distance_to_the_boundary_is_the_geodesics_to_a_millimetre_at_the_size_of_a_town() -> None:
    for a, b, c, d in spread(14):
        center = Point((2 * a - 1) * 65, (2 * b - 1) * 170)
        area = Area(((blob(center, [400 + 2500 * ((n * d * 7.3) % 1) for n in range(7)]),),))
        point = away(center, bearing=360 * c, metres=6000 * d)
        found = Outline.of(area).edge_m(point)
        assert abs(found) == pytest.approx(boundary_m(area, point), abs=1e-3)
        assert (found < 0) == plane(area).contains(shapely.Point(point.lon, point.lat))


def test_twenty_kilometres_from_an_area_its_distance_is_as_good_as_a_circles() -> None:
    for a, b, c, d in spread(8, start=77):
        center = Point((2 * a - 1) * 60, (2 * b - 1) * 170)
        area = Area(((blob(center, [5000 + 3000 * ((n * d * 5.1) % 1) for n in range(5)]),),))
        point = away(center, bearing=360 * c, metres=26_000)
        assert Outline.of(area).edge_m(point) == pytest.approx(boundary_m(area, point), abs=0.05)


def test_from_far_away_the_distance_is_good_to_a_metre() -> None:
    area = Area(((blob(HAMBURG, [300, 900, 500, 700, 400]),),))
    for _, _, c, d in spread(6):
        point = away(HAMBURG, bearing=360 * c, metres=60_000 + 9_000_000 * d)
        assert Outline.of(area).edge_m(point) == pytest.approx(boundary_m(area, point), abs=1)


def moved(area: Area, *, east: float) -> Area:
    """The same shape farther east, its longitudes within ±180."""
    return Area(
        tuple(
            tuple(tuple(Point(p.lat, (p.lon + east + 180) % 360 - 180) for p in ring) for ring in rings)
            for rings in area.polygons
        )
    )


def mirrored(area: Area) -> Area:
    """The same shape on the other side of the equator."""
    return Area(tuple(tuple(tuple(Point(-p.lat, p.lon) for p in ring) for ring in rings) for rings in area.polygons))


offsets = st.tuples(st.floats(-0.03, 0.03), st.floats(-0.03, 0.03))


@given(radii=radii, offset=offsets, lat=st.floats(-80, 80), east=st.floats(-0.02, 0.02))
@settings(max_examples=60, deadline=None)
def test_a_shape_over_the_antimeridian_answers_as_the_same_shape_elsewhere(
    radii: list[float], offset: tuple[float, float], lat: float, east: float
) -> None:
    here = Area(((blob(Point(lat, 0.0), radii),),))
    point = Point(lat + offset[0], offset[1])
    turn = 180 + east
    there, asked = moved(here, east=turn), Point(point.lat, (point.lon + turn + 180) % 360 - 180)
    one, other = Outline.of(here), Outline.of(there)
    assert other.edge_m(asked) == pytest.approx(one.edge_m(point), abs=1e-3)
    assert other.radius_m == pytest.approx(one.radius_m, rel=1e-6)
    assert other.outer_m == pytest.approx(one.outer_m, rel=1e-6)


@given(radii=radii, offset=offsets, lat=st.floats(0, 80))
@settings(max_examples=60, deadline=None)
def test_a_shape_answers_alike_on_both_sides_of_the_equator(
    radii: list[float], offset: tuple[float, float], lat: float
) -> None:
    north = Area(((blob(Point(lat, 7.0), radii),),))
    point = Point(lat + offset[0], 7.0 + offset[1])
    one, other = Outline.of(north), Outline.of(mirrored(north))
    assert other.edge_m(Point(-point.lat, point.lon)) == pytest.approx(one.edge_m(point), abs=1e-3)
    assert other.radius_m == pytest.approx(one.radius_m, rel=1e-9)


@given(radii=radii, offset=offsets, shift=st.integers(0, 40), back=st.booleans())
@settings(max_examples=60, deadline=None)
def test_it_does_not_matter_where_a_ring_begins_and_which_way_it_runs(
    radii: list[float], offset: tuple[float, float], shift: int, back: bool
) -> None:
    ring = blob(HAMBURG, radii)
    begin = shift % (len(ring) - 1)
    turned = ring[begin:-1] + ring[: begin + 1]
    again = turned[::-1] if back else turned
    point = Point(HAMBURG.lat + offset[0], HAMBURG.lon + offset[1])
    one, other = Outline.of(Area(((ring,),))), Outline.of(Area(((again,),)))
    assert other.edge_m(point) == pytest.approx(one.edge_m(point), abs=1e-6)
    assert (other.lat, other.lon) == pytest.approx((one.lat, one.lon), abs=1e-9)


def test_near_the_pole_the_distance_is_good_to_a_decimetre() -> None:
    center = Point(86.5, 25.0)
    area = Area(((blob(center, [900, 1400, 700, 1200, 1000]),),))
    outline = Outline.of(area)
    for _, _, c, d in spread(8):
        point = away(center, bearing=360 * c, metres=4000 * d)
        assert abs(outline.edge_m(point)) == pytest.approx(boundary_m(area, point), abs=0.1)


def test_a_point_in_a_hole_is_outside_and_as_far_as_the_holes_edge() -> None:
    outer, inner = square(HAMBURG, half_lat=0.02, half_lon=0.02), square(HAMBURG, half_lat=0.005, half_lon=0.02)
    ring = square(HAMBURG, half_lat=0.005, half_lon=0.01).polygons[0][0]
    outline = Outline.of(Area(((outer.polygons[0][0], ring),)))
    assert not outline.contains(HAMBURG)
    assert outline.edge_m(HAMBURG) == pytest.approx(true_m(HAMBURG, Point(HAMBURG.lat + 0.005, HAMBURG.lon)), abs=1e-3)
    between = Point(HAMBURG.lat + 0.01, HAMBURG.lon)
    assert outline.edge_m(between) == pytest.approx(-true_m(between, Point(HAMBURG.lat + 0.005, HAMBURG.lon)), abs=1e-3)
    assert Outline.of(inner).contains(HAMBURG)


def test_a_corner_lies_on_the_boundary() -> None:
    area = square(HAMBURG, half_lat=0.01, half_lon=0.01)
    assert all(abs(Outline.of(area).edge_m(corner)) < 1e-6 for corner in area.polygons[0][0])


def fiji(*, cut: bool) -> Area:
    """A box over the antimeridian: drawn through, or cut as RFC 7946 §3.1.9 asks."""
    if not cut:
        corners = (Point(-17, 179.98), Point(-17, -179.97), Point(-16.96, -179.97), Point(-16.96, 179.98))
        return Area((((*corners, corners[0]),),))
    return Area(
        (
            (tuple(Point(*p) for p in ((-17, 179.98), (-17, 180), (-16.96, 180), (-16.96, 179.98), (-17, 179.98))),),
            (tuple(Point(*p) for p in ((-17, -180), (-17, -179.97), (-16.96, -179.97), (-16.96, -180), (-17, -180))),),
        )
    )


@pytest.mark.parametrize("cut", [False, True])
def test_over_the_antimeridian_an_area_is_whole(cut: bool) -> None:
    outline = Outline.of(fiji(cut=cut))
    for lon in (180.0, -180.0, 179.9999, -179.9999):
        point = Point(-16.98, lon)
        assert outline.contains(point)
        assert outline.edge_m(point) == pytest.approx(-true_m(point, Point(-16.98, 179.98)), abs=0.01)
    west, east = Point(-16.98, 179.97), Point(-16.98, -179.96)
    assert outline.edge_m(west) == pytest.approx(true_m(west, Point(-16.98, 179.98)), abs=0.01)
    assert outline.edge_m(east) == pytest.approx(true_m(east, Point(-16.98, -179.97)), abs=0.01)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_cap_over_a_pole_holds_the_pole_and_ends_at_its_parallel(sign: int) -> None:
    corners = tuple(Point(89.9 * sign, lon) for lon in (-180.0, -90.0, 0.0, 90.0, 180.0))
    outline = Outline.of(Area((((*corners, Point(90.0 * sign, 180.0), Point(90.0 * sign, -180.0), corners[0]),),)))
    radius = true_m(Point(90 * sign, 0), Point(89.9 * sign, 0))
    assert outline.edge_m(Point(90.0 * sign, 33.0)) == pytest.approx(-radius, rel=1e-3)
    for lon in (-180.0, -33.0, 0.0, 111.0, 180.0):
        assert outline.edge_m(Point(89.95 * sign, lon)) == pytest.approx(-radius / 2, rel=0.01)
        assert outline.edge_m(Point(89.85 * sign, lon)) == pytest.approx(radius / 2, rel=0.01)


def test_an_outline_of_two_thousand_vertices_answers_as_one_without_slabs_would() -> None:
    center = Point(48.2, 16.37)
    area = Area(((blob(center, [3000 + 800 * sin(n * 0.9) for n in range(1999)]),),))
    outline, shape = Outline.of(area), plane(area)
    metre = 1 / 111_250  # shapely measures in a plane stretched to metres around the point asked
    for a, b, _, _ in spread(60):
        point = Point(center.lat + (a - 0.5) * 0.08, center.lon + (b - 0.5) * 0.12)
        found = outline.edge_m(point)
        dot = shapely.Point(point.lon, point.lat)
        assert (found < 0) == shape.contains(dot)
        nearest = shapely.affinity.scale(
            shape.boundary, xfact=cos(radians(point.lat)), yfact=1, origin=(point.lon, point.lat)
        )
        assert abs(found) == pytest.approx(nearest.distance(dot) / metre, rel=0.01, abs=0.1)


def test_the_enclosing_circle_holds_every_vertex_and_is_not_much_larger() -> None:
    for a, b, c, d in spread(10):
        ring = blob(
            Point((2 * a - 1) * 80, (2 * b - 1) * 180 * 0.99), [200 + 3000 * ((n * c * 3.3) % 1) for n in range(9)]
        )
        circle = Outline.of(Area(((ring,),))).circle()
        farthest = max(true_m(circle.center, corner) for corner in ring)
        assert farthest <= circle.radius_m <= farthest * 1.002 + 2
        assert 0 <= d < 1


def test_a_strip_around_half_the_world_is_no_trouble() -> None:
    strip = tuple(Point(lat, lon) for lat, lon in ((10, -80), (10, 80), (10.00001, 80), (10.00001, -80), (10, -80)))
    outline = Outline.of(Area(((strip,),)))
    point = Point(10.1, 33.0)
    assert outline.edge_m(point) == pytest.approx(true_m(point, Point(10.00001, 33.0)), abs=0.05)
    assert outline.edge_m(Point(60.0, 0.0)) == pytest.approx(true_m(Point(60, 0), Point(10.00001, 0)), rel=0.001)
