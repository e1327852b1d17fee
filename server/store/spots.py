"""Where a reward may be redeemed, as stores: for the pass's row, and for the places that the pass shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from server.model.pass_ import Spot
from server.model.place import Point
from server.store.pool import Connection


class Redeemable(NamedTuple):
    """Which stores take a reward: those of the list (None: all), and only such with the tag where there is one."""

    ids: tuple[UUID, ...] | None = None
    tag: str | None = None


# Deleted stores count: a reward of one that has closed is not suddenly taken everywhere.
NAMED = "SELECT id FROM stores WHERE id = ANY ($1::uuid[]) OR geofence_id = ANY ($1::uuid[]) ORDER BY id"


async def stores_named(db: Connection, *, ids: Sequence[UUID]) -> tuple[UUID, ...]:
    """Turn ids of stores or of their fences into those of stores; free fences are no stores and fall out."""
    return tuple(row["id"] for row in await db.fetch(NAMED, list(ids)))


# An area's own point is one of its corners: what is near it is near enough for an order by distance.
ORIGIN = """
SELECT lat, lon FROM stores WHERE id = $1
UNION ALL
SELECT coalesce(lat, (corner->>1)::double precision), coalesce(lon, (corner->>0)::double precision)
FROM geofences, LATERAL (
    SELECT jsonb_path_query_array(geometry->'coordinates', '$.**{last} ? (@.type() == "number")') AS corner
) AS c
WHERE id = $1
LIMIT 1
"""


async def origin(db: Connection, *, place_id: UUID) -> Point | None:
    """Find a store's or a fence's position."""
    row = await db.fetchrow(ORIGIN, place_id)
    return None if row is None or row["lat"] is None else Point(row["lat"], row["lon"])


# The haversine's order is the distance's, on both sides of the antimeridian.
NEAREST = """
SELECT id, name, lat, lon FROM stores
WHERE deleted_at IS NULL AND ($1::uuid[] IS NULL OR id = ANY ($1::uuid[])) AND ($2::text IS NULL OR $2::text = ANY (tags))
ORDER BY sin(radians(lat - $3::float8) / 2) ^ 2
         + cos(radians($3::float8)) * cos(radians(lat)) * sin(radians(lon - $4::float8) / 2) ^ 2, id
LIMIT $5
"""


async def nearest(db: Connection, *, among: Redeemable, origin: Point | None, limit: int) -> tuple[Spot, ...]:
    """List the stores that take a reward, the nearest to `origin` first (without one: by id)."""
    lat, lon = origin or (None, None)
    rows = await db.fetch(NEAREST, among.ids, among.tag, lat, lon, limit)
    return tuple(Spot(row["id"], row["name"], Point(row["lat"], row["lon"])) for row in rows)
