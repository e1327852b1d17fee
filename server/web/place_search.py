"""The query of lists of places: a part of the map, words, a tag."""

from __future__ import annotations

import math

import msgspec

from server.errors import FieldError, Invalid
from server.signals.geojson import TAG_MAX
from server.store.sought import WORLD, Bounds, Sought
from server.web.paging import PageQuery

_WORDS_CHARACTERS = 100
_ACROSS = 16
"""So many squares lie side by side at most, and more than half as many: as many heaps as one can still tell apart."""

_SMALLEST_DEGREES = 0.001


class PlaceFilter(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`bbox=west,south,east,north` in degrees (over the antimeridian, west is greater); every word of `q`; one tag."""

    bbox: str | None = None
    q: str | None = None
    tag: str | None = None


class PlaceQuery(PageQuery, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A page of places, and what is looked for, as PlaceFilter says it."""

    bbox: str | None = None
    q: str | None = None
    tag: str | None = None


def read_sought(query: PlaceFilter | PlaceQuery) -> Sought:
    """Read what is looked for; raises Invalid."""
    wrong: list[FieldError] = []
    if query.q is not None and not 0 < len(query.q.strip()) <= _WORDS_CHARACTERS:
        wrong.append(FieldError("q", f"must be 1 to {_WORDS_CHARACTERS} characters"))
    if query.tag is not None and not 0 < len(query.tag.strip()) <= TAG_MAX:
        wrong.append(FieldError("tag", f"must be 1 to {TAG_MAX} characters"))
    bounds = None if query.bbox is None else _bounds(query.bbox)
    if query.bbox is not None and bounds is None:
        wrong.append(FieldError("bbox", "must be west,south,east,north in degrees, south not above north"))
    if wrong:
        raise Invalid(errors=wrong)
    return Sought(bounds, (query.q or "").split(), None if query.tag is None else query.tag.strip())


def _bounds(text: str) -> Bounds | None:
    try:
        found = Bounds(*(float(part) for part in text.split(",")))
    except (TypeError, ValueError):
        return None
    west, south, east, north = found
    right = -180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90  # NaN is in no range
    return found if right else None


def grid_of(sought: Sought) -> float:
    """Choose the squares of a grid by the part of the map: some dozens across, and the same ones while it moves."""
    west, south, east, north = sought.bounds or WORLD
    width = east - west if west <= east else east - west + 360
    return float(2 ** math.ceil(math.log2(max(width, north - south, _SMALLEST_DEGREES) / _ACROSS)))
