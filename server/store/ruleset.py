"""Everything that decides, read as of one epoch: live offers, segments, and the places that changed since the last look."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from server.store.pool import Connection

EPOCH = "SELECT epoch FROM ruleset_epoch"


async def epoch(db: Connection) -> int:
    """Tell the number of the rules in force."""
    return int(await db.fetchval(EPOCH))


class OfferRow(NamedTuple):
    """A live offer in the version that is live."""

    id: UUID
    version: int
    created_at: datetime
    document: dict[str, Any]


class StoreRow(NamedTuple):
    """What a store adds to its fence; `hours` as written."""

    id: UUID
    name: str
    lat: float
    lon: float
    zone: str
    country: str | None
    region: str | None
    hours: dict[str, Any] | None
    tags: frozenset[str]
    address: str | None


class FenceRow(NamedTuple):
    """A fence: a circle, or a GeoJSON geometry (then lat, lon and radius are None)."""

    id: UUID
    name: str
    lat: float | None
    lon: float | None
    radius_m: float | None
    geometry: dict[str, Any] | None
    tags: frozenset[str]
    zone: str | None
    store: StoreRow | None


@dataclass(frozen=True, slots=True)
class Rows:
    """What was read; `fences` are those put since the epoch asked for, `removed` those taken away."""

    epoch: int
    offers: list[OfferRow]
    segments: dict[str, dict[str, Any] | None]
    fences: list[FenceRow]
    removed: list[UUID]


OFFERS = """
SELECT o.id, o.live_version AS version, o.created_at, v.document
FROM offers o JOIN offer_versions v ON v.offer_id = o.id AND v.version = o.live_version
WHERE o.status = 'live'
"""
SEGMENTS = "SELECT name, document FROM segments"
# A store is a fence with more words: a change of either counts the fence's `changed` up.
FENCES = """
SELECT g.id, g.name, g.lat, g.lon, g.radius_m, g.geometry, g.tags, g.zone, g.deleted_at IS NOT NULL AS removed,
       s.id AS store_id, s.name AS store_name, s.lat AS store_lat, s.lon AS store_lon, s.time_zone, s.country, s.region,
       s.hours, s.tags AS store_tags, s.address
FROM geofences g LEFT JOIN stores s ON s.id = g.store_id AND s.deleted_at IS NULL
WHERE g.changed > $1
"""


async def read(db: Connection, *, since: int) -> Rows:
    """Read the rules, with the places changed after an epoch (-1: all). Needs a repeatable-read transaction."""
    now = await epoch(db)
    offers = [
        OfferRow(row["id"], row["version"], row["created_at"], json.loads(row["document"]))
        for row in await db.fetch(OFFERS)
    ]
    segments = {row["name"]: json.loads(row["document"] or "null") for row in await db.fetch(SEGMENTS)}
    fences, removed = [], []
    async for row in db.cursor(FENCES, since, prefetch=2000):
        if row["removed"]:
            removed.append(row["id"])
        else:
            fences.append(_fence(row))
    return Rows(now, offers, segments, fences, removed)


def _fence(row: Any) -> FenceRow:
    store = None
    if row["store_id"] is not None:
        store = StoreRow(
            row["store_id"],
            row["store_name"],
            row["store_lat"],
            row["store_lon"],
            row["time_zone"],
            row["country"],
            row["region"],
            json.loads(row["hours"]) if row["hours"] else None,
            frozenset(row["store_tags"]),
            row["address"],
        )
    geometry = json.loads(row["geometry"]) if row["geometry"] else None
    return FenceRow(
        row["id"],
        row["name"],
        row["lat"],
        row["lon"],
        row["radius_m"],
        geometry,
        frozenset(row["tags"]),
        row["zone"],
        store,
    )
