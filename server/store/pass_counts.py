"""How an offer's passes fare in wallets: issued, saved, shared, thrown away, waiting to be told of a change.

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


# Waiting: without a number, or in a wallet whose row of the outbox is not through and was written for this change or later.
COUNT = """
SELECT o.id AS offer_id, o.name, count(DISTINCT coalesce(p.customer_id, p.serial)) AS customers, count(*) AS issued,
       count(p.saved_at) AS saved, count(*) FILTER (WHERE p.devices > 1) AS shared,
       count(*) FILTER (WHERE p.saved_at IS NOT NULL AND p.devices = 0) AS removed,
       count(*) FILTER (WHERE p.tag < 0 AND p.devices > 0 OR p.waiting) AS waiting
FROM offers o CROSS JOIN LATERAL (
    SELECT p.customer_id, p.serial, p.saved_at, p.tag, held.devices, held.waiting
    FROM passes p CROSS JOIN LATERAL (
        SELECT count(*) AS devices, coalesce(bool_or(EXISTS (
            SELECT FROM deliveries d WHERE d.bucket = p.bucket AND d.device_hash = r.device_hash
            AND d.channel = 'apple_wallet' AND d.state = 'queued'
            AND d.created_at < p.modified_at + interval '10 minutes')), false) AS waiting
        FROM registrations r WHERE r.pass_bucket = p.bucket AND r.serial = p.serial AND r.erased_at IS NULL
    ) AS held
    WHERE p.offer_id = o.id AND p.created_at >= $1 AND p.created_at < $2
) AS p
WHERE $3::uuid IS NULL OR o.id = $3::uuid
GROUP BY o.id, o.name ORDER BY issued DESC, o.name
"""


async def count(db: Connection, *, start: datetime, end: datetime, offer_id: UUID | None = None) -> list[Fared]:
    """Count passes issued in [start, end), by offer; those of one offer if only that is wanted."""
    return [Fared(**row) for row in await db.fetch(COUNT, start, end, offer_id)]
