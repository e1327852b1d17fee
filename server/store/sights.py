"""Where passes come up by themselves: which are due to be looked at, and what was seen.

Rule 1: a pass is looked at when its time has come (a window's edge, or a while after the last look), and on a walk through
        all that may show a store which has changed.
Rule 2: what was seen is written only on the row that was looked at: one that changed meanwhile is looked at again.
Rule 3: a customer's position is read here and written nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.model.pass_ import Card, card_document, card_from
from server.model.place import Point
from server.store.pool import Connection, Row


class Due(NamedTuple):
    """A pass that is to be looked at. `point` is the customer's last position, as coarse as it is kept; `place_id` where
    the moment began; `home` the customer's zone; `set_at` when its places last changed; `again` when its time comes."""

    serial: UUID
    offer_id: UUID
    version: int
    card: Card
    places: tuple[UUID, ...] | None
    place_tag: str | None
    valid_from: datetime
    valid_until: datetime | None
    modified_at: datetime
    again: datetime | None
    set_at: datetime | None
    place_id: UUID | None
    home: str | None
    point: Point | None


BY_TIME = """
SELECT p.serial, p.offer_id, p.offer_version, p.design, p.places, p.place_tag, p.valid_from, p.valid_until, p.modified_at,
       p.relevant_at, p.relevant_set_at, m.place_id, c.time_zone,
       (s.state->'last_fix'->'point'->>0)::float8 AS lat, (s.state->'last_fix'->'point'->>1)::float8 AS lon
FROM (
    SELECT bucket, serial FROM passes WHERE state = 'active' AND relevant_at IS NOT NULL AND relevant_at <= $1
    ORDER BY relevant_at LIMIT $2
) AS due JOIN passes p USING (bucket, serial)
LEFT JOIN moments m ON m.bucket = p.bucket AND m.id = p.moment_id
LEFT JOIN customers c ON c.bucket = p.bucket AND c.id = p.customer_id
LEFT JOIN customer_state s ON s.bucket = p.bucket AND s.customer_id = p.customer_id AND c.location
"""


async def due(db: Connection, *, now: datetime, limit: int) -> list[Due]:
    """List passes whose time has come, those that wait longest first."""
    return [_due(row) for row in await db.fetch(BY_TIME, now, limit)]


class Walk(NamedTuple):
    """How far it is: done up to the change `as_of`, under way for those up to `target`, behind a pass."""

    as_of: int
    target: int
    bucket: int
    serial: UUID


TURN = """
SELECT as_of, target, after_bucket, after_serial, (SELECT coalesce(max(changed), 0) FROM geofences) AS newest
FROM relevance_walk
"""


async def walk(db: Connection, *, known: int) -> Walk | None:
    """Tell where the walk goes on, or begin one for what has changed up to the rules' number `known`; None: all is done."""
    row = await db.fetchrow(TURN)
    assert row is not None  # noqa: S101  the migration has put it there
    target = row["target"] if row["target"] is not None else min(row["newest"], known)
    return Walk(row["as_of"], target, row["after_bucket"], row["after_serial"]) if target > row["as_of"] else None


NEXT = """
SELECT bucket, serial FROM passes
WHERE state = 'active' AND relevant_at IS NOT NULL AND (bucket, serial) > ($1::smallint, $2::uuid)
ORDER BY bucket, serial LIMIT $3
"""
CHANGED = "SELECT store_id FROM geofences WHERE changed > $1 AND store_id IS NOT NULL LIMIT $2"
# A pass of named stores shows those alone; one that every store takes, or each with a tag, may show any.
AFFECTED = """
SELECT p.serial, p.offer_id, p.offer_version, p.design, p.places, p.place_tag, p.valid_from, p.valid_until, p.modified_at,
       p.relevant_at, p.relevant_set_at, m.place_id, c.time_zone,
       (s.state->'last_fix'->'point'->>0)::float8 AS lat, (s.state->'last_fix'->'point'->>1)::float8 AS lon
FROM unnest($1::smallint[], $2::uuid[]) AS next (bucket, serial) JOIN passes p USING (bucket, serial)
LEFT JOIN moments m ON m.bucket = p.bucket AND m.id = p.moment_id
LEFT JOIN customers c ON c.bucket = p.bucket AND c.id = p.customer_id
LEFT JOIN customer_state s ON s.bucket = p.bucket AND s.customer_id = p.customer_id AND c.location
WHERE p.state = 'active' AND p.relevant_at IS NOT NULL
  AND ($3::uuid[] IS NULL OR p.places IS NULL OR p.places && $3::uuid[])
"""
_MOST_NAMED = 1_000
"""Stores that are named to the database; after an import of more it is every pass's turn."""


