"""Rings that cross, touch or lie in the wrong place, against shapely's judgement of the same shapes."""

from __future__ import annotations

from fractions import Fraction
from math import cos, pi, sin

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from server.model.place import Area, Point, Ring
from server.signals.crossings import CROSSED_MAX, Fault, fault_of, meeting, side


def ring(*points: tuple[float, float]) -> Ring:
    made = tuple(Point(*point) for point in points)
    return (*made, made[0])


def box(south: float, west: float, north: float, east: float) -> Ring:
    return ring((south, west), (south, east), (north, east), (north, west))


def area(*polygons: tuple[Ring, ...]) -> Area:
    return Area(polygons)


spots = st.tuples(st.integers(0, 5), st.integers(0, 5))


@given(points=st.lists(spots, min_size=3, max_size=8, unique=True))
@settings(max_examples=400, deadline=None)
def test_a_ring_is_taken_exactly_when_shapely_finds_it_simple(points: list[tuple[int, int]]) -> None:
    made = ring(*points)
    simple = shapely.LinearRing([(x, y) for y, x in made]).is_simple
    assert (fault_of(area((made,))) is None) == simple


@given(a=st.tuples(spots, spots), b=st.tuples(spots, spots))
@settings(max_examples=300, deadline=None)
def test_two_edges_meet_as_shapely_says(
    a: tuple[tuple[int, int], tuple[int, int]], b: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    if a[0] == a[1] or b[0] == b[1]:
        return
    one, other = shapely.LineString(a), shapely.LineString(b)
    common = one.intersection(other)
    ends = one.boundary.union(other.boundary)
    in_an_end = common.geom_type == "Point" and ends.intersects(common)
    due = "apart" if common.is_empty else "touch" if in_an_end else "cross"
    floats = [tuple(float(number) for spot in edge for number in spot) for edge in (a, b)]
    assert meeting(floats[0], floats[1]) == due  # type: ignore[arg-type]


squares = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 6), st.integers(1, 6))


@given(outer=squares, inner=st.lists(squares, min_size=1, max_size=2))
@settings(max_examples=300, deadline=None)
def test_holes_are_taken_when_shapely_takes_them(
    outer: tuple[int, int, int, int], inner: list[tuple[int, int, int, int]]
) -> None:
    rings = [box(y, x, y + h, x + w) for y, x, h, w in (outer, *inner)]
    shell, *holes = [[(x, y) for y, x in one] for one in rings]
    shape = shapely.Polygon(shell, holes)
    if shape.is_valid:
        assert fault_of(area(tuple(rings))) is None
    elif "disconnected" not in shapely.is_valid_reason(shape):
        # Holes that cut the inside in two by touching in points are allowed here: every answer is still defined.
        assert fault_of(area(tuple(rings))) is not None


@given(polygons=st.lists(squares, min_size=2, max_size=3))
@settings(max_examples=300, deadline=None)
def test_polygons_side_by_side_are_taken_exactly_when_shapely_takes_them(
    polygons: list[tuple[int, int, int, int]],
) -> None:
    rings = [box(y, x, y + h, x + w) for y, x, h, w in polygons]
    shape = shapely.MultiPolygon([shapely.Polygon([(x, y) for y, x in one]) for one in rings])
    assert (fault_of(area(*((one,) for one in rings))) is None) == shape.is_valid


def test_a_polygon_may_stand_in_the_hole_of_another_but_not_in_its_inside() -> None:
    outer, hole, island = box(0, 0, 10, 10), box(2, 2, 8, 8), box(4, 4, 6, 6)
    assert fault_of(area((outer, hole), (island,))) is None
    assert fault_of(area((outer,), (island,))) == Fault(1, 0, "lies inside of another polygon")


def test_a_fault_names_the_ring_that_has_it() -> None:
    bow = ring((0, 20), (4, 24), (4, 20), (0, 24))
    assert fault_of(area((box(0, 0, 10, 10), box(1, 1, 2, 2)), (bow,))) == Fault(1, 0, "crosses or touches itself")
    assert fault_of(area((box(0, 0, 10, 10), box(1, 1, 2, 2), box(20, 20, 21, 21)))) == Fault(
        0, 2, "is a hole outside of its polygon"
    )
    assert fault_of(area((box(0, 0, 10, 10), box(1, 1, 5, 5), box(2, 2, 3, 3)))) == Fault(
        0, 2, "is a hole inside of another hole"
    )
    assert fault_of(area((box(0, 0, 10, 10), box(5, 5, 15, 8)))) == Fault(0, 1, "crosses or overlaps another ring")


