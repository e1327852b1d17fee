"""The flat formula against geopy's geodesic: its bound, its band, and where it may not answer at all."""

from __future__ import annotations

from math import cos, radians, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.model.place import Point
from server.signals.distance import (
    DEGREE_LAT_MIN_M,
    DEGREE_LON_EQUATOR_M,
    FLAT_MAX_M,
    SPHERE_ERROR,
    band_m,
    distance_m,
    flat_m,
    geodesic_m,
    metric_at,
    sphere_m,
    within,
)
from tests.signals.spread import away, spread, true_m

BERLIN = Point(52.520008, 13.404954)


def pairs(count: int, longest_m: float, *, lat: float = 84.5) -> list[tuple[Point, Point]]:
    """Pairs of points over the inhabited world, at every bearing, up to `longest_m` apart."""
    made = []
    for a, b, c, d in spread(count):
        here = Point((2 * a - 1) * lat, (2 * b - 1) * 170)
        made.append((here, away(here, bearing=c * 360, metres=1 + d * longest_m)))
    return made


def test_the_error_of_the_flat_formula_stays_under_the_published_bound_up_to_fifty_kilometres() -> None:
    for a, b in pairs(1500, FLAT_MAX_M - 1):
        truth = true_m(a, b)
        flat = flat_m(a, b)
        if flat is None:
            assert max(abs(a.lat), abs(b.lat)) > 85 or truth > FLAT_MAX_M * 0.99
            continue
        secant = 1 / cos(radians(max(abs(a.lat), abs(b.lat)))) ** 2
        assert abs(flat - truth) <= 1.14e-15 * truth**3 * secant + 2e-9 * truth + 3e-8


def test_the_metric_made_for_one_point_answers_within_its_band_for_all_around_it() -> None:
    for a, b in pairs(800, 200_000):
        metric = metric_at(a.lat)
        flat = sqrt(metric.square(b.lon - a.lon, b.lat - a.lat))
        assert abs(flat - true_m(a, b)) <= metric.band(flat)


def test_at_the_size_of_a_shop_the_flat_formula_is_good_to_a_micrometre() -> None:
    for a, b in pairs(400, 300, lat=70):
        assert distance_m(a, b) == pytest.approx(true_m(a, b), abs=1e-6)


@pytest.mark.parametrize("radius", [20.0, 75.0, 150.0, 1_000.0, 5_000.0, 50_000.0])
def test_a_point_put_on_the_edge_is_inside_exactly_when_the_geodesic_says_so(radius: float) -> None:
    wrong = 0
    for a, b, c, d in spread(120, start=int(radius)):
        center = Point((2 * a - 1) * 84, (2 * b - 1) * 179.9)
        at_edge = away(center, bearing=c * 360, metres=radius * (1 + (d - 0.5) * 4e-10))
        wrong += within(center, at_edge, radius) != (true_m(center, at_edge) <= radius)
    assert wrong == 0


def test_points_on_the_edge_fall_on_both_sides_so_that_the_test_above_can_fail() -> None:
    inside = [
        true_m(BERLIN, away(BERLIN, bearing=360 * c, metres=150 * (1 + (d - 0.5) * 4e-10))) <= 150
        for _, _, c, d in spread(60)
    ]
    assert any(inside)
    assert not all(inside)


def test_the_great_circle_alone_would_be_wrong_on_the_edge() -> None:
    wrong = 0
    for _, _, c, d in spread(60):
        there = away(BERLIN, bearing=360 * c, metres=150 * (1 + (d - 0.5) * 1e-3))
        wrong += (sphere_m(BERLIN, there) <= 150) != (true_m(BERLIN, there) <= 150)
    assert wrong > 10


@given(
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
    to_lat=st.floats(-90, 90),
    to_lon=st.floats(-180, 180),
    radius=st.floats(1, 20_100_000),
)
@settings(max_examples=150, deadline=None)
def test_any_two_points_of_the_world_are_within_what_the_geodesic_says(
    lat: float, lon: float, to_lat: float, to_lon: float, radius: float
) -> None:
    a, b = Point(lat, lon), Point(to_lat, to_lon)
    truth = true_m(a, b)
    assert within(a, b, radius) == (truth <= radius)
    assert within(a, b, truth)
    assert abs(sphere_m(a, b) - truth) <= truth * SPHERE_ERROR + 1e-6


@pytest.mark.parametrize("lat", [90.0, -90.0])
def test_all_longitudes_of_a_pole_are_one_point(lat: float) -> None:
    for lon in (1.0, 17.3, 90.0, 180.0):
        assert within(Point(lat, 0.0), Point(lat, lon), true_m(Point(lat, 0.0), Point(lat, lon)))


def test_a_fix_across_the_antimeridian_is_as_near_as_it_is() -> None:
    west, east = Point(-16.5, 179.9995), Point(-16.5, -179.9995)
    assert flat_m(west, east) is None
    assert distance_m(west, east) == true_m(west, east) == pytest.approx(106.8, abs=0.1)
    assert within(west, east, 107)
    assert not within(west, east, 106)


def test_near_a_pole_the_geodesic_answers() -> None:
    a, b = Point(89.9999, 10), Point(89.9999, -170)
    assert flat_m(a, b) is None
    assert distance_m(a, b) == true_m(a, b) == pytest.approx(22.3, abs=0.1)


def test_beyond_fifty_kilometres_the_geodesic_answers() -> None:
    hamburg = Point(53.551086, 9.993682)
    assert flat_m(BERLIN, hamburg) is None
    assert distance_m(BERLIN, hamburg) == geodesic_m(BERLIN, hamburg) == true_m(BERLIN, hamburg)


def test_a_point_is_no_distance_from_itself() -> None:
    assert distance_m(BERLIN, BERLIN) == 0
    assert within(BERLIN, BERLIN, 0)


def test_the_band_grows_with_the_distance_and_towards_the_poles_and_is_never_nothing() -> None:
    assert 0 < band_m(0, 50) < band_m(100, 50) < band_m(5_000, 50) < band_m(5_000, 80)
    assert band_m(150, 52) < 1e-6


def test_a_way_is_as_long_there_as_back() -> None:
    for a, b in pairs(200, 80_000):
        assert distance_m(a, b) == pytest.approx(distance_m(b, a), rel=1e-9)
        assert within(a, b, 40_000) == within(b, a, 40_000)


def test_a_degree_of_latitude_is_nowhere_shorter_than_the_index_believes() -> None:
    lengths = [true_m(Point(lat - 0.005, 0), Point(lat + 0.005, 0)) * 100 for lat in range(-89, 90)]
    assert DEGREE_LAT_MIN_M <= min(lengths) < DEGREE_LAT_MIN_M + 1


def test_a_degree_of_longitude_is_nowhere_shorter_than_the_index_believes() -> None:
    for lat in range(-89, 90):
        length = true_m(Point(lat, -0.005), Point(lat, 0.005)) * 100
        assert length >= DEGREE_LON_EQUATOR_M * cos(radians(lat)) - 0.01


@pytest.mark.parametrize("lat", [-84.9, -52.5, -0.001, 0.0, 12.0, 60.0, 84.9])
def test_the_metric_of_a_point_and_the_formula_for_pairs_agree(lat: float) -> None:
    metric = metric_at(lat)
    for dx, dy in ((0.001, 0.0), (0.0, 0.001), (0.003, -0.002), (-0.01, 0.004)):
        flat = flat_m(Point(lat, 10), Point(lat + dy, 10 + dx))
        assert flat is not None
        assert sqrt(metric.square(dx, dy)) == pytest.approx(flat, rel=1e-8)
