"""Everything that decides, read as of one epoch: live offers, segments, and the places that changed since the last look."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from sys import intern
from typing import Any, NamedTuple
from uuid import UUID

from server.store.pool import Connection, Row

EPOCH = "SELECT epoch FROM ruleset_epoch"


async def epoch(db: Connection) -> int:
    """Tell the number of the rules in force."""
    return int(await db.fetchval(EPOCH))


PAUSED = "SELECT paused FROM programme"


async def is_paused(db: Connection) -> bool:
    """Tell whether somebody has stopped the whole programme."""
    return bool(await db.fetchval(PAUSED))


class OfferRow(NamedTuple):
    """A live offer in the version that is live; `document` is None where the caller has read this version before."""

    id: UUID
    version: int
    created_at: datetime
    document: dict[str, Any] | None


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
    paused: bool = False


# Documents are long and seldom new: of versions that the caller names, only their numbers come.
OFFERS = """
SELECT o.id, o.live_version AS version, o.created_at, CASE WHEN k.id IS NULL THEN v.document END AS document
FROM offers o JOIN offer_versions v ON v.offer_id = o.id AND v.version = o.live_version
     LEFT JOIN unnest($1::uuid[], $2::int[]) AS k (id, version) ON k.id = o.id AND k.version = o.live_version
WHERE o.status = 'live'
"""
SEGMENTS = "SELECT name, document FROM segments"
# A store is a fence with more words: a change of either counts the fence's `changed` up.
FENCES = """
SELECT g.deleted_at IS NOT NULL AS removed, g.id, g.name, g.lat, g.lon, g.radius_m, g.geometry, g.tags, g.zone,
       s.id AS store_id, s.name AS store_name, s.lat AS store_lat, s.lon AS store_lon, s.time_zone, s.country, s.region,
       s.hours, s.tags AS store_tags, s.address
FROM geofences g LEFT JOIN stores s ON s.id = g.store_id AND s.deleted_at IS NULL
WHERE g.changed > $1
"""

PORTION = 1_000
"""So many places are read at a time: some milliseconds, then the loop may turn."""


async def read(db: Connection, *, since: int, known: Collection[tuple[UUID, int]] = ()) -> Rows:
    """Read the rules, with the places changed after an epoch (-1: all). Needs a repeatable-read transaction.

    `known` are the versions of offers whose documents need not be sent.
    """
    now, paused = await epoch(db), await is_paused(db)
    offers = [
        OfferRow(row["id"], row["version"], row["created_at"], json.loads(row["document"] or "null"))
        for row in await db.fetch(OFFERS, [each for each, _ in known], [version for _, version in known])
    ]
    segments = {row["name"]: json.loads(row["document"] or "null") for row in await db.fetch(SEGMENTS)}
    fences: list[FenceRow] = []
    removed: list[UUID] = []
    reading = _Reading({}, {})
    cursor = await db.cursor(FENCES, since)
    while portion := await cursor.fetch(PORTION):
        for row in portion:
            if row[0]:
                removed.append(row[1])
            else:
                fences.append(reading.fence(row))
    return Rows(now, offers, segments, fences, removed, paused)


class _Reading(NamedTuple):
    """What a whole chain says again and again: its tags and its hours are read once and shared."""

    tags: dict[tuple[str, ...], frozenset[str]]
    hours: dict[str, dict[str, Any]]

    def fence(self, row: Row) -> FenceRow:
        """Read one row; by position, for there are a hundred thousand."""
        _, identifier, name, lat, lon, radius_m, geometry, tags, zone, store_id, *rest = row
        return FenceRow(
            identifier,
            name,
            lat,
            lon,
            radius_m,
            json.loads(geometry) if geometry else None,
            self._tags(tags),
            zone and intern(zone),
            None if store_id is None else self._store(store_id, rest),
        )

    def _store(self, identifier: UUID, rest: list[Any]) -> StoreRow:
        name, lat, lon, zone, country, region, hours, tags, address = rest
        if hours is not None and hours not in self.hours:
            self.hours[hours] = json.loads(hours)
        return StoreRow(
            identifier,
            name,
            lat,
            lon,
            intern(zone),
            country and intern(country),
            region and intern(region),
            None if hours is None else self.hours[hours],
            self._tags(tags),
            address,
        )

    def _tags(self, tags: list[str]) -> frozenset[str]:
        key = tuple(tags)
        found = self.tags.get(key)
        if found is None:
            found = self.tags[key] = frozenset(map(intern, key))
        return found
