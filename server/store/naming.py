"""Which offers name a place: who takes a fence down is told what reaches for it."""

from __future__ import annotations

from typing import Literal, NamedTuple
from uuid import UUID

from server.store.pool import Connection


class Naming(NamedTuple):
    """An offer that has not ended and names the place: by its id, or by a tag that it has."""

    id: UUID
    name: str
    status: Literal["draft", "live", "paused"]
    by: Literal["id", "tag"]


# Of a live offer both the newest document and the one that is live count: either may name what the other does not.
PAGE = """
WITH place AS (
    SELECT array_remove(ARRAY[id::text, store_id::text], NULL) AS ids, tags
    FROM geofences WHERE id = $1 AND deleted_at IS NULL
), selectors AS (
    SELECT o.id, o.name, o.status, selector
    FROM offers o JOIN offer_versions v ON v.offer_id = o.id AND v.version IN (o.version, o.live_version),
         jsonb_array_elements(jsonb_path_query_array(v.document, '$.**.places')
                              || jsonb_path_query_array(v.document, '$.**.place')) AS selector
    WHERE o.status <> 'ended' AND ($2::uuid IS NULL OR o.id > $2::uuid)
), found AS (
    SELECT s.id, s.name, s.status, s.selector ->> 'tag' = ANY (place.tags) AS by_tag,
           EXISTS (SELECT FROM jsonb_path_query(s.selector, '$.ids[*]') AS named
                   WHERE lower(named #>> '{}') = ANY (place.ids)) AS by_id
    FROM selectors s, place
)
SELECT id, name, status, CASE WHEN bool_or(by_id) THEN 'id' ELSE 'tag' END AS by
FROM found WHERE by_id OR by_tag GROUP BY id, name, status ORDER BY id LIMIT $3
"""


async def page(db: Connection, *, geofence_id: UUID, after: UUID | None, limit: int) -> list[Naming]:
    """List the offers that name a fence, or the store whose own it is, the oldest first."""
    return [Naming(**row) for row in await db.fetch(PAGE, geofence_id, after, limit)]
