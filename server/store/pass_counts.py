"""How an offer's passes fare in Apple's and Google's wallets: issued, saved, shared, thrown away, waiting to be told of a change.

Rule 1: a pass counts by when it was issued; what became of it counts with it.
Rule 2: how many people a group has is told with it; whoever shows the figures blanks what is too small. Those who were erased
        count one for each pass, since nothing tells which were whose.
Rule 3: a pass on more devices than one is shared: Apple copies the file whole. A customer's own second device looks the same,
        so the figure tells of a habit, and of nobody.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.store.pool import Connection


class Fared(NamedTuple):
    """One offer's passes of a time of issue. `saved` ever were in a wallet, `removed` of them are in none any more."""

    offer_id: UUID
    name: str
    customers: int
    issued: int
    saved: int
    shared: int
    removed: int
    waiting: int


# By pass, by customer, by offer: each time by hashing. Waiting: without a number, or in a wallet whose row of the outbox is not
# through and was written for this change or later.
COUNT = """
WITH held AS (
    SELECT p.offer_id, p.bucket, p.serial, p.customer_id, p.tag, count(r.device_hash) AS devices,
           p.saved_at IS NOT NULL OR g.saved_at IS NOT NULL AS saved, g.saved_at IS NOT NULL AND g.removed_at IS NULL AS google,
           coalesce(bool_or(d.id IS NOT NULL OR e.id IS NOT NULL), false) AS told_later
    FROM passes p
    LEFT JOIN registrations r ON r.pass_bucket = p.bucket AND r.serial = p.serial AND r.erased_at IS NULL
    LEFT JOIN deliveries d ON d.bucket = p.bucket AND d.device_hash = r.device_hash AND d.channel = 'apple_wallet'
              AND d.state = 'queued' AND d.created_at < p.modified_at + interval '10 minutes'
    LEFT JOIN google_objects g ON g.bucket = p.bucket AND g.serial = p.serial
    LEFT JOIN deliveries e ON e.bucket = p.bucket AND e.serial = p.serial AND e.channel = 'google_wallet' AND e.state = 'queued'
    WHERE p.created_at >= $1 AND p.created_at < $2 AND ($3::uuid IS NULL OR p.offer_id = $3::uuid)
    GROUP BY p.bucket, p.serial, g.bucket, g.serial
), owners AS (
    SELECT offer_id, coalesce(customer_id, serial) AS owner, count(*) AS issued,
           count(*) FILTER (WHERE saved) AS saved, count(*) FILTER (WHERE devices > 1) AS shared,
           count(*) FILTER (WHERE saved AND devices = 0 AND NOT google) AS removed,
           count(*) FILTER (WHERE tag < 0 AND (devices > 0 OR google) OR told_later) AS waiting
    FROM held GROUP BY offer_id, coalesce(customer_id, serial)
), summed AS (
    SELECT offer_id, count(*) AS customers, sum(issued)::bigint AS issued, sum(saved)::bigint AS saved,
           sum(shared)::bigint AS shared, sum(removed)::bigint AS removed, sum(waiting)::bigint AS waiting
    FROM owners GROUP BY offer_id
)
SELECT o.id AS offer_id, o.name, s.customers, s.issued, s.saved, s.shared, s.removed, s.waiting
FROM summed s JOIN offers o ON o.id = s.offer_id ORDER BY s.issued DESC, o.name
"""


async def count(db: Connection, *, start: datetime, end: datetime, offer_id: UUID | None = None) -> list[Fared]:
    """Count passes issued in [start, end), by offer; those of one offer if only that is wanted."""
    return [Fared(**row) for row in await db.fetch(COUNT, start, end, offer_id)]
