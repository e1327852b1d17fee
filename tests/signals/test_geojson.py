"""GeoJSON in and out: real documents are taken, each wrong one is refused with its field, and ours come back the same."""

from __future__ import annotations

import copy
import json
from math import cos, inf, nan, pi, sin
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.errors import Invalid
from server.model.place import Area, Circle, Point
from server.signals.geojson import Refused, read_collection, read_geometry, to_geometry

SQUARE = [[13.40, 52.51], [13.42, 52.51], [13.42, 52.53], [13.40, 52.53], [13.40, 52.51]]
HOLE = [[13.405, 52.515], [13.405, 52.525], [13.415, 52.525], [13.415, 52.515], [13.405, 52.515]]


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": {"name": "Alexanderplatz", **properties}}


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def collection(*features: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def refusal(member: Any) -> Refused:
    """The one refusal of a collection of one feature."""
    reading = read_collection(collection(member))
    assert reading.features == []
    [refused] = reading.refused
    return refused


def test_the_three_geometries_are_read() -> None:
    reading = read_collection(
        collection(
            feature(polygon(SQUARE, HOLE), tags=["store", "mitte"]),
            feature({"type": "Point", "coordinates": [13.4, 52.5]}, radius_m=120),
            feature({"type": "MultiPolygon", "coordinates": [[SQUARE], [[[x + 1, y] for x, y in SQUARE]]]}),
        )
    )
    assert reading.refused == []
    area, circle, several = reading.features
    assert (area.index, area.name, area.tags) == (0, "Alexanderplatz", frozenset({"store", "mitte"}))
    assert isinstance(area.shape, Area)
    assert area.shape.polygons[0][0][0] == Point(lat=52.51, lon=13.40)
    assert [len(rings) for rings in area.shape.polygons] == [2]
    assert circle.shape == Circle(Point(52.5, 13.4), 120.0)
    assert isinstance(several.shape, Area)
    assert len(several.shape.polygons) == 2


def test_the_wrong_ones_are_refused_by_their_index_and_the_others_are_taken() -> None:
    good = feature(polygon(SQUARE))
    bad = feature(polygon(SQUARE[:-1]))
    reading = read_collection(collection(good, bad, good, "nothing", good))
    assert [one.index for one in reading.features] == [0, 2, 4]
    assert [(one.index, one.field) for one in reading.refused] == [(1, "geometry.coordinates[0]"), (3, "type")]


def test_members_that_geojson_does_not_know_do_not_matter() -> None:
    member = {**feature(polygon(SQUARE), stroke="#f00", deep=[[[[[[1]]]]]]), "id": 7, "bbox": "?", "title": None}
    member["geometry"] = {**polygon(SQUARE), "crs": {"type": "name"}}
    assert len(read_collection({**collection(member), "name": "layer", "crs": 1}).features) == 1


def test_an_altitude_is_not_used_and_a_position_given_twice_running_counts_once() -> None:
    tall = [[*SQUARE[0], 34.5], SQUARE[0], *SQUARE[1:]]
    [read] = read_collection(collection(feature(polygon(tall)))).features
    assert isinstance(read.shape, Area)
    assert len(read.shape.polygons[0][0]) == 5


@pytest.mark.parametrize(
    ("geometry", "field", "says"),
    [
        (None, "geometry.type", "Polygon"),
        ([], "geometry.type", "Polygon"),
        ({"type": "LineString", "coordinates": SQUARE}, "geometry.type", "Polygon"),
        ({"type": "GeometryCollection", "geometries": []}, "geometry.type", "Polygon"),
        ({"type": ["Polygon"], "coordinates": [SQUARE]}, "geometry.type", "Polygon"),
        ({"type": "Polygon"}, "geometry.coordinates", "rings"),
        ({"type": "Polygon", "coordinates": {}}, "geometry.coordinates", "rings"),
        (polygon(), "geometry.coordinates", "not empty"),
        (polygon([]), "geometry.coordinates[0]", "not empty"),
        (polygon("ring"), "geometry.coordinates[0]", "positions"),
        (polygon(SQUARE[:3]), "geometry.coordinates[0]", "four positions"),
        (polygon(SQUARE[:4]), "geometry.coordinates[0]", "closed"),
        (polygon([SQUARE[0], SQUARE[1], SQUARE[1], SQUARE[0]]), "geometry.coordinates[0]", "three different"),
        (polygon([[13.4], *SQUARE[1:]]), "geometry.coordinates[0][0]", "longitude, latitude"),
        (polygon([[1, 2, 3, 4], *SQUARE[1:]]), "geometry.coordinates[0][0]", "longitude, latitude"),
        (polygon([*SQUARE[:2], ["13.4", 52], *SQUARE[2:]]), "geometry.coordinates[0][2][0]", "finite number"),
        (polygon([*SQUARE[:2], [13.4, None], *SQUARE[2:]]), "geometry.coordinates[0][2][1]", "finite number"),
        (polygon([*SQUARE[:2], [True, 52], *SQUARE[2:]]), "geometry.coordinates[0][2][0]", "finite number"),
        (polygon([*SQUARE[:2], [nan, 52], *SQUARE[2:]]), "geometry.coordinates[0][2][0]", "finite number"),
        (polygon([*SQUARE[:2], [13, inf], *SQUARE[2:]]), "geometry.coordinates[0][2][1]", "finite number"),
        (polygon([*SQUARE[:2], [13, 10**400], *SQUARE[2:]]), "geometry.coordinates[0][2][1]", "finite number"),
        (polygon([*SQUARE[:2], [13, 52, nan], *SQUARE[2:]]), "geometry.coordinates[0][2][2]", "finite number"),
        (polygon([*SQUARE[:2], [[13.4], 52], *SQUARE[2:]]), "geometry.coordinates[0][2][0]", "finite number"),
        (polygon([[180.01, 52], *SQUARE[1:]]), "geometry.coordinates[0][0][0]", "-180 to 180"),
        (polygon([[13.4, -90.5], *SQUARE[1:]]), "geometry.coordinates[0][0][1]", "-90 to 90"),
        (polygon([SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0]]), "geometry.coordinates[0]", "itself"),
        (polygon(HOLE, SQUARE), "geometry.coordinates[1]", "outside of its polygon"),
        (polygon([[x, 52 + (x - 13) / 2] for x in (13, 13.5, 14, 13)]), "geometry.coordinates[0]", "itself"),
        (polygon([[10, 50], [12, 50], [12, 52], [10, 52], [10, 50]]), "geometry.coordinates", "not be larger"),
        (
            polygon([[13, 52], [13.000001, 52], [13.000001, 52.000001], [13, 52]]),
            "geometry.coordinates",
            "one square metre",
        ),
        ({"type": "MultiPolygon", "coordinates": []}, "geometry.coordinates", "polygons"),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}, "geometry.coordinates[1][0]", "another ring"),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], [[HOLE[0]]]]}, "geometry.coordinates[1][0]", "four"),
        ({"type": "MultiPolygon", "coordinates": [SQUARE]}, "geometry.coordinates[0][0][0]", "longitude, latitude"),
        ({"type": "Point", "coordinates": [13.4, 52.5]}, "properties.radius_m", "20 to 50000"),
        ({"type": "Point", "coordinates": [13.4]}, "geometry.coordinates", "longitude, latitude"),
    ],
)
def test_a_wrong_geometry_is_refused_with_its_field_and_a_reason(geometry: Any, field: str, says: str) -> None:
    refused = refusal(feature(geometry))
    assert refused.field == field
    assert says in refused.message


