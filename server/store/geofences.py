"""Fences as rows: circles of stores, free circles, areas. A deleted fence stays as a row, so that receipts can name it.

`changed` is the number of the rules (server.store.epoch) with which a row last changed: processes load what is newer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from server.store.pool import Connection, Row
from server.store.sought import Sought


@dataclass(frozen=True, slots=True)
class GeofenceDraft:
    """What is written of a fence: a circle (lat, lon, radius_m), or a GeoJSON geometry (Polygon, MultiPolygon)."""

    name: str
    zone: str | None = None
    tags: Sequence[str] = ()
    lat: float | None = None
    lon: float | None = None
    radius_m: float | None = None
    geometry: Mapping[str, Any] | None = None
    store_id: UUID | None = None


class GeofenceRow(NamedTuple):
    """A fence as it is stored; `store_id` names the store whose own fence it is."""

    id: UUID
    name: str
    lat: float | None
    lon: float | None
    radius_m: float | None
    geometry: Mapping[str, Any] | None
    tags: tuple[str, ...]
    store_id: UUID | None
    zone: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> GeofenceRow:
        """Read a row of the columns above."""
        values = dict(row)
        values["geometry"] = json.loads(values["geometry"]) if values["geometry"] else None
        values["tags"] = tuple(values["tags"])
        return cls(**values)


class NewGeofence(NamedTuple):
    """A fence that is about to be written, with the id made for it."""

    id: UUID
    draft: GeofenceDraft


INSERT = """
INSERT INTO geofences (id, name, lat, lon, radius_m, geometry, tags, store_id, zone, changed)
SELECT f.id, f.name, f.lat, f.lon, f.radius_m, f.geometry::jsonb, ARRAY(SELECT jsonb_array_elements_text(f.tags::jsonb)),
       f.store_id, f.zone, $10
FROM unnest($1::uuid[], $2::text[], $3::float8[], $4::float8[], $5::float8[], $6::text[], $7::text[], $8::uuid[], $9::text[])
     AS f (id, name, lat, lon, radius_m, geometry, tags, store_id, zone)
"""


async def insert(db: Connection, *, fences: Sequence[NewGeofence], changed: int) -> None:
    """Add fences, in one statement."""
    drafts = [fence.draft for fence in fences]
    await db.execute(
        INSERT,
        [fence.id for fence in fences],
        [draft.name for draft in drafts],
        [draft.lat for draft in drafts],
        [draft.lon for draft in drafts],
        [draft.radius_m for draft in drafts],
        [_json(draft.geometry) for draft in drafts],
        [json.dumps(list(draft.tags)) for draft in drafts],
        [draft.store_id for draft in drafts],
        [draft.zone for draft in drafts],
        changed,
    )


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value)


UPDATE = """
UPDATE geofences SET name = $2, lat = $3, lon = $4, radius_m = $5, geometry = $6::jsonb, tags = $7::text[], zone = $8,
       changed = $9, updated_at = clock_timestamp()
WHERE id = $1 AND deleted_at IS NULL AND ($10::timestamptz IS NULL OR updated_at = $10::timestamptz)
RETURNING id, name, lat, lon, radius_m, geometry, tags, store_id, zone, created_at, updated_at
"""


async def update(
    db: Connection,
    *,
    geofence_id: UUID,
    draft: GeofenceDraft,
    changed: int,
    unchanged_since: datetime | None = None,
) -> GeofenceRow | None:
    """Write a fence anew (whose it is stays); None when there is none, or it is not the one of `unchanged_since`."""
    row = await db.fetchrow(
        UPDATE,
        geofence_id,
        draft.name,
        draft.lat,
        draft.lon,
        draft.radius_m,
        _json(draft.geometry),
        list(draft.tags),
        draft.zone,
        changed,
        unchanged_since,
    )
    return GeofenceRow.from_row(row) if row else None


FIND = """
SELECT id, name, lat, lon, radius_m, geometry, tags, store_id, zone, created_at, updated_at
FROM geofences WHERE id = $1 AND deleted_at IS NULL
"""


async def find(db: Connection, *, geofence_id: UUID) -> GeofenceRow | None:
    """Find a fence."""
    row = await db.fetchrow(FIND, geofence_id)
    return GeofenceRow.from_row(row) if row else None


PAGE = """
SELECT id, name, lat, lon, radius_m, geometry, tags, store_id, zone, created_at, updated_at
FROM geofences WHERE deleted_at IS NULL AND ($1::uuid IS NULL OR id > $1::uuid) ORDER BY id LIMIT $2
"""


async def page(db: Connection, *, after: UUID | None, limit: int) -> list[GeofenceRow]:
    """List fences, the stores' own too, in the order in which they were made."""
    return [GeofenceRow.from_row(row) for row in await db.fetch(PAGE, after, limit)]


