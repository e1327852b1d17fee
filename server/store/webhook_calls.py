"""Calls: each event that is told to an endpoint, until it was taken or nobody wants it any more.

Rule 1: a call is leased while it is sent; whatever is written about it is fenced by the lease.
Rule 2: every endpoint has places of its own: one that is slow, or has much to hear, holds up itself alone.
Rule 3: a call is one row, however often it is tried or asked for again: the log is the rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.store.ids import new_id
from server.store.pool import Connection
from server.store.webhook_events import TEST

State = Literal["queued", "leased", "sent", "dead"]

EACH: Final = 10
"""Calls of one endpoint under way at once, over all processes."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is ours until its lease runs out: the event, where it goes, and what signs it. `attempts` counts this try."""

    bucket: int
    event_id: UUID
    webhook_id: UUID
    lease: UUID
    attempts: int
    queued_at: datetime
    deliver_by: datetime
    type: str
    at: datetime
    subject: str
    data: Mapping[str, Any] = field(repr=False)
    url: str = field(repr=False)
    secret_sealed: bytes = field(repr=False)
    old_sealed: bytes | None = field(repr=False)
    """None, too, once its time is over."""


# The longest waiting first; a leased call is due again when its lease runs out.
LEASE = """
WITH due AS (
    SELECT c.* FROM webhooks w CROSS JOIN LATERAL (
        SELECT bucket, event_id, webhook_id, not_before FROM webhook_calls
        WHERE webhook_id = w.id AND state IN ('queued', 'leased') AND not_before <= $1
        ORDER BY not_before
        LIMIT greatest(0, $5 - (SELECT count(*) FROM webhook_calls o
                                WHERE o.webhook_id = w.id AND o.state = 'leased' AND o.leased_until > $1))
        FOR UPDATE SKIP LOCKED
    ) AS c
    WHERE w.enabled ORDER BY c.not_before LIMIT $2
)
UPDATE webhook_calls c SET state = 'leased', lease = $3, leased_until = $4, not_before = $4, attempts = c.attempts + 1,
       tried_at = $1
FROM due JOIN webhook_events e ON e.bucket = due.bucket AND e.id = due.event_id JOIN webhooks w ON w.id = due.webhook_id
WHERE c.bucket = due.bucket AND c.event_id = due.event_id AND c.webhook_id = due.webhook_id
RETURNING c.bucket, c.event_id, c.webhook_id, c.lease, c.attempts, c.queued_at, c.queued_at + $6::interval AS deliver_by,
          e.type, e.at, e.subject, e.data, w.url, w.secret_sealed, CASE WHEN w.old_until > $1 THEN w.old_sealed END AS old_sealed
"""


async def lease(
    db: Connection, *, limit: int, now: datetime, for_s: float, within: timedelta, each: int = EACH
) -> list[Call]:
    """Take at most `limit` calls that are due, of an endpoint at most `each`; they may be tried `within` so long."""
    rows = await db.fetch(LEASE, now, limit, new_id(), now + timedelta(seconds=for_s), each, within)
    return [Call(**{**row, "data": json.loads(row["data"])}) for row in rows]


# Rows are locked in the order of their key: a replay, which comes the same way, is met by nobody in a ring.
RENEW = """
WITH held AS (
    SELECT c.bucket, c.event_id, c.webhook_id
    FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::uuid[]) AS mine (bucket, event_id, webhook_id, lease)
    JOIN webhook_calls c USING (bucket, event_id, webhook_id) WHERE c.state = 'leased' AND c.lease = mine.lease
    ORDER BY c.bucket, c.event_id, c.webhook_id FOR UPDATE OF c
)
UPDATE webhook_calls c SET leased_until = $5, not_before = $5
FROM held h WHERE c.bucket = h.bucket AND c.event_id = h.event_id AND c.webhook_id = h.webhook_id
RETURNING c.event_id, c.webhook_id
"""


async def renew(db: Connection, *, calls: Sequence[Call], until: datetime) -> set[tuple[UUID, UUID]]:
    """Keep leases for longer, and tell (by event and endpoint) which are still held."""
    return {(row["event_id"], row["webhook_id"]) for row in await db.fetch(RENEW, *_keys(calls), until)}


class End(NamedTuple):
    """What becomes of a leased call: an end, or back into the queue until `not_before`; an untried one is not `counted`."""

    call: Call
    state: Literal["queued", "sent", "dead"]
    reason: str | None = None
    not_before: datetime | None = None
    counted: bool = True


