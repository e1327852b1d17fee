"""Occasions: rows that say what happened, from the transaction of the deed until the one that decides on it.

Rule 1: an occasion is read after the state it is decided on, and deleted in the transaction that swaps this state: whoever
        finds it gone was beaten to it, and whoever swaps the state first is the only one who decides.
Rule 2: ids are derived from what happened, so that telling it twice makes one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.store.pool import Connection
from server.store.states import by_bucket

OccasionKind = Literal["event", "schedule", "weather_change", "held"]


class Occasion(NamedTuple):
    """One thing to decide on for one customer: `name` an event's or an offer's, `geofence_id` where it happened, if known.

    A held one waits for `at`, the end of the quiet hours, and may be told until `ends_at`; `after` is how long a spell of
    absence has lasted. `due_at` None is at once.
    """

    id: UUID
    customer_id: UUID
    kind: OccasionKind
    name: str
    at: datetime
    offer_id: UUID | None = None
    offer_version: int | None = None
    geofence_id: UUID | None = None
    after: timedelta | None = None
    due_at: datetime | None = None
    ends_at: datetime | None = None


class Due(NamedTuple):
    """An occasion that waits to be decided, and whose it is."""

    customer_id: UUID
    id: UUID


ADD = """
INSERT INTO occasions (bucket, id, customer_id, kind, name, offer_id, offer_version, geofence_id, after_s, at, due_at, ends_at)
SELECT bucket, id, customer_id, kind, name, offer_id, offer_version, geofence_id, after_s, at, coalesce(due_at, '-infinity'),
       ends_at
FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::integer[], $8::uuid[],
            $9::bigint[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[])
     AS o (bucket, id, customer_id, kind, name, offer_id, offer_version, geofence_id, after_s, at, due_at, ends_at)
ORDER BY bucket, id
ON CONFLICT DO NOTHING
"""


async def add(db: Connection, *, occasions: Sequence[Occasion]) -> None:
    """Write occasions, in the transaction of what happened; those that are there already stay as they are."""
    await db.execute(
        ADD,
        [bucket_of(each.customer_id) for each in occasions],
        [each.id for each in occasions],
        [each.customer_id for each in occasions],
        [each.kind for each in occasions],
        [each.name for each in occasions],
        [each.offer_id for each in occasions],
        [each.offer_version for each in occasions],
        [each.geofence_id for each in occasions],
        [None if each.after is None else int(each.after.total_seconds()) for each in occasions],
        [each.at for each in occasions],
        [each.due_at for each in occasions],
        [each.ends_at for each in occasions],
    )


DUE = "SELECT customer_id, id FROM occasions WHERE due_at <= $1 ORDER BY due_at LIMIT $2"


async def due(db: Connection, *, now: datetime, limit: int) -> list[Due]:
    """List what waits to be decided at `now`, the longest waiting first."""
    return [Due(row["customer_id"], row["id"]) for row in await db.fetch(DUE, now, limit)]


BACKLOG = "SELECT count(*) FROM (SELECT FROM occasions WHERE due_at <= $1 LIMIT $2) AS waiting"


async def backlog(db: Connection, *, now: datetime, most: int) -> int:
    """Count what waits to be decided at `now`, up to `most`."""
    return int(await db.fetchval(BACKLOG, now, most))


PENDING = """
SELECT o.id, o.customer_id, o.kind, o.name, o.at, o.offer_id, o.offer_version, o.geofence_id, o.after_s, o.ends_at
FROM unnest($1::smallint[], $2::uuid[]) AS asked (bucket, id) JOIN occasions o USING (bucket, id)
"""


async def pending(db: Connection, *, asked: Iterable[Due]) -> Mapping[UUID, list[Occasion]]:
    """Read those of the asked occasions that are not decided yet, by customer. The states are read before (rule 1)."""
    wanted = list(asked)
    rows = await db.fetch(PENDING, [bucket_of(each.customer_id) for each in wanted], [each.id for each in wanted])
    found: dict[UUID, list[Occasion]] = {}
    for row in rows:
        values = dict(row)
        seconds = values.pop("after_s")
        values["after"] = None if seconds is None else timedelta(seconds=seconds)
        found.setdefault(row["customer_id"], []).append(Occasion(**values))
    return found


SETTLE = """
DELETE FROM occasions o USING unnest($1::smallint[], $2::uuid[]) AS done (bucket, id)
WHERE o.bucket = done.bucket AND o.id = done.id
"""


async def settle(db: Connection, *, done: Iterable[Due]) -> None:
    """Take occasions away that were decided, in the transaction that says so (rule 1), or that nobody may decide on."""
    gone = sorted(done, key=lambda each: by_bucket(each.customer_id))
    await db.execute(SETTLE, [bucket_of(each.customer_id) for each in gone], [each.id for each in gone])


POSTPONE = """
UPDATE occasions o SET tries = o.tries + $4::integer,
       due_at = $3::timestamptz + interval '1 second' * power(2, $4::integer * least(o.tries, 10))
FROM unnest($1::smallint[], $2::uuid[]) AS late (bucket, id)
WHERE o.bucket = late.bucket AND o.id = late.id
"""


async def postpone(db: Connection, *, failed: Iterable[Due], now: datetime, broken: bool) -> None:
    """Let occasions that could not be decided wait a second, so that they hold up no others; `broken`: longer each time."""
    late = sorted(failed, key=lambda each: by_bucket(each.customer_id))
    buckets, ids = [bucket_of(each.customer_id) for each in late], [each.id for each in late]
    await db.execute(POSTPONE, buckets, ids, now, int(broken))


FORGET_ALL = "DELETE FROM occasions WHERE bucket = $1 AND customer_id = $2"


async def forget(db: Connection, *, customer_id: UUID) -> None:
    """Delete what waits to be decided for a customer who no longer agrees to the use of locations."""
    await db.execute(FORGET_ALL, bucket_of(customer_id), customer_id)
