"""The outbox: what is to leave the house, row by row in `deliveries`, and who is just taking it out.

Rule 1: a row is written in the transaction of the deed that it tells of, so that neither is there without the other.
Rule 2: whoever sends holds a lease, and no transaction. A lease that ran out is another's to take, also of a process that died.
Rule 3: whatever is written about a row is fenced by the lease it was done under: who lost it changes nothing, and is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

import asyncpg

from server.store.ids import new_id
from server.store.pool import Connection, Contended

Done = Literal["delivered", "expired", "dead", "suppressed"]
State = Literal["queued", "delivered", "expired", "dead", "suppressed"]

COALESCED = "coalesced"
"""The reason of an update that a newer one, which waits already, tells too."""


@dataclass(frozen=True, slots=True)
class Leased:
    """A row that is ours until its lease runs out; the names are those of the columns. `attempts` counts this try."""

    bucket: int
    id: UUID
    lease: UUID
    channel: str
    way: str
    attempts: int
    deliver_by: datetime
    created_at: datetime
    customer_id: UUID | None
    moment_id: UUID | None
    offer_id: UUID | None
    device_id: str | None
    device_hash: bytes | None
    serial: UUID | None


class End(NamedTuple):
    """What becomes of a leased row: an end, or back into the queue until `not_before`, in words.

    Not `counted`, the try was none: it is taken off `attempts` again.
    """

    leased: Leased
    state: State
    reason: str | None = None
    not_before: datetime | None = None
    counted: bool = True


# A leased row is due again when its lease runs out: one look at the index finds both kinds.
LEASE = """
WITH due AS (
    SELECT bucket, id FROM deliveries
    WHERE channel = $1 AND way = $2 AND state IN ('queued', 'leased') AND channel <> 'in_app' AND not_before <= $3
    ORDER BY not_before LIMIT $4 FOR UPDATE SKIP LOCKED
)
UPDATE deliveries d SET state = 'leased', lease = $5, leased_until = $6, not_before = $6, attempts = d.attempts + 1
FROM due WHERE d.bucket = due.bucket AND d.id = due.id
RETURNING d.bucket, d.id, d.lease, d.channel, d.way, d.attempts, d.deliver_by, d.created_at, d.customer_id, d.moment_id,
          d.offer_id, d.device_id, d.device_hash, d.serial
"""


async def lease(db: Connection, *, channel: str, way: str, limit: int, now: datetime, for_s: float) -> list[Leased]:
    """Take at most `limit` rows that are due, the longest waiting first, for so many seconds.

    Due is what is queued up to `now`, and what somebody leased and let run out. Rows that another one is just taking are
    left to them.
    """
    until = now + timedelta(seconds=for_s)
    rows = await db.fetch(LEASE, channel, way, now, limit, new_id(), until)
    return [Leased(*row) for row in rows]


RENEW = """
UPDATE deliveries d SET leased_until = $4, not_before = $4
FROM unnest($1::smallint[], $2::uuid[], $3::uuid[]) AS mine (bucket, id, lease)
WHERE d.bucket = mine.bucket AND d.id = mine.id AND d.state = 'leased' AND d.lease = mine.lease
RETURNING d.id
"""


async def renew(db: Connection, *, leased: Sequence[Leased], until: datetime) -> set[UUID]:
    """Keep leases for longer, and tell which are still held: the others are somebody else's by now, or over."""
    keys = [each.bucket for each in leased], [each.id for each in leased], [each.lease for each in leased]
    return {row["id"] for row in await db.fetch(RENEW, *keys, until)}


# Of what tells one wallet the same thing, one row waits: the newest. It may be among those that end here, or waiting already.
END = """
WITH told AS (
    SELECT d.bucket, d.id, d.channel, d.device_hash, d.serial, t.state, t.reason, t.not_before, t.counted,
           t.state = 'queued' AND d.channel IN ('apple_wallet', 'google_wallet') AS again,
           row_number() OVER (PARTITION BY d.bucket, d.channel, d.device_hash, d.serial, t.state
                              ORDER BY d.created_at DESC, d.id DESC) AS place
    FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::boolean[])
         AS t (bucket, id, lease, state, reason, not_before, counted)
    JOIN deliveries d ON d.bucket = t.bucket AND d.id = t.id AND d.state = 'leased' AND d.lease = t.lease
), ended AS (
    SELECT told.*, again AND (place > 1 OR EXISTS (
               SELECT FROM deliveries o
               WHERE o.bucket = told.bucket AND o.channel = 'apple_wallet' AND told.channel = 'apple_wallet'
                 AND o.device_hash = told.device_hash AND o.state = 'queued')
           OR EXISTS (
               SELECT FROM deliveries o
               WHERE o.bucket = told.bucket AND o.channel = 'google_wallet' AND told.channel = 'google_wallet'
                 AND o.serial = told.serial AND o.state = 'queued')) AS told_by_another
    FROM told
)
UPDATE deliveries d SET
    state = CASE WHEN told_by_another THEN 'suppressed' ELSE e.state END,
    reason = CASE WHEN told_by_another THEN $9 ELSE e.reason END,
    not_before = coalesce(e.not_before, d.not_before),
    attempts = d.attempts - CASE WHEN counted THEN 0 ELSE 1 END,
    finished_at = CASE WHEN e.state <> 'queued' OR told_by_another THEN $8::timestamptz END,
    lease = NULL, leased_until = NULL
FROM ended e WHERE d.bucket = e.bucket AND d.id = e.id AND d.state = 'leased'
RETURNING d.id, d.state
"""


async def end(db: Connection, *, ends: Sequence[End], now: datetime) -> dict[UUID, str]:
    """Write what became of leased rows, and tell the state of each that was still ours. Needs a transaction.

    A row that should wait again while a newer one for the same wallet does so ends as `suppressed`, `coalesced`.
    Raises Contended where such a one was written in the same instant.
    """
    try:
        rows = await db.fetch(
            END,
            [each.leased.bucket for each in ends],
            [each.leased.id for each in ends],
            [each.leased.lease for each in ends],
            [each.state for each in ends],
            [each.reason for each in ends],
            [each.not_before for each in ends],
            [each.counted for each in ends],
            now,
            COALESCED,
        )
    except asyncpg.UniqueViolationError as error:
        raise Contended(retry_after_s=1) from error
    return {row["id"]: row["state"] for row in rows}


def release(leased: Sequence[Leased], *, now: datetime) -> list[End]:
    """Give the ends of rows that were not tried: they wait as if nobody had taken them."""
    return [End(each, "queued", None, now, counted=False) for each in leased]