SEARCH = """
SELECT id, name, lat, lon, radius_m, geometry, tags, store_id, zone, created_at, updated_at
FROM geofences
WHERE deleted_at IS NULL AND ($1::uuid IS NULL OR id > $1::uuid) AND tags @> $2::text[]
      AND lower(concat_ws(' ', name, array_to_string(tags, ' '))) LIKE ALL (SELECT lower(w) FROM unnest($3::text[]) w)
      AND (store_id IS NULL OR NOT $4)
ORDER BY id LIMIT $5
"""
IN_VIEW = """
SELECT id, name, lat, lon, radius_m, geometry, tags, store_id, zone, created_at, updated_at
FROM geofences
WHERE deleted_at IS NULL AND ($1::uuid IS NULL OR id > $1::uuid) AND tags @> $2::text[]
      AND lower(concat_ws(' ', name, array_to_string(tags, ' '))) LIKE ALL (SELECT lower(w) FROM unnest($3::text[]) w)
      AND (store_id IS NULL OR NOT $4) AND extent && ANY ($6::box[])
ORDER BY id LIMIT $5
"""


async def search(
    db: Connection, *, sought: Sought, free: bool = False, after: UUID | None, limit: int
) -> list[GeofenceRow]:
    """List the fences that are looked for (`free`: no store's own), in the order in which they were made."""
    given = (after, sought.tags, sought.patterns, free, limit)
    rows = await (db.fetch(SEARCH, *given) if sought.bounds is None else db.fetch(IN_VIEW, *given, sought.boxes))
    return [GeofenceRow.from_row(row) for row in rows]


class Cell(NamedTuple):
    """So many fences of one square of a grid, their middle, how many of them are stores' own, and how far they reach."""

    lat: float
    lon: float
    fences: int
    stores: int
    west: float
    south: float
    east: float
    north: float


CELLS = """
SELECT avg(y) AS lat, avg(x) AS lon, count(*) AS fences, count(store_id) AS stores,
       min((extent[1])[0]) AS west, min((extent[1])[1]) AS south, max((extent[0])[0]) AS east, max((extent[0])[1]) AS north
FROM (
    SELECT (center(extent))[0] AS x, (center(extent))[1] AS y, store_id, extent
    FROM geofences
    WHERE deleted_at IS NULL AND extent && ANY ($1::box[]) AND tags @> $2::text[]
          AND lower(concat_ws(' ', name, array_to_string(tags, ' '))) LIKE ALL (SELECT lower(w) FROM unnest($3::text[]) w)
          AND (store_id IS NULL OR NOT $4)
) AS middles
GROUP BY floor(x / $5::float8), floor(y / $5::float8) ORDER BY fences DESC, lat, lon
"""


async def cells(db: Connection, *, sought: Sought, free: bool, degrees: float) -> list[Cell]:
    """Count the fences that are looked for in squares of so many degrees, the fullest first."""
    rows = await db.fetch(CELLS, sought.boxes, sought.tags, sought.patterns, free, degrees)
    return [Cell(**row) for row in rows]


DELETE = """
UPDATE geofences SET deleted_at = clock_timestamp(), changed = $2 WHERE id = $1 AND deleted_at IS NULL
RETURNING id, name, lat, lon, radius_m, geometry, tags, store_id, zone, created_at, updated_at
"""


async def delete(db: Connection, *, geofence_id: UUID, changed: int) -> GeofenceRow | None:
    """Take a fence down; None when there is none."""
    row = await db.fetchrow(DELETE, geofence_id, changed)
    return GeofenceRow.from_row(row) if row else None
