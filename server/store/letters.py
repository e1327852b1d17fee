"""Dead letters, and what waits: deliveries as people look at them, retry them and drop them.

Rule 1: nothing here tells an address; whose phone it is stands in the devices' table alone.
Rule 2: what is retried is asked about again like everything else: an old push that nobody wants any more stays away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.store import outbox
from server.store.ids import new_id
from server.store.knocks import knock
from server.store.outbox import End, Leased
from server.store.pool import Connection

Kind = Literal["dead", "waiting"]


@dataclass(frozen=True, slots=True)
class Letter:
    """A delivery without its address; the names are those of the columns. `at` is what lists sort by."""

    id: UUID
    channel: str
    way: str | None
    state: str
    attempts: int
    reason: str | None
    customer_id: UUID | None
    moment_id: UUID | None
    offer_id: UUID | None
    serial: UUID | None
    created_at: datetime
    deliver_by: datetime
    at: datetime


# The newest dead letter comes first, and of what waits that which waits longest: that is what is wrong, if anything is.
PAGE: Final[dict[Kind, str]] = {
    "dead": """
SELECT id, channel, way, state, attempts, reason, customer_id, moment_id, offer_id, serial, created_at, deliver_by,
       finished_at AS at
FROM deliveries WHERE state = 'dead' AND ($1::text IS NULL OR way = $1)
  AND ($2::timestamptz IS NULL OR (finished_at, id) < ($2, $3::uuid))
ORDER BY finished_at DESC, id DESC LIMIT $4
""",
    "waiting": """
SELECT id, channel, way, state, attempts, reason, customer_id, moment_id, offer_id, serial, created_at, deliver_by,
       not_before AS at
FROM deliveries WHERE state IN ('queued', 'leased') AND channel <> 'in_app' AND ($1::text IS NULL OR way = $1)
  AND ($2::timestamptz IS NULL OR (not_before, id) > ($2, $3::uuid))
ORDER BY not_before, id LIMIT $4
""",
}


async def page(
    db: Connection, *, kind: Kind, limit: int, way: str | None = None, after: tuple[datetime, UUID] | None = None
) -> list[Letter]:
    """List deliveries that nobody took, or that wait, after a mark (`at` and id)."""
    rows = await db.fetch(PAGE[kind], way, *(after or (None, None)), limit)
    return [Letter(**dict(row)) for row in rows]


ONE = """
SELECT id, channel, way, state, attempts, reason, customer_id, moment_id, offer_id, serial, created_at, deliver_by,
       coalesce(finished_at, not_before) AS at
FROM deliveries WHERE bucket = $1 AND id = $2 AND channel <> 'in_app' FOR UPDATE
"""


async def find(db: Connection, *, id_: UUID) -> Letter | None:
    """Find a delivery, whatever became of it, and hold its row until the transaction ends."""
    row = await db.fetchrow(ONE, bucket_of(id_), id_)
    return Letter(**dict(row)) if row is not None else None


REVIVE = """
UPDATE deliveries d SET state = 'leased', lease = $3, leased_until = $4, attempts = 0
FROM unnest($1::smallint[], $2::uuid[]) AS k (bucket, id)
WHERE d.bucket = k.bucket AND d.id = k.id AND d.state = 'dead' AND d.deliver_by > $4
RETURNING d.bucket, d.id, d.lease, d.channel, d.way, d.attempts, d.deliver_by, d.created_at, d.customer_id, d.moment_id,
          d.offer_id, d.device_id, d.device_hash, d.serial
"""


async def retry(db: Connection, *, ids: Sequence[UUID], now: datetime) -> dict[UUID, str]:
    """Let dead letters go once more, from the first try on, and tell what each is now. Needs a transaction.

    Missing in the answer: those that are not dead, and those that it is too late for. One whose wallet is told by a newer
    one anyway is `suppressed`.
    """
    keys = [bucket_of(each) for each in ids], list(ids)
    revived = [Leased(*row) for row in await db.fetch(REVIVE, *keys, new_id(), now)]
    if not revived:
        return {}
    for way in sorted({each.way for each in revived}):
        await knock(db, way)
    return await outbox.end(db, ends=[End(each, "queued", "retried", now) for each in revived], now=now)


DROP = """
UPDATE deliveries d SET state = 'suppressed', reason = 'dropped', finished_at = $3
FROM unnest($1::smallint[], $2::uuid[]) AS k (bucket, id)
WHERE d.bucket = k.bucket AND d.id = k.id AND d.state = 'dead'
RETURNING d.id
"""


async def drop(db: Connection, *, ids: Sequence[UUID], now: datetime) -> set[UUID]:
    """Take dead letters off the list, and tell which were on it."""
    rows = await db.fetch(DROP, [bucket_of(each) for each in ids], list(ids), now)
    return {row["id"] for row in rows}


class Standing(NamedTuple):
    """How one way stands: how many wait, are being sent and are dead, and since when the one waits that is due longest."""

    way: str
    waiting: int
    sending: int
    dead: int
    due_at: datetime | None


# A push that no device was found for yet is nobody's: it counts as the channel's.
STANDINGS = """
SELECT coalesce(way, channel) AS way, count(*) FILTER (WHERE state = 'queued') AS waiting,
       count(*) FILTER (WHERE state = 'leased') AS sending, count(*) FILTER (WHERE state = 'dead') AS dead,
       min(not_before) FILTER (WHERE state = 'queued') AS due_at
FROM (
    SELECT channel, way, state, not_before FROM deliveries WHERE state IN ('queued', 'leased') AND channel <> 'in_app'
    UNION ALL
    SELECT channel, way, state, not_before FROM deliveries WHERE state = 'dead'
) AS d
GROUP BY 1 ORDER BY 1
"""


async def standings(db: Connection) -> list[Standing]:
    """Count what waits and what is dead, by way."""
    return [Standing(*row) for row in await db.fetch(STANDINGS)]
