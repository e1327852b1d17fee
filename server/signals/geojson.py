"""Fences as GeoJSON (RFC 7946): reading what others drew, with a reason for each feature refused, and writing ours.

Everything is checked before any geometry is computed: types, finite numbers, ranges, closed rings, the number of
vertices; then that rings are simple and holes in their place; then the size. Nothing here recurses into the document,
so its depth cannot matter. Members that RFC 7946 does not know are let pass (§6.1); a `crs` member too, since the only
reference system is WGS 84 (§4). Positions are [longitude, latitude]; a third number, the altitude, is not used.
A Polygon or MultiPolygon becomes an Area, a Point with the property `radius_m` a Circle.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, NamedTuple

from server.errors import FieldError, Invalid
from server.model.place import Area, Circle, Point, Ring
from server.signals.crossings import fault_of
from server.signals.polygon import draw, equal_radius

RADIUS_MIN_M: Final = 20.0
RADIUS_MAX_M: Final = 50_000.0  # of an import; the API's own bound for circles drawn by hand is lower
VERTICES_MAX: Final = 2_000
NAME_MAX: Final = 200
TAG_MAX: Final = 64
TAGS_MAX: Final = 50

_GEOMETRIES: Final = {"Point", "Polygon", "MultiPolygon"}
_UNPRINTABLE: Final = {"Cc", "Cs", "Zl", "Zp"}  # control characters, lone surrogates, breaks of lines and paragraphs
_EARTH: Final = (180.0, 90.0)  # bounds of a position's first and second number
_AXES: Final = ("longitude", "latitude")


@dataclass(frozen=True, slots=True)
class Feature:
    """A fence as it was read; `index` is its place in the collection, from 0."""

    index: int
    name: str
    tags: frozenset[str]
    shape: Circle | Area


@dataclass(frozen=True, slots=True)
class Refused:
    """A feature that was not taken: `field` is a path inside the feature, such as `geometry.coordinates[0][2]`."""

    index: int
    field: str
    message: str


class Reading(NamedTuple):
    """What was taken of a collection and what was not, each in the collection's order."""

    features: list[Feature]
    refused: list[Refused]


class _WrongField(Exception):
    """What is wrong with which field; it never leaves this module."""

    def __init__(self, field: str, message: str) -> None:
        self.error = FieldError(field, message)
        super().__init__(message)


def read_collection(document: object, *, vertices: int = VERTICES_MAX) -> Reading:
    """Read a FeatureCollection (as `json.loads` gives it), at most so many vertices for each feature.

    Thousands of intricate outlines take seconds: a server reads them in a thread.
    Raises `Invalid` where the document is no FeatureCollection at all.
    """
    if not isinstance(document, Mapping) or document.get("type") != "FeatureCollection":
        raise Invalid(
            "This is no GeoJSON FeatureCollection.", errors=[FieldError("type", 'must be "FeatureCollection"')]
        )
    members = document.get("features")
    if not isinstance(members, list):
        raise Invalid("The FeatureCollection has no features.", errors=[FieldError("features", "must be an array")])
    reading = Reading([], [])
    for index, member in enumerate(members):
        try:
            reading.features.append(_feature(index, member, vertices))
        except _WrongField as wrong:
            reading.refused.append(Refused(index, *wrong.error))
    return reading


def read_geometry(
    geometry: object, *, radius_m: object = None, radius_max_m: float = RADIUS_MAX_M, vertices: int = VERTICES_MAX
) -> Circle | Area:
    """Read one geometry; `radius_m` makes a Point a Circle.

    Raises `Invalid`, whose one error names `geometry…` or `radius_m`.
    """
    try:
        return _shape(geometry, radius_m, radius_max_m, vertices)
    except _WrongField as wrong:
        raise Invalid("The geometry cannot be a fence.", errors=[wrong.error]) from None


def to_geometry(shape: Circle | Area) -> dict[str, Any]:
    """A shape as a GeoJSON geometry; of a circle, its centre."""
    if isinstance(shape, Circle):
        return {"type": "Point", "coordinates": [shape.center.lon, shape.center.lat]}
    polygons = [[[[point.lon, point.lat] for point in ring] for ring in rings] for rings in shape.polygons]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _feature(index: int, member: object, vertices: int) -> Feature:
    if not isinstance(member, Mapping) or member.get("type") != "Feature":
        raise _WrongField("type", 'must be "Feature"')
    properties = member.get("properties")
    properties = {} if properties is None else properties
    if not isinstance(properties, Mapping):
        raise _WrongField("properties", "must be an object or null")
    name = _text(properties.get("name"), "properties.name", NAME_MAX)
    tags = properties.get("tags")
    tags = [] if tags is None else tags
    if not isinstance(tags, list) or len(tags) > TAGS_MAX:
        raise _WrongField("properties.tags", f"must be an array of at most {TAGS_MAX} strings")
    read = frozenset(_text(tag, f"properties.tags[{number}]", TAG_MAX) for number, tag in enumerate(tags))
    try:
        shape = _shape(member.get("geometry"), properties.get("radius_m"), RADIUS_MAX_M, vertices)
    except _WrongField as wrong:
        field, message = wrong.error
        raise _WrongField("properties.radius_m" if field == "radius_m" else field, message) from None
    return Feature(index, name, read, shape)