@pytest.mark.parametrize(
    "points",
    [
        ((0, 0), (0, 4), (0, 2), (4, 2)),  # an edge that runs back over the one before
        ((0, 0), (0, 4), (4, 4), (0, 2)),  # a corner on an edge
        ((0, 0), (2, 2), (4, 4)),  # no inside at all
        ((0, 0), (4, 4), (4, 0), (0, 4)),  # a bow tie
        ((0, 0), (2, 2), (0, 4), (4, 4), (2, 2), (4, 0)),  # two triangles that touch in a corner
    ],
)
def test_rings_that_are_no_outlines_are_refused(points: tuple[tuple[float, float], ...]) -> None:
    assert fault_of(area((ring(*points),))) == Fault(0, 0, "crosses or touches itself")


def test_a_ring_over_the_antimeridian_is_as_simple_as_anywhere_else() -> None:
    assert fault_of(area((ring((0, 179), (0, -179), (1, -179), (1, 179)),))) is None
    assert fault_of(area((ring((0, 179), (1, -179), (1, 179), (0, -179)),))) is not None


def test_halves_cut_at_the_antimeridian_may_coincide_there_and_nowhere_else() -> None:
    assert fault_of(area((box(0, 179, 1, 180),), (box(0, -180, 1, -179),))) is None
    assert fault_of(area((box(0, 9, 1, 10),), (box(0, 10, 1, 11),))) == Fault(1, 0, "crosses or overlaps another ring")


def test_a_cap_over_a_pole_is_simple_drawn_either_way() -> None:
    band = ring((89.8, -180.0), (89.8, 180.0), (90.0, 180.0), (90.0, -180.0))
    assert fault_of(area((band,))) is None
    assert fault_of(area((ring((89.8, -120), (89.8, 0), (89.8, 120)),))) is None


@given(points=st.lists(spots, min_size=3, max_size=8, unique=True), shift=st.integers(0, 7), back=st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_verdict_does_not_depend_on_where_a_ring_begins_or_which_way_it_runs(
    points: list[tuple[int, int]], shift: int, back: bool
) -> None:
    begin = shift % len(points)
    turned = points[begin:] + points[:begin]
    again = ring(*(turned[::-1] if back else turned))
    assert (fault_of(area((again,))) is None) == (fault_of(area((ring(*points),))) is None)


@given(points=st.lists(spots, min_size=3, max_size=8, unique=True))
@settings(max_examples=150, deadline=None)
def test_a_verdict_is_the_same_over_the_antimeridian(points: list[tuple[int, int]]) -> None:
    there = ring(*((y, (x + 177.5 + 180) % 360 - 180) for y, x in points))
    assert (fault_of(area((there,))) is None) == (fault_of(area((ring(*points),))) is None)


def test_sides_are_exact_where_floating_point_cannot_tell() -> None:
    step = 2.0**-53
    wrong = 0
    for i in range(24):
        for j in range(24):
            spot = (0.5 + i * step, 0.5 + j * step)
            true = (Fraction(12) - Fraction(spot[0])) * (Fraction(24) - Fraction(spot[1])) - (
                Fraction(12) - Fraction(spot[1])
            ) * (Fraction(24) - Fraction(spot[0]))
            assert side((12.0, 12.0), (24.0, 24.0), spot) == (true > 0) - (true < 0)
            wrong += ((12 - spot[0]) * (24 - spot[1]) - (12 - spot[1]) * (24 - spot[0]) > 0) != (true > 0)
    assert wrong > 0, "floating point alone was right everywhere, so this shows nothing"


def test_a_coast_of_two_thousand_vertices_is_checked_and_one_drawn_to_tire_the_checker_is_refused() -> None:
    coast = ring(*((sin(2 * pi * n / 1999) * (5 + sin(n * 1.3)), cos(2 * pi * n / 1999) * (5 + sin(n * 1.3)))
                   for n in range(1999)))  # fmt: skip
    assert fault_of(area((coast,))) is None
    teeth = [(0.0005 * n + (10 if n % 2 else 0), 0.0005 * n + (10 if n % 2 else 0) + 0.00001 * n) for n in range(1900)]
    tired = fault_of(area((ring(*teeth, (0.0, 11.5)),)))
    assert tired is not None
    assert "too close" in tired.message
    assert CROSSED_MAX < 1900 * 1899 / 2
