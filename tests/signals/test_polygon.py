"""Rings as edges: unwrapping, seams, poles, area and centroid, against geographiclib and arithmetic by hand."""

from __future__ import annotations

from math import cos, pi, radians, sin

import pytest
from geographiclib.geodesic import Geodesic

from server.model.place import Area, Point, Ring
from server.signals.polygon import PIECES_MAX, draw, equal_radius, lines_of
from tests.signals.spread import square, true_m


def ring(*points: tuple[float, float]) -> Ring:
    """A closed ring of (lat, lon) pairs."""
    made = tuple(Point(*point) for point in points)
    return (*made, made[0])


def star(center: Point, *, size: float, points: int) -> Ring:
    """A star of so many points, in degrees, longer in longitude."""
    return ring(
        *(
            (
                center.lat + sin(2 * pi * n / points) * size * (1 if n % 2 else 0.5),
                center.lon + cos(2 * pi * n / points) * size * (1.7 if n % 2 else 0.8),
            )
            for n in range(points)
        )
    )


def geodesic_area(points: Ring) -> float:
    """The oracle: the area between geodesics, in m²."""
    polygon = Geodesic.WGS84.Polygon()
    for point in points[:-1]:
        polygon.AddPoint(point.lat, point.lon)
    return abs(float(polygon.Compute()[2]))


@pytest.mark.parametrize("lat", [0.0, 35.0, -52.5, 71.0, 84.0])
@pytest.mark.parametrize("size", [0.0002, 0.01, 0.05])
def test_the_area_of_a_town_quarter_is_that_of_geographiclib(lat: float, size: float) -> None:
    points = star(Point(lat, 13.4), size=size, points=14)
    assert draw(Area(((points,),))).area_m2 == pytest.approx(geodesic_area(points), rel=2e-4 if lat > 80 else 2e-5)


def test_a_hole_is_no_part_of_the_area() -> None:
    outer, hole = (
        square(Point(52, 13), half_lat=0.01, half_lon=0.01),
        square(Point(52, 13), half_lat=0.005, half_lon=0.005),
    )
    drawn = draw(Area(((outer.polygons[0][0], hole.polygons[0][0]),)))
    assert drawn.area_m2 == pytest.approx(geodesic_area(outer.polygons[0][0]) * 0.75, rel=1e-4)
    assert (drawn.lat, drawn.lon) == pytest.approx((52, 13), abs=1e-5)


def test_the_area_does_not_depend_on_the_sense_of_a_ring_or_on_whether_it_is_closed() -> None:
    points = star(Point(48, 11), size=0.01, points=10)
    areas = {round(draw(Area(((way,),))).area_m2, 3) for way in (points, points[::-1], points[:-1])}
    assert len(areas) == 1


def test_the_centroid_of_a_triangle_is_the_mean_of_its_corners() -> None:
    drawn = draw(Area(((ring((50, 10), (50, 10.03), (50.03, 10)),),)))
    assert (drawn.lat, drawn.lon) == pytest.approx((50.01, 10.01), abs=1e-9)


def test_the_centroid_of_two_polygons_lies_nearer_to_the_larger() -> None:
    small = square(Point(50, 10.1), half_lat=0.01, half_lon=0.01).polygons[0]
    large = square(Point(50, 10), half_lat=0.01, half_lon=0.03).polygons[0]
    drawn = draw(Area((small, large)))
    assert (drawn.lat, drawn.lon) == pytest.approx((50, 10.025), abs=1e-4)


@pytest.mark.parametrize("east", [-179.98, 180.02])
def test_a_ring_over_the_antimeridian_is_one_piece_however_its_longitudes_are_counted(east: float) -> None:
    east = (east + 180) % 360 - 180
    drawn = draw(Area(((ring((-17, 179.98), (-17, east), (-16.97, east), (-16.97, 179.98)),),)))
    same = draw(Area(((ring((-17, 9.98), (-17, 10.02), (-16.97, 10.02), (-16.97, 9.98)),),)))
    assert drawn.area_m2 == pytest.approx(same.area_m2, rel=1e-9)
    assert drawn.box.east - drawn.box.west == pytest.approx(0.04)
    assert abs(drawn.lon) == pytest.approx(180, abs=1e-6)


def test_two_halves_cut_at_the_antimeridian_share_a_seam_that_is_no_boundary() -> None:
    west = ring((-17, 179.98), (-17, 180), (-16.97, 180), (-16.97, 179.98))
    east = ring((-17, -180), (-17, -179.98), (-16.97, -179.98), (-16.97, -180))
    drawn = draw(Area(((west,), (east,))))
    assert len(drawn.crossed) == 8
    assert len(drawn.boundary) == 6
    assert all(edge[1] % 360 != 180 or edge[3] % 360 != 180 for edge in drawn.boundary)
    assert abs(drawn.lon) == pytest.approx(180, abs=1e-6)


def test_where_only_one_half_touches_the_antimeridian_the_rest_of_it_stays_a_boundary() -> None:
    west = ring((-17, 179.98), (-17, 180), (-16.97, 180), (-16.97, 179.98))
    east = ring((-16.99, -180), (-16.99, -179.98), (-16.98, -179.98), (-16.98, -180))
    drawn = draw(Area(((west,), (east,))))
    seam = sorted((edge[0], edge[2]) for edge in drawn.boundary if edge[1] == edge[3] and edge[1] % 360 == 180)
    assert seam == [(-17, -16.99), (-16.98, -16.97)]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("cap", ["band", "triangle"])