@pytest.mark.parametrize("radius", [None, 19.9, 50_001, -5, 0, "100", True, nan, inf, [100], 10**400])
def test_a_wrong_radius_is_refused(radius: Any) -> None:
    assert (
        refusal(feature({"type": "Point", "coordinates": [13.4, 52.5]}, radius_m=radius)).field == "properties.radius_m"
    )


@pytest.mark.parametrize("radius", [20, 150.5, 50_000])
def test_a_radius_within_the_bounds_is_taken(radius: float) -> None:
    [read] = read_collection(collection(feature({"type": "Point", "coordinates": [13, 52]}, radius_m=radius))).features
    assert read.shape == Circle(Point(52, 13), float(radius))


@pytest.mark.parametrize("name", [None, "", "  ", 7, "a\x00b", "a\nb", "\ud800", "x" * 201, ["a"]])
def test_a_feature_without_a_proper_name_is_refused(name: Any) -> None:
    refused = refusal(feature(polygon(SQUARE), name=name))
    assert refused.field == "properties.name"
    assert ("line breaks" in refused.message) == (name in ("a\x00b", "a\nb", "\ud800"))


@pytest.mark.parametrize(
    ("tags", "field"),
    [("store", "properties.tags"), ({}, "properties.tags"), (["ok", ""], "properties.tags[1]"),
     ([7], "properties.tags[0]"), (["x" * 65], "properties.tags[0]"), (["t"] * 51, "properties.tags")],
)  # fmt: skip
def test_wrong_tags_are_refused(tags: Any, field: str) -> None:
    assert refusal(feature(polygon(SQUARE), tags=tags)).field == field


def test_names_and_tags_are_kept_in_one_form() -> None:
    [read] = read_collection(
        collection(feature(polygon(SQUARE), name=" Cafe\u0301 👩‍🍳 ", tags=["cafe\u0301", "café"]))
    ).features
    assert read.name == "Café 👩‍🍳"
    assert read.tags == frozenset({"café"})


