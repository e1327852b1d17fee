"""Imports: lists of stores (CSV) and fences (GeoJSON) that somebody else made, read row by row.

    read (in a thread) → look addresses up → write all that is good, in one transaction (server.pipeline.places)

Rule 1: every row is answered for: it is imported, or refused with its first mistake. `index` counts rows from 0.
Rule 2: an import is one deed: either all good rows are written or, where the database fails, none.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from server.decision.wall import zone_named
from server.errors import FieldError, Invalid, Unavailable
from server.model.place import Point
from server.pipeline.addresses import Locates
from server.pipeline.places import check_store, draft_of
from server.pipeline.sheets import ALIASES, read_sheet, split_tags
from server.signals.geojson import RADIUS_MAX_M, Refused, read_collection
from server.store.geofences import GeofenceDraft
from server.store.stores import StoreDraft

RADIUS_M: Final = 100.0
"""The fence of a store in a table without radii: a shop and its pavement, and what phones can tell apart."""

_NUMBER: Final = re.compile(r"[+-]?\d{1,20}(\.\d{0,30})?([eE][+-]?\d{1,3})?", re.ASCII)
_AREAS: Final = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)
_ON_ONE_LINE: Final = frozenset({"address", "city"})
_NO_GEOCODER: Final = "needs a geocoder, and none is set (geocoder.base_url); give lat and lon"
_TOO_MANY: Final = "was not looked up: one import may ask for {} (limits.import_addresses); give lat and lon"
_GIVE_UP_AFTER: Final = 2
"""A geocoder that failed so often running is not asked again for this import."""


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A store with an address and no position: its row, what is known of it, and what to ask the geocoder."""

    index: int
    fields: Mapping[str, Any]
    question: str


@dataclass(frozen=True, slots=True)
class StoreReading:
    """What was read of a table: good stores with their row, those still without a position, refusals, warnings.

    A warning is about a row that was taken; `ignored` are columns that nobody knows.
    """

    taken: list[tuple[int, StoreDraft]] = field(default_factory=list)
    unplaced: list[Unplaced] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    warnings: list[Refused] = field(default_factory=list)
    ignored: tuple[str, ...] = ()

    @property
    def drafts(self) -> list[StoreDraft]:
        """The good stores, in the table's order."""
        return [draft for _, draft in self.taken]


@dataclass(frozen=True, slots=True)
class FenceReading:
    """What was read of a collection: good fences with their feature's number, in its order, and refusals."""

    taken: list[tuple[int, GeofenceDraft]]
    refused: list[Refused]

    @property
    def drafts(self) -> list[GeofenceDraft]:
        """The good fences, in the collection's order."""
        return [draft for _, draft in self.taken]


def read_stores(
    data: bytes, *, rows: int, radius_m: float = RADIUS_M, told: Callable[[int], None] | None = None
) -> StoreReading:
    """Read a CSV of stores, at most so many rows; `radius_m` where it has no such column. Takes seconds: use a thread.

    Columns: name (or store_number), lat, lon, radius_m, time_zone, tags (by `;`), address (or city), country, region,
    hours (JSON). Raises Unreadable and Invalid for a table that is none; `told` hears of each row that is done.
    """
    sheet = read_sheet(data, rows=rows)
    reading = StoreReading(ignored=sheet.ignored)
    for index, row in enumerate(sheet.rows):
        if isinstance(row, FieldError):
            reading.refused.append(Refused(index, *row))
        else:
            _read_row(reading, index, row, None if "radius_m" in sheet.columns else radius_m)
        if told is not None:
            told(1)
    return reading


def _read_row(reading: StoreReading, index: int, row: Mapping[str, str], radius_m: float | None) -> None:
    row = {column: _one_line(cell) if column in _ON_ONE_LINE else cell for column, cell in row.items()}
    for alias, column in ALIASES.items():
        if column not in row and alias in row:
            row[column] = row[alias]
    zone = row.get("time_zone")
    if zone is not None and zone_named(zone) is None and zone.partition("/")[0] in _AREAS:
        # Lists in the wild cut names off, or name the capital: where on earth the store is tells its zone better.
        del row["time_zone"]
        reading.warnings.append(Refused(index, "time_zone", "is not known; that of the position was taken"))
    fields = _fields(row, radius_m)
    if fields["lat"] is None and fields["lon"] is None and fields["address"] is not None:
        reading.unplaced.append(Unplaced(index, fields, _question(row)))
    else:
        _judge(reading, index, fields)


