"""Where things are: points, fences and stores on WGS 84, in degrees and metres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Names of the days of the week in the documents, Monday first (as datetime.weekday counts)."""


class Point(NamedTuple):
    """A position on WGS 84: latitude and longitude in degrees."""

    lat: float
    lon: float


class Circle(NamedTuple):
    """All that is at most `radius_m` metres (geodesic) from the centre."""

    center: Point
    radius_m: float


Ring = tuple[Point, ...]
"""A closed line: the last point equals the first."""


class Area(NamedTuple):
    """One or more polygons: each a tuple of rings, the outer one first, then its holes (RFC 7946 §3.1.6)."""

    polygons: tuple[tuple[Ring, ...], ...]


@dataclass(frozen=True, slots=True)
class Geofence:
    """A fence: a shape with a name and tags; a store's own fence names its store."""

    id: UUID
    name: str
    shape: Circle | Area
    tags: frozenset[str] = frozenset()
    store_id: UUID | None = None


class Span(NamedTuple):
    """Opening hours of one day, half-open; a `close` before `open` is on the next day; None stands for 24:00."""

    open: time
    close: time | None


Hours = Mapping[str, tuple[Span, ...]]
"""Opening hours by the name of the opening day; a day not named is closed."""


class Place(msgspec.Struct, frozen=True):
    """What a decision knows of a store or a free fence: one entry per geofence id.

    `id` is the store's id for a store, else the geofence's; `point` the store's position or the area's representative
    centre; `radius_m` the circle's, or that of the circle of equal area. `hours` None means unknown, never "closed".
    """

    id: UUID
    geofence_id: UUID
    kind: Literal["store", "geofence"]
    name: str
    point: Point
    radius_m: float
    zone: str | None
    tags: frozenset[str] = frozenset()
    address: str | None = None
    country: str | None = None
    region: str | None = None
    hours: Hours | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """All places of one ruleset, by geofence id and by place id."""

    by_geofence: Mapping[UUID, Place] = field(default_factory=dict)
    by_id: Mapping[UUID, Place] = field(default_factory=dict)