async def stretch(db: Connection, at: Walk, *, limit: int) -> tuple[list[Due], Walk | None]:
    """List what of the next `limit` passes may show a store that changed, and tell where the walk goes on after them."""
    stores = [row["store_id"] for row in await db.fetch(CHANGED, at.as_of, _MOST_NAMED + 1)]
    keys = await db.fetch(NEXT, at.bucket, at.serial, limit)
    named = stores if len(stores) <= _MOST_NAMED else None
    rows = await db.fetch(AFFECTED, [key["bucket"] for key in keys], [key["serial"] for key in keys], named)
    after = at._replace(bucket=keys[-1]["bucket"], serial=keys[-1]["serial"]) if len(keys) == limit else None
    return [_due(row) for row in rows], after


ADVANCE = """
UPDATE relevance_walk SET as_of = $4, target = $5, after_bucket = $6, after_serial = $7
WHERE as_of = $1 AND after_bucket = $2 AND after_serial = $3
"""


async def advance(db: Connection, *, before: Walk, after: Walk | None) -> None:
    """Write down how far the walk is; after its end all changes up to its target are done."""
    done: tuple[int, int | None, int, UUID] = (before.target, None, -1, UUID(int=0))
    await db.execute(ADVANCE, before.as_of, before.bucket, before.serial, *(after or done))


def _due(row: Row) -> Due:
    card = card_from(json.loads(row["design"]))
    return Due(
        serial=row["serial"],
        offer_id=row["offer_id"],
        version=card.version or row["offer_version"],
        card=card,
        places=None if row["places"] is None else tuple(row["places"]),
        place_tag=row["place_tag"],
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        modified_at=row["modified_at"],
        again=row["relevant_at"],
        set_at=row["relevant_set_at"],
        place_id=row["place_id"],
        home=row["time_zone"],
        point=None if row["lat"] is None or row["lon"] is None else Point(row["lat"], row["lon"]),
    )


POINT = """
SELECT (s.state->'last_fix'->'point'->>0)::float8 AS lat, (s.state->'last_fix'->'point'->>1)::float8 AS lon, c.time_zone
FROM customers c LEFT JOIN customer_state s ON s.bucket = c.bucket AND s.customer_id = c.id AND c.location
WHERE c.bucket = $1 AND c.id = $2
"""


async def whereabouts(db: Connection, *, customer_id: UUID) -> tuple[Point | None, str | None]:
    """Tell a customer's last position, as coarse as it is kept, and their home zone."""
    row = await db.fetchrow(POINT, bucket_of(customer_id), customer_id)
    if row is None:
        return None, None
    return None if row["lat"] is None or row["lon"] is None else Point(row["lat"], row["lon"]), row["time_zone"]


class Seen(NamedTuple):
    """What was seen of a pass: when to look next (None: never again), and its new card where it shows something else."""

    serial: UUID
    modified_at: datetime
    again: datetime | None
    card: Card | None


SEE = """
UPDATE passes p SET relevant_at = seen.again, design = coalesce(seen.design::jsonb, p.design),
       relevant_set_at = CASE WHEN seen.design IS NULL THEN p.relevant_set_at ELSE $6 END,
       tag = CASE WHEN seen.design IS NULL OR p.tag < 0 THEN p.tag ELSE -2 END,
       modified_at = CASE WHEN seen.design IS NULL THEN p.modified_at
                          ELSE greatest(clock_timestamp(), p.modified_at + interval '1 second') END
FROM unnest($1::smallint[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::text[])
     AS seen (bucket, serial, modified_at, again, design)
WHERE p.bucket = seen.bucket AND p.serial = seen.serial AND p.modified_at = seen.modified_at AND p.state = 'active'
"""


async def see(db: Connection, *, seen: Sequence[Seen], now: datetime) -> None:
    """Write down what was seen at `now`; passes that show something else are marked."""
    ordered = sorted(seen, key=lambda each: (bucket_of(each.serial), each.serial.int))
    await db.execute(
        SEE,
        [bucket_of(each.serial) for each in ordered],
        [each.serial for each in ordered],
        [each.modified_at for each in ordered],
        [each.again for each in ordered],
        [None if each.card is None else json.dumps(card_document(each.card)) for each in ordered],
        now,
    )