def _fields(row: Mapping[str, str], radius_m: float | None) -> dict[str, Any]:
    return {
        "name": row.get("name"),
        "lat": _number(row.get("lat")),
        "lon": _number(row.get("lon")),
        "radius_m": _number(row.get("radius_m")) if radius_m is None else radius_m,
        "time_zone": row.get("time_zone"),
        "country": row.get("country"),
        "region": row.get("region"),
        "hours": _hours(row.get("hours")),
        "tags": split_tags(row.get("tags", "")),
        "address": row.get("address"),
    }


def _number(cell: str | None) -> float | str | None:
    """Read a number; a cell that is none stays what it is, and is refused with its column's own words."""
    return float(cell) if cell is not None and _NUMBER.fullmatch(cell) else cell


def _hours(cell: str | None) -> Any:
    if cell is None:
        return None
    try:
        return json.loads(cell, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return cell


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a day is named twice")
    return dict(pairs)


def _one_line(address: str) -> str:
    """Join the lines of an address: exports write it as on a letter, and here it is one line."""
    lines = address.splitlines()
    return address if len(lines) < 2 else ", ".join(part for line in lines if (part := line.strip(" ,\t")))


def _question(row: Mapping[str, str]) -> str:
    """Ask for the address in its town and country: there is a high street in every town."""
    parts = [row["address"], row.get("city", ""), row.get("country", "")]
    return ", ".join(dict.fromkeys(part for part in parts if part))


def _judge(reading: StoreReading, index: int, fields: Mapping[str, Any]) -> None:
    try:
        reading.taken.append((index, check_store(fields, radius_max_m=RADIUS_MAX_M)))
    except Invalid as refusal:
        reading.refused.append(Refused(index, *refusal.errors[0]))


async def locate(
    reading: StoreReading,
    *,
    geocoder: Locates | None,
    most: int | None = None,
    within_s: float | None = None,
    told: Callable[[int], None] | None = None,
) -> StoreReading:
    """Find the positions that are missing, at most `most` (None: all) and within so many seconds; the rest is refused."""
    if not reading.unplaced:
        return reading
    after = replace(reading, taken=[*reading.taken], refused=[*reading.refused], unplaced=[])
    loop = asyncio.get_running_loop()
    ends = None if within_s is None else loop.time() + within_s
    failed = 0
    for asked, one in enumerate(reading.unplaced):
        if geocoder is None:
            answer: Point | str = _NO_GEOCODER
        elif most is not None and asked >= most:
            answer = _TOO_MANY.format(most)
        elif failed >= _GIVE_UP_AFTER or (ends is not None and loop.time() >= ends):
            answer = "was not looked up: the geocoder is too slow, or does not answer; try again, or give lat and lon"
        else:
            answer, failed = await _ask(geocoder, one.question, failed)
        if isinstance(answer, Point):
            _judge(after, one.index, {**one.fields, **answer._asdict()})
        else:
            after.refused.append(Refused(one.index, "address", answer))
        if told is not None:
            told(1)
    after.taken.sort(key=lambda each: each[0])
    after.refused.sort(key=lambda each: each.index)
    return after


def foresee(reading: StoreReading, *, geocoder: bool, most: int) -> StoreReading:
    """Tell what `locate` would come to without asking anybody: rows that would be looked up stay `unplaced`."""
    there = most if geocoder else 0
    missing = _TOO_MANY.format(most) if geocoder else _NO_GEOCODER
    left = [Refused(one.index, "address", missing) for one in reading.unplaced[there:]]
    refused = sorted([*reading.refused, *left], key=lambda each: each.index)
    return replace(reading, refused=refused, unplaced=reading.unplaced[:there])


async def _ask(geocoder: Locates, question: str, failed: int) -> tuple[Point | str, int]:
    """Give the position or why there is none, and how many questions running have failed."""
    try:
        point = await geocoder.locate(question)
    except Unavailable:
        return "was not found: the geocoder does not answer; try again, or give lat and lon", failed + 1
    return point or "was not found; give lat and lon", 0


def read_fences(document: object, *, rows: int, vertices: int) -> FenceReading:
    """Read a GeoJSON FeatureCollection, at most so many features of so many vertices each. Takes seconds: use a thread.

    Raises Invalid for what is no such collection.
    """
    features = document.get("features") if isinstance(document, Mapping) else None
    if isinstance(features, list) and len(features) > rows:
        raise Invalid(errors=[FieldError("features", f"must be {rows} at most")])
    read = read_collection(document, vertices=vertices)
    return FenceReading([(feature.index, draft_of(feature)) for feature in read.features], read.refused)