def _text(value: object, field: str, longest: int) -> str:
    text = unicodedata.normalize("NFC", value).strip() if isinstance(value, str) else ""
    if not 0 < len(text) <= longest:
        raise _WrongField(field, f"must be a string of 1 to {longest} printable characters")
    if any(unicodedata.category(letter) in _UNPRINTABLE for letter in text):
        raise _WrongField(field, "must be without line breaks and control characters")
    return text


def _shape(geometry: object, radius_m: object, radius_max_m: float, vertices: int) -> Circle | Area:
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if not isinstance(geometry, Mapping) or not isinstance(kind, str) or kind not in _GEOMETRIES:
        raise _WrongField("geometry.type", "must be Polygon, MultiPolygon or Point with a radius_m")
    coordinates = geometry.get("coordinates")
    path = "geometry.coordinates"
    if kind == "Point":
        return Circle(_position(coordinates, path), _radius(radius_m, radius_max_m))
    polygons = [coordinates] if kind == "Polygon" else _list(coordinates, path, "polygons")
    paths = [path] if kind == "Polygon" else [f"{path}[{number}]" for number in range(len(polygons))]
    _count(polygons, vertices)
    area = Area(tuple(_polygon(rings, where) for rings, where in zip(polygons, paths, strict=True)))
    fault = fault_of(area)
    if fault is not None:
        raise _WrongField(f"{paths[fault.polygon]}[{fault.ring}]", f"this ring {fault.message}")
    _size(area)
    return area


def _radius(value: object, highest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not RADIUS_MIN_M <= value <= highest:
        raise _WrongField("radius_m", f"must be a number of metres from {RADIUS_MIN_M:g} to {highest:g}")
    return float(value)


def _list(value: object, path: str, what: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _WrongField(path, f"must be an array of {what}, not empty")
    return value


def _count(polygons: list[Any], vertices: int) -> None:
    """Refuse too many vertices before one is looked at."""
    rings = (ring for rings in polygons if isinstance(rings, list) for ring in rings)
    if sum(len(ring) for ring in rings if isinstance(ring, list)) > vertices:
        raise _WrongField("geometry.coordinates", f"must have at most {vertices} vertices; simplify the outline")


def _polygon(rings: object, path: str) -> tuple[Ring, ...]:
    read = _list(rings, path, "rings")
    return tuple(_ring(ring, f"{path}[{number}]") for number, ring in enumerate(read))


def _ring(ring: object, path: str) -> Ring:
    """A closed ring of at least three different points; a point given twice running is taken once."""
    points: list[Point] = []
    read = _list(ring, path, "positions")
    for number, position in enumerate(read):
        point = _position(position, f"{path}[{number}]")
        if not points or points[-1] != point:
            points.append(point)
    if len(read) < 4:
        raise _WrongField(path, "must have at least four positions, the last one like the first")
    if points[0] != points[-1]:
        raise _WrongField(path, "must be closed: the last position must be like the first")
    if len(points) < 4:
        raise _WrongField(path, "must have at least three different positions")
    return tuple(points)


def _position(position: object, path: str) -> Point:
    if not isinstance(position, list) or not 2 <= len(position) <= 3:
        raise _WrongField(path, "must be [longitude, latitude]")
    for number, value in enumerate(position):
        where = f"{path}[{number}]"
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            raise _WrongField(where, "must be a finite number")
        if number < 2 and abs(value) > _EARTH[number]:
            limit = _EARTH[number]
            raise _WrongField(where, f"is a {_AXES[number]} and must be from {-limit:g} to {limit:g}")
    # A zero added makes of -0.0 the 0.0 that it equals.
    return Point(float(position[1]) + 0.0, float(position[0]) + 0.0)


def _finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        return False


def _size(area: Area) -> None:
    drawn = draw(area)
    radius = equal_radius(drawn.area_m2)
    if radius > RADIUS_MAX_M:
        raise _WrongField(
            "geometry.coordinates",
            f"must not be larger than a circle of {RADIUS_MAX_M:g} m radius; it is as large as one of {radius:.0f} m",
        )
    if drawn.area_m2 < 1:
        raise _WrongField("geometry.coordinates", "must have an area of at least one square metre")
