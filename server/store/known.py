"""What a document names, looked up: of all segments, tags and places only those that its words could mean.

A chain has twenty thousand places; a document names a handful. So its texts are handed in, and what exists of them comes
back, with the narrow fences that its filters reach (whoever writes an offer is warned of those).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from server.store.pool import Connection

_PLACES = 2000
"""Narrow fences looked at for a warning that names three of them; places that are named by id come first."""

SEGMENTS = "SELECT name FROM segments WHERE name = ANY ($1::text[])"
TAGS = """
SELECT DISTINCT tag FROM unnest($1::text[]) AS tag
WHERE EXISTS (SELECT FROM geofences g WHERE g.deleted_at IS NULL AND tag = ANY (g.tags))
   OR EXISTS (SELECT FROM stores s WHERE s.deleted_at IS NULL AND tag = ANY (s.tags))
"""
PLACES = """
SELECT coalesce(s.id, g.id) AS id, g.id AS geofence_id, s.id IS NOT NULL AS is_store, coalesce(s.name, g.name) AS name,
       g.lat, g.lon, g.radius_m, g.geometry, g.zone, g.tags || coalesce(s.tags, '{}') AS tags
FROM geofences g LEFT JOIN stores s ON s.id = g.store_id AND s.deleted_at IS NULL
WHERE g.deleted_at IS NULL
  AND (g.id = ANY ($1::uuid[]) OR s.id = ANY ($1::uuid[])
       OR (g.radius_m IS NULL OR g.radius_m < $4) AND ($3 OR g.tags && $2::text[] OR s.tags && $2::text[]))
ORDER BY (g.id = ANY ($1::uuid[]) OR s.id = ANY ($1::uuid[])) DESC NULLS LAST, g.id
LIMIT $5
"""


class PlaceRow(NamedTuple):
    """A place that a document may mean: a circle, or an area (`geometry`, then lat, lon and radius are None)."""

    id: UUID
    geofence_id: UUID
    is_store: bool
    name: str
    lat: float | None
    lon: float | None
    radius_m: float | None
    geometry: Mapping[str, Any] | None
    zone: str | None
    tags: frozenset[str]


class Found(NamedTuple):
    """Those of the named segments and tags that exist, and the places."""

    segments: frozenset[str]
    tags: frozenset[str]
    places: tuple[PlaceRow, ...]


async def find(
    db: Connection, *, texts: Iterable[str], ids: Iterable[UUID], everywhere: bool, narrower_m: float
) -> Found:
    """Find what some texts name as segments or tags, places by their ids or those of their fences.

    Fences under `narrower_m` (and areas of any size) come along if they carry a named tag, all of them if `everywhere`.
    """
    words, wanted = sorted(set(texts)), sorted(set(ids))
    segments = frozenset(row["name"] for row in await db.fetch(SEGMENTS, words))
    tags = frozenset(row["tag"] for row in await db.fetch(TAGS, words))
    limit = _PLACES + len(wanted)
    rows = await db.fetch(PLACES, wanted, sorted(tags), everywhere, narrower_m, limit)
    return Found(segments, tags, tuple(_place(dict(row)) for row in rows))


def _place(values: dict[str, Any]) -> PlaceRow:
    values["geometry"] = json.loads(values["geometry"]) if values["geometry"] else None
    values["tags"] = frozenset(values["tags"])
    return PlaceRow(**values)
