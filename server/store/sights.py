"""Where passes come up by themselves: which are due to be looked at, and what was seen.

Rule 1: a pass is looked at when its time has come (a window's edge, or a while after the last look), and when a store has
        changed since (`relevant_as_of`).
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
    the moment began; `home` the customer's zone; `set_at` when its places last changed."""

    serial: UUID
    offer_id: UUID
    version: int
    card: Card
    places: tuple[UUID, ...] | None
    place_tag: str | None
    valid_from: datetime
    valid_until: datetime | None
    modified_at: datetime
    set_at: datetime | None
    place_id: UUID | None
    home: str | None
    point: Point | None


BY_TIME = """
SELECT p.serial, p.offer_id, p.offer_version, p.design, p.places, p.place_tag, p.valid_from, p.valid_until, p.modified_at,
       p.relevant_set_at, m.place_id, c.time_zone,
       (s.state->'last_fix'->'point'->>0)::float8 AS lat, (s.state->'last_fix'->'point'->>1)::float8 AS lon
FROM (
    SELECT bucket, serial FROM passes WHERE state = 'active' AND relevant_at IS NOT NULL AND relevant_at <= $1
    ORDER BY relevant_at LIMIT $2
) AS due JOIN passes p USING (bucket, serial)
LEFT JOIN moments m ON m.bucket = p.bucket AND m.id = p.moment_id
LEFT JOIN customers c ON c.bucket = p.bucket AND c.id = p.customer_id
LEFT JOIN customer_state s ON s.bucket = p.bucket AND s.customer_id = p.customer_id AND c.location
"""
AS_OF = """
SELECT p.serial, p.offer_id, p.offer_version, p.design, p.places, p.place_tag, p.valid_from, p.valid_until, p.modified_at,
       p.relevant_set_at, m.place_id, c.time_zone,
       (s.state->'last_fix'->'point'->>0)::float8 AS lat, (s.state->'last_fix'->'point'->>1)::float8 AS lon
FROM (
    SELECT bucket, serial FROM passes WHERE state = 'active' AND relevant_at IS NOT NULL AND relevant_as_of < $1
    ORDER BY relevant_as_of LIMIT $2
) AS due JOIN passes p USING (bucket, serial)
LEFT JOIN moments m ON m.bucket = p.bucket AND m.id = p.moment_id
LEFT JOIN customers c ON c.bucket = p.bucket AND c.id = p.customer_id
LEFT JOIN customer_state s ON s.bucket = p.bucket AND s.customer_id = p.customer_id AND c.location
"""


async def due(db: Connection, *, now: datetime, as_of: int, limit: int) -> list[Due]:
    """List passes to look at: those whose time has come, then those last seen before the change `as_of` of the stores."""
    rows = list(await db.fetch(BY_TIME, now, limit))
    if len(rows) < limit:
        timely = {row["serial"] for row in rows}
        rows += [row for row in await db.fetch(AS_OF, as_of, limit - len(rows)) if row["serial"] not in timely]
    return [_due(row) for row in rows]


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
        set_at=row["relevant_set_at"],
        place_id=row["place_id"],
        home=row["time_zone"],
        point=None if row["lat"] is None or row["lon"] is None else Point(row["lat"], row["lon"]),
    )


CHANGED = "SELECT coalesce(max(changed), 0) FROM geofences"


async def changed(db: Connection) -> int:
    """Tell the number of the rules at which a store or a fence last changed."""
    return int(await db.fetchval(CHANGED))


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
UPDATE passes p SET relevant_at = seen.again, relevant_as_of = $6, design = coalesce(seen.design::jsonb, p.design),
       relevant_set_at = CASE WHEN seen.design IS NULL THEN p.relevant_set_at ELSE $7 END,
       tag = CASE WHEN seen.design IS NULL OR p.tag < 0 THEN p.tag ELSE -2 END,
       modified_at = CASE WHEN seen.design IS NULL THEN p.modified_at
                          ELSE greatest(clock_timestamp(), p.modified_at + interval '1 second') END
FROM unnest($1::smallint[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::text[])
     AS seen (bucket, serial, modified_at, again, design)
WHERE p.bucket = seen.bucket AND p.serial = seen.serial AND p.modified_at = seen.modified_at AND p.state = 'active'
"""


async def see(db: Connection, *, seen: Sequence[Seen], as_of: int, now: datetime) -> None:
    """Write down what was seen at `now`, with the stores as of a change; passes that show something else are marked."""
    ordered = sorted(seen, key=lambda each: (bucket_of(each.serial), each.serial.int))
    await db.execute(
        SEE,
        [bucket_of(each.serial) for each in ordered],
        [each.serial for each in ordered],
        [each.modified_at for each in ordered],
        [each.again for each in ordered],
        [None if each.card is None else json.dumps(card_document(each.card)) for each in ordered],
        as_of,
        now,
    )
