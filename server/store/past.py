"""The recorded past, read page by page: traces of pings, and what became of the moments that were made.

Rule 1: short statements, no long transaction: a snapshot that lives for minutes would keep every old version of every
        customer's state.
Rule 2: in the order of time, as it was lived: fixes of one customer that were decided together stay together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.store.pool import Connection


class PastPing(NamedTuple):
    """What is kept of one fix beside a fence."""

    received_at: datetime
    customer_id: UUID
    at: datetime
    id: UUID
    cell: str
    reason: str | None
    trace: str


Mark = tuple[datetime, UUID, datetime, UUID]
"""Where a page ended."""

# The first comparison is the index's; the second is the order within one instant.
PAGE = """
SELECT received_at, customer_id, at, id, cell, reason, trace
FROM pings
WHERE received_at >= $1 AND received_at < $2 AND trace IS NOT NULL
  AND (received_at, customer_id, at, id) > ($1, $3::uuid, $4::timestamptz, $5::uuid)
ORDER BY received_at, customer_id, at, id
LIMIT $6
"""


async def page(db: Connection, *, after: Mark, end: datetime, limit: int) -> list[PastPing]:
    """Read the next fixes after a mark, up to an instant."""
    start, customer_id, at, ping_id = after
    return [PastPing(*row) for row in await db.fetch(PAGE, start, end, customer_id, at, ping_id, limit)]


def first(start: datetime) -> Mark:
    """Give the mark before everything from an instant on."""
    return start, UUID(int=0), start.replace(year=1980), UUID(int=0)


class PastMoment(NamedTuple):
    """A moment that was made. `unseen`: it ended before anybody saw it, so it counts into no cap from `expired_at` on."""

    customer_id: UUID
    id: UUID
    offer_id: UUID
    pressure: str
    created_at: datetime
    held_out: bool
    expired_at: datetime | None
    unseen: bool


# Two hundred are as many as a state remembers.
MOMENTS = """
SELECT m.customer_id, m.id, m.offer_id, m.pressure, m.created_at, m.held_out, m.expired_at,
       m.expired_at IS NOT NULL AND m.delivered_at IS NULL AND m.opened_at IS NULL AND m.clicked_at IS NULL AS unseen
FROM unnest($1::smallint[], $2::uuid[]) AS asked (bucket, id)
CROSS JOIN LATERAL (
    SELECT * FROM moments WHERE moments.bucket = asked.bucket AND moments.customer_id = asked.id
      AND created_at >= $3 AND created_at < $4
    ORDER BY created_at DESC LIMIT $5
) AS m
"""


async def moments(
    db: Connection, *, customers: Sequence[UUID], start: datetime, end: datetime, most: int
) -> list[PastMoment]:
    """Read what these customers were shown in [start, end), at most so many of each, the newest."""
    ids = list(customers)
    rows = await db.fetch(MOMENTS, [bucket_of(each) for each in ids], ids, start, end, most)
    return [PastMoment(*row) for row in rows]


class Granted(NamedTuple):
    """What an offer had given away at a place, at an instant; `released_at` when it came back, if it did."""

    offer_id: UUID
    place_id: UUID | None
    created_at: datetime
    value_minor: int
    released_at: datetime | None


GRANTED = """
SELECT offer_id, place_id, created_at, value_minor, expired_at AS released_at FROM moments
WHERE offer_id = $1 AND created_at < $2 AND NOT held_out AND (reserved IS NOT NULL OR expired_at >= $2)
"""


async def granted(db: Connection, *, offer_id: UUID, before: datetime) -> list[Granted]:
    """List what an offer with a budget had given away before an instant, and not taken back by then."""
    return [Granted(*row) async for row in db.cursor(GRANTED, offer_id, before, prefetch=5000)]