END = """
WITH held AS (
    SELECT c.bucket, c.event_id, c.webhook_id, e.state, e.reason, e.not_before, e.counted
    FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::timestamptz[], $8::boolean[])
         AS e (bucket, event_id, webhook_id, lease, state, reason, not_before, counted)
    JOIN webhook_calls c USING (bucket, event_id, webhook_id) WHERE c.state = 'leased' AND c.lease = e.lease
    ORDER BY c.bucket, c.event_id, c.webhook_id FOR UPDATE OF c
)
UPDATE webhook_calls c SET state = h.state, reason = h.reason, not_before = coalesce(h.not_before, c.not_before), lease = NULL,
       leased_until = NULL, attempts = c.attempts - CASE WHEN h.counted THEN 0 ELSE 1 END
FROM held h WHERE c.bucket = h.bucket AND c.event_id = h.event_id AND c.webhook_id = h.webhook_id
"""


async def end(db: Connection, *, ends: Sequence[End]) -> None:
    """Write what became of calls, for those that are still held."""
    await db.execute(
        END,
        *_keys([each.call for each in ends]),
        [each.state for each in ends],
        [each.reason for each in ends],
        [each.not_before for each in ends],
        [each.counted for each in ends],
    )


def _keys(calls: Sequence[Call]) -> tuple[list[Any], ...]:
    return (
        [each.bucket for each in calls],
        [each.event_id for each in calls],
        [each.webhook_id for each in calls],
        [each.lease for each in calls],
    )


class Logged(NamedTuple):
    """A call as the log shows it; `next` is when it is tried again."""

    event_id: UUID
    type: str
    subject: str
    at: datetime
    state: State
    attempts: int
    reason: str | None
    queued_at: datetime
    tried_at: datetime | None
    next: datetime | None


LOG = """
SELECT c.event_id, e.type, e.subject, e.at, c.state, c.attempts, c.reason, c.queued_at, c.tried_at,
       CASE WHEN c.state = 'queued' THEN c.not_before END AS next
FROM webhook_calls c CROSS JOIN LATERAL (
    SELECT type, subject, at FROM webhook_events WHERE bucket = c.bucket AND id = c.event_id LIMIT 1
) AS e
WHERE c.webhook_id = $1 AND ($2::timestamptz IS NULL OR (c.queued_at, c.event_id) < ($2::timestamptz, $3::uuid))
  AND ($4::text IS NULL OR c.state = $4)
ORDER BY c.queued_at DESC, c.event_id DESC LIMIT $5
"""


async def log(
    db: Connection, *, webhook_id: UUID, after: tuple[datetime, UUID] | None, state: State | None, limit: int
) -> list[Logged]:
    """List an endpoint's calls, the newest first."""
    at, last = after or (None, None)
    return [Logged(**row) for row in await db.fetch(LOG, webhook_id, at, last, state, limit)]


# What is on its way just now is left alone; what waits for its next try need not wait.
AGAIN_SPAN = """
INSERT INTO webhook_calls AS c (bucket, event_id, webhook_id)
SELECT e.bucket, e.id, w.id FROM webhooks w JOIN webhook_events e ON e.type = ANY (w.events) OR '*' = ANY (w.events)
WHERE w.id = $1 AND e.at >= $2 AND e.at < $3 AND e.type <> $5 ORDER BY e.bucket, e.id LIMIT $4
ON CONFLICT (bucket, event_id, webhook_id) DO UPDATE
SET state = 'queued', attempts = 0, queued_at = clock_timestamp(), not_before = clock_timestamp(), reason = NULL
WHERE c.state <> 'leased'
"""
AGAIN_THESE = """
INSERT INTO webhook_calls AS c (bucket, event_id, webhook_id)
SELECT e.bucket, e.id, $1 FROM unnest($2::smallint[], $3::uuid[]) AS asked (bucket, id) JOIN webhook_events e USING (bucket, id)
WHERE e.type <> $4 OR e.subject = $1::uuid::text ORDER BY e.bucket, e.id
ON CONFLICT (bucket, event_id, webhook_id) DO UPDATE
SET state = 'queued', attempts = 0, queued_at = clock_timestamp(), not_before = clock_timestamp(), reason = NULL
WHERE c.state <> 'leased'
"""
COUNT = """
SELECT count(*) FROM (
    SELECT FROM webhooks w JOIN webhook_events e ON e.type = ANY (w.events) OR '*' = ANY (w.events)
    WHERE w.id = $1 AND e.at >= $2 AND e.at < $3 LIMIT $4
) AS found
"""


async def again_span(db: Connection, *, webhook_id: UUID, start: datetime, end: datetime, most: int) -> int | None:
    """Queue the events of [start, end) for an endpoint once more, and tell how many; None where there are more than `most`."""
    if int(await db.fetchval(COUNT, webhook_id, start, end, most + 1)) > most:
        return None
    return _count(await db.execute(AGAIN_SPAN, webhook_id, start, end, most, TEST))


async def again(db: Connection, *, webhook_id: UUID, events: Sequence[UUID]) -> int:
    """Queue these events for an endpoint once more, and tell how many there were."""
    return _count(await db.execute(AGAIN_THESE, webhook_id, [bucket_of(each) for each in events], list(events), TEST))


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])
