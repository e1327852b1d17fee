"""Stores as rows, each with a fence of its own. A deleted store stays as a row, so that ledgers can name it."""

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
class StoreDraft:
    """What is written of a store; `hours` as documents write them (server.model.hours), None where unknown."""

    name: str
    lat: float
    lon: float
    radius_m: float
    time_zone: str
    country: str | None = None
    region: str | None = None
    hours: Mapping[str, Any] | None = None
    tags: Sequence[str] = ()
    address: str | None = None


class StoreRow(NamedTuple):
    """A store as it is stored."""

    id: UUID
    name: str
    lat: float
    lon: float
    radius_m: float
    time_zone: str
    country: str | None
    region: str | None
    hours: Mapping[str, Any] | None
    tags: tuple[str, ...]
    address: str | None
    geofence_id: UUID
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> StoreRow:
        """Read a row of the columns above."""
        values = dict(row)
        values["hours"] = json.loads(values["hours"]) if values["hours"] else None
        values["tags"] = tuple(values["tags"])
        return cls(**values)


class NewStore(NamedTuple):
    """A store that is about to be written, with the ids made for it and its fence."""

    id: UUID
    geofence_id: UUID
    draft: StoreDraft


INSERT = """
INSERT INTO stores (id, geofence_id, name, lat, lon, radius_m, time_zone, country, region, hours, tags, address)
SELECT s.id, s.geofence_id, s.name, s.lat, s.lon, s.radius_m, s.time_zone, s.country, s.region, s.hours::jsonb,
       ARRAY(SELECT jsonb_array_elements_text(s.tags::jsonb)), s.address
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::float8[], $5::float8[], $6::float8[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::text[], $12::text[])
     AS s (id, geofence_id, name, lat, lon, radius_m, time_zone, country, region, hours, tags, address)
"""


async def insert(db: Connection, *, stores: Sequence[NewStore]) -> None:
    """Add stores, in one statement."""
    drafts = [store.draft for store in stores]
    await db.execute(
        INSERT,
        [store.id for store in stores],
        [store.geofence_id for store in stores],
        [draft.name for draft in drafts],
        [draft.lat for draft in drafts],
        [draft.lon for draft in drafts],
        [draft.radius_m for draft in drafts],
        [draft.time_zone for draft in drafts],
        [draft.country for draft in drafts],
        [draft.region for draft in drafts],
        [_json(draft.hours) for draft in drafts],
        [json.dumps(list(draft.tags)) for draft in drafts],
        [draft.address for draft in drafts],
    )


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value)


UPDATE = """
UPDATE stores SET name = $2, lat = $3, lon = $4, radius_m = $5, time_zone = $6, country = $7, region = $8, hours = $9::jsonb,
       tags = $10::text[], address = $11, updated_at = clock_timestamp()
WHERE id = $1 AND deleted_at IS NULL AND ($12::timestamptz IS NULL OR updated_at = $12::timestamptz)
RETURNING id, name, lat, lon, radius_m, time_zone, country, region, hours, tags, address, geofence_id, created_at, updated_at
"""


async def update(
    db: Connection, *, store_id: UUID, draft: StoreDraft, unchanged_since: datetime | None = None
) -> StoreRow | None:
    """Write a store anew; None when there is none, or it is not (any more) the one of `unchanged_since`."""
    row = await db.fetchrow(
        UPDATE,
        store_id,
        draft.name,
        draft.lat,
        draft.lon,
        draft.radius_m,
        draft.time_zone,
        draft.country,
        draft.region,
        _json(draft.hours),
        list(draft.tags),
        draft.address,
        unchanged_since,
    )
    return StoreRow.from_row(row) if row else None


FIND = """
SELECT id, name, lat, lon, radius_m, time_zone, country, region, hours, tags, address, geofence_id, created_at, updated_at
FROM stores WHERE id = $1 AND deleted_at IS NULL
"""


async def find(db: Connection, *, store_id: UUID) -> StoreRow | None:
    """Find a store."""
    row = await db.fetchrow(FIND, store_id)
    return StoreRow.from_row(row) if row else None


PAGE = """
SELECT id, name, lat, lon, radius_m, time_zone, country, region, hours, tags, address, geofence_id, created_at, updated_at
FROM stores WHERE deleted_at IS NULL AND ($1::uuid IS NULL OR id > $1::uuid) ORDER BY id LIMIT $2
"""


async def page(db: Connection, *, after: UUID | None, limit: int) -> list[StoreRow]:
    """List stores in the order in which they were made."""
    return [StoreRow.from_row(row) for row in await db.fetch(PAGE, after, limit)]


SEARCH = """
SELECT id, name, lat, lon, radius_m, time_zone, country, region, hours, tags, address, geofence_id, created_at, updated_at
FROM stores
WHERE deleted_at IS NULL AND ($1::uuid IS NULL OR id > $1::uuid) AND tags @> $2::text[]
      AND lower(concat_ws(' ', name, address, array_to_string(tags, ' '))) LIKE ALL (SELECT lower(w) FROM unnest($3::text[]) w)
ORDER BY id LIMIT $4
"""
IN_VIEW = """
SELECT id, name, lat, lon, radius_m, time_zone, country, region, hours, tags, address, geofence_id, created_at, updated_at
FROM stores
WHERE deleted_at IS NULL AND ($1::uuid IS NULL OR id > $1::uuid) AND tags @> $2::text[]
      AND lower(concat_ws(' ', name, address, array_to_string(tags, ' '))) LIKE ALL (SELECT lower(w) FROM unnest($3::text[]) w)
      AND point(lon, lat) <@ ANY ($5::box[])
ORDER BY id LIMIT $4
"""


async def search(db: Connection, *, sought: Sought, after: UUID | None, limit: int) -> list[StoreRow]:
    """List the stores that are looked for, in the order in which they were made."""
    given = (after, sought.tags, sought.patterns, limit)
    rows = await (db.fetch(SEARCH, *given) if sought.bounds is None else db.fetch(IN_VIEW, *given, sought.boxes))
    return [StoreRow.from_row(row) for row in rows]


DELETE = """
UPDATE stores SET deleted_at = clock_timestamp() WHERE id = $1 AND deleted_at IS NULL
RETURNING id, name, lat, lon, radius_m, time_zone, country, region, hours, tags, address, geofence_id, created_at, updated_at
"""


async def delete(db: Connection, *, store_id: UUID) -> StoreRow | None:
    """Close a store for good; None when there is none."""
    row = await db.fetchrow(DELETE, store_id)
    return StoreRow.from_row(row) if row else None


END_TILLS = "UPDATE api_keys SET revoked_at = clock_timestamp() WHERE store_id = $1 AND revoked_at IS NULL"


async def end_tills(db: Connection, *, store_id: UUID) -> None:
    """Revoke the keys of a store's tills: a closed store redeems nothing."""
    await db.execute(END_TILLS, store_id)


# An account that was for this counter alone is disabled; whoever has other roles keeps those.
END_STAFF = """
WITH staff AS (
    UPDATE users SET store_id = NULL, roles = array_remove(roles, 'counter'),
                     disabled_at = CASE WHEN array_remove(roles, 'counter') = '{}' THEN coalesce(disabled_at, clock_timestamp())
                                        ELSE disabled_at END
    WHERE store_id = $1 RETURNING id
)
DELETE FROM sessions WHERE user_id IN (SELECT id FROM staff)
"""


async def end_staff(db: Connection, *, store_id: UUID) -> None:
    """Take the counter from a store's staff, and end their log-ins."""
    await db.execute(END_STAFF, store_id)