def test_a_cap_over_a_pole_has_its_area_and_its_centroid_there(sign: int, cap: str) -> None:
    lat = 89.8 * sign
    around = ((lat, -120.0), (lat, 0.0), (lat, 120.0))
    band = ((lat, -180.0), (lat, 180.0), (90.0 * sign, 180.0), (90.0 * sign, -180.0))
    drawn = draw(Area(((ring(*(band if cap == "band" else around)),),)))
    radius = true_m(Point(lat, 0), Point(90 * sign, 0))
    assert drawn.area_m2 == pytest.approx(pi * radius * radius, rel=1e-4)
    assert drawn.lat == pytest.approx(90 * sign, abs=0.2)
    assert drawn.box.north - drawn.box.south == pytest.approx(0.2)
    assert all(edge[0] == edge[2] == lat for edge in drawn.boundary), "the parallel alone is a boundary"


def test_long_edges_are_cut_but_never_into_pieces_without_number() -> None:
    crossed = draw(Area(((ring((50, 10), (50, 11), (50.001, 11), (50.001, 10)),),))).crossed
    assert 14 <= len(crossed) <= 20
    comb = [(0.001 * n, 170.0 if n % 2 else -170.0) for n in range(900)]
    # The short way from 170 to -170 is 20° over the antimeridian; 900 teeth make twenty thousand kilometres of it.
    teeth = draw(Area(((ring(*comb),),)))
    assert len(teeth.crossed) <= PIECES_MAX + len(comb) + 1


def test_no_vertex_moves_by_being_unwrapped() -> None:
    points = [(1.1, 179.900000000001), (1.2, -179.900000000003), (1.3, 179.7000000000007)]
    drawn = draw(Area(((ring(*points),),)))
    assert {(lat, lon) for lat, lon, _, _ in drawn.boundary} >= {points[0], points[2], (1.2, 360 - 179.900000000003)}


def test_the_circle_of_equal_area_has_that_area() -> None:
    assert equal_radius(pi * 150 * 150) == pytest.approx(150)
    assert equal_radius(0) == 0


def test_a_ring_of_no_area_has_none_and_a_middle_on_it() -> None:
    drawn = draw(Area(((ring((50, 10), (50, 10.01), (50, 10.02)),),)))
    assert drawn.area_m2 == 0
    assert (drawn.lat, drawn.lon) == (50, 10.01)


def test_an_area_far_north_is_smaller_by_the_cosine() -> None:
    south, north = (draw(square(Point(lat, 0), half_lat=0.01, half_lon=0.01)).area_m2 for lat in (0.0, 60.0))
    assert north / south == pytest.approx(cos(radians(60)), rel=0.015)


def test_a_shape_cut_in_two_has_the_area_and_the_centroid_of_the_whole() -> None:
    whole = draw(Area(((ring((50, 10), (50, 10.06), (50.03, 10.06), (50.03, 10)),),)))
    west = (ring((50, 10), (50, 10.02), (50.03, 10.02), (50.03, 10)),)
    east = (ring((50, 10.02), (50, 10.06), (50.03, 10.06), (50.03, 10.02)),)
    parts = draw(Area((west, east)))
    assert parts.area_m2 == pytest.approx(whole.area_m2, rel=1e-9)
    assert (parts.lat, parts.lon) == pytest.approx((whole.lat, whole.lon), abs=1e-9)
    assert parts.box == whole.box


def test_lines_come_in_the_order_of_the_polygons_with_the_holes_behind_their_outer_ring() -> None:
    outer, hole = (
        square(Point(52, 13), half_lat=0.02, half_lon=0.02),
        square(Point(52, 13), half_lat=0.01, half_lon=0.01),
    )
    other = square(Point(52, 14), half_lat=0.01, half_lon=0.01)
    lines = lines_of(Area(((outer.polygons[0][0], hole.polygons[0][0]), other.polygons[0])))
    assert [(line.polygon, line.hole) for line in lines] == [(0, False), (0, True), (1, False)]
    assert all(len(line.edges) == 4 and not line.closing for line in lines)


def test_islands_on_both_sides_of_the_antimeridian_are_brought_into_one_frame() -> None:
    west = square(Point(-17, 179.9), half_lat=0.01, half_lon=0.01).polygons[0]
    east = square(Point(-17, -179.9), half_lat=0.01, half_lon=0.01).polygons[0]
    for polygons in ((west, east), (east, west)):
        drawn = draw(Area(polygons))
        assert drawn.box.east - drawn.box.west == pytest.approx(0.22)
        assert abs(drawn.lon) == pytest.approx(180, abs=1e-6)


@pytest.mark.parametrize("lat", [0.0, 48.0, -75.0])
def test_every_piece_of_a_long_edge_begins_where_the_one_before_ends(lat: float) -> None:
    boundary = draw(Area(((ring((lat, 10), (lat, 12), (lat + 0.01, 12), (lat + 0.01, 10)),),))).boundary
    assert all(one[2:] == other[:2] for one, other in zip(boundary, (*boundary[1:], boundary[0]), strict=True))
    assert all(true_m(Point(*edge[:2]), Point(*edge[2:])) < 10_100 for edge in boundary)
