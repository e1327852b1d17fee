"""How an offer's passes fare in Apple's and Google's wallets: issued, saved, shared, thrown away, waiting to be told of a change.

Rule 1: a pass counts by when it was issued; what became of it counts with it.
Rule 2: how many people a group has is told with it, in a large one how many at least; whoever shows the figures blanks what is
        too small. Those who were erased count one for each pass, since nothing tells which were whose.
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


SURELY = 64
"""Passes lie in their customers' buckets: in so many of them are as many people as any report wants (privacy.min_group)."""

# Each figure from an index that is read in its order, and none of them from the passes themselves, which are wide. A pass that a
# device holds was saved before. Waiting: without a number, or in a wallet whose row of the outbox is not through and was written
# for this change or later.
COUNT = """
WITH held AS (
    SELECT pass_bucket AS bucket, serial, count(*) AS devices FROM registrations WHERE erased_at IS NULL
    GROUP BY pass_bucket, serial
), late AS (
    SELECT p.bucket, p.serial FROM passes p
    WHERE p.tag < 0
      AND (EXISTS (SELECT FROM registrations r
                   WHERE r.pass_bucket = p.bucket AND r.serial = p.serial AND r.erased_at IS NULL)
           OR EXISTS (SELECT FROM google_objects g WHERE g.bucket = p.bucket AND g.serial = p.serial
                      AND g.saved_at IS NOT NULL AND g.removed_at IS NULL))
    UNION
    SELECT p.bucket, p.serial
    FROM deliveries d
    JOIN registrations r ON r.device_hash = d.device_hash AND r.pass_bucket = d.bucket AND r.erased_at IS NULL
    JOIN passes p ON p.bucket = r.pass_bucket AND p.serial = r.serial
    WHERE d.channel = 'apple_wallet' AND d.state = 'queued' AND d.created_at < p.modified_at + interval '10 minutes'
    UNION
    SELECT bucket, serial FROM deliveries WHERE channel = 'google_wallet' AND state = 'queued'
), issued AS (
    SELECT offer_id, count(*) AS buckets, sum(passes)::bigint AS issued
    FROM (SELECT offer_id, bucket, count(*) AS passes FROM passes
          WHERE created_at >= $1 AND created_at < $2 AND ($3::uuid IS NULL OR offer_id = $3::uuid)
          GROUP BY offer_id, bucket) AS lying
    GROUP BY offer_id
), figures AS (
    SELECT p.offer_id, count(*) AS saved, count(*) FILTER (WHERE h.devices > 1) AS shared,
           count(*) FILTER (WHERE h.devices IS NULL AND (g.saved_at IS NULL OR g.removed_at IS NOT NULL)) AS removed, 0 AS waiting
    FROM passes p
    LEFT JOIN held h ON h.bucket = p.bucket AND h.serial = p.serial
    LEFT JOIN google_objects g ON g.bucket = p.bucket AND g.serial = p.serial
    WHERE p.saved_at IS NOT NULL
      AND p.created_at >= $1 AND p.created_at < $2 AND ($3::uuid IS NULL OR p.offer_id = $3::uuid)
    GROUP BY p.offer_id
    UNION ALL
    SELECT p.offer_id, count(*), 0, count(*) FILTER (WHERE g.removed_at IS NOT NULL), 0
    FROM google_objects g JOIN passes p ON p.bucket = g.bucket AND p.serial = g.serial
    WHERE g.saved_at IS NOT NULL AND p.saved_at IS NULL
      AND p.created_at >= $1 AND p.created_at < $2 AND ($3::uuid IS NULL OR p.offer_id = $3::uuid)
    GROUP BY p.offer_id
    UNION ALL
    SELECT p.offer_id, 0, 0, 0, count(*)
    FROM late l JOIN passes p ON p.bucket = l.bucket AND p.serial = l.serial
    WHERE p.created_at >= $1 AND p.created_at < $2 AND ($3::uuid IS NULL OR p.offer_id = $3::uuid)
    GROUP BY p.offer_id
), summed AS (
    SELECT offer_id, sum(saved)::bigint AS saved, sum(shared)::bigint AS shared, sum(removed)::bigint AS removed,
           sum(waiting)::bigint AS waiting
    FROM figures GROUP BY offer_id
)
SELECT o.id AS offer_id, o.name,
       CASE WHEN i.buckets >= $4 THEN i.buckets ELSE (
           SELECT count(DISTINCT coalesce(p.customer_id, p.serial)) FROM passes p
           WHERE p.offer_id = i.offer_id AND p.created_at >= $1 AND p.created_at < $2
       ) END AS customers,
       i.issued, coalesce(s.saved, 0) AS saved, coalesce(s.shared, 0) AS shared, coalesce(s.removed, 0) AS removed,
       coalesce(s.waiting, 0) AS waiting
FROM issued i JOIN offers o ON o.id = i.offer_id LEFT JOIN summed s ON s.offer_id = i.offer_id
ORDER BY i.issued DESC, o.name
"""


async def count(db: Connection, *, start: datetime, end: datetime, offer_id: UUID | None = None) -> list[Fared]:
    """Count passes issued in [start, end), by offer; those of one offer if only that is wanted."""
    return [Fared(**row) for row in await db.fetch(COUNT, start, end, offer_id, SURELY)]