def test_a_feature_with_null_for_properties_lacks_only_its_name() -> None:
    assert refusal({"type": "Feature", "geometry": polygon(SQUARE), "properties": None}).field == "properties.name"
    assert refusal({"type": "Feature", "geometry": polygon(SQUARE), "properties": []}).field == "properties"


@pytest.mark.parametrize(
    ("document", "field"),
    [([], "type"), ({"type": "Feature"}, "type"), (None, "type"), ({"type": "FeatureCollection"}, "features"),
     ({"type": "FeatureCollection", "features": {}}, "features")],
)  # fmt: skip
def test_a_document_that_is_no_collection_is_refused_whole(document: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_collection(document)
    assert refused.value.errors[0].field == field


def test_too_many_vertices_are_refused_before_one_is_looked_at() -> None:
    ring = ["not a position"] * 2001
    refused = refusal(feature(polygon(ring)))
    assert (refused.field, "2000 vertices" in refused.message) == ("geometry.coordinates", True)
    assert read_collection(collection(feature(polygon(SQUARE))), vertices=4).features == []


def test_nesting_without_end_is_no_trouble() -> None:
    deep: Any = []
    for _ in range(50_000):
        deep = [deep]
    assert refusal(feature({"type": "MultiPolygon", "coordinates": deep})).field.startswith("geometry.coordinates[0]")


def test_one_geometry_alone_is_read_with_the_bounds_of_the_caller() -> None:
    point = {"type": "Point", "coordinates": [13.4, 52.5]}
    assert read_geometry(point, radius_m=5000, radius_max_m=5000) == Circle(Point(52.5, 13.4), 5000.0)
    with pytest.raises(Invalid) as refused:
        read_geometry(point, radius_m=5001, radius_max_m=5000)
    assert refused.value.errors[0].field == "radius_m"
    with pytest.raises(Invalid) as refused:
        read_geometry(polygon([]))
    assert refused.value.errors[0].field == "geometry.coordinates[0]"


def test_what_we_write_is_read_back_as_it_was() -> None:
    for shape in (
        polygon(SQUARE, HOLE),
        {"type": "MultiPolygon", "coordinates": [[SQUARE], [[[x + 1, y] for x, y in SQUARE]]]},
        polygon([[179.9, -17], [-179.9, -17], [-179.9, -16.9], [179.9, -16.9], [179.9, -17]]),
    ):
        read = read_geometry(shape)
        assert read_geometry(json.loads(json.dumps(to_geometry(read)))) == read
    circle = Circle(Point(38.72, -9.14), 75.5)
    assert read_geometry(to_geometry(circle), radius_m=75.5) == circle


anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["Feature", "Polygon", "Point", "MultiPolygon"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["type", "geometry", "properties", "coordinates", "name", "tags", "radius_m"]), inner
        ),
    ),
    max_leaves=12,
)


@given(
    members=st.lists(anything, max_size=4), spoiled=anything, place=st.lists(st.integers(0, 4), min_size=1, max_size=5)
)
@settings(max_examples=250, deadline=None)
def test_whatever_is_sent_each_feature_is_either_taken_or_refused(
    members: list[Any], spoiled: Any, place: list[int]
) -> None:
    broken = copy.deepcopy(feature(polygon(SQUARE, HOLE)))
    at: Any = broken["geometry"]["coordinates"]
    for step in place[:-1]:
        at = at[step % len(at)] if isinstance(at[step % len(at)], list) else at
    at[place[-1] % len(at)] = spoiled
    document = collection(*members, broken)
    reading = read_collection(document)
    assert sorted([one.index for one in reading.features] + [one.index for one in reading.refused]) == list(
        range(len(members) + 1)
    )


@given(
    lat=st.floats(-85, 85),
    lon=st.floats(-179.9, 179.9),
    radii=st.lists(st.floats(0.0005, 0.02), min_size=3, max_size=30),
)
@settings(max_examples=60, deadline=None)
def test_any_outline_that_goes_once_around_a_point_is_taken_as_it_was_drawn(
    lat: float, lon: float, radii: list[float]
) -> None:
    turn = 2 * pi / len(radii)
    ring = [[lon + r * cos(n * turn) * 0.9, lat + r * sin(n * turn)] for n, r in enumerate(radii)]
    reading = read_collection(collection(feature(polygon([*ring, ring[0]]))))
    assert reading.refused == []
    [read] = reading.features
    assert isinstance(read.shape, Area)
    assert [[p.lon, p.lat] for p in read.shape.polygons[0][0]] == [*ring, ring[0]]
