"""Who is in which saved segment, and how far the job is that judges everybody.

Rule 1: who judges a customer holds the customer's lock (`lock`) from before they are read until COMMIT, so that of two who
judge at the same time the later one sees what the earlier one saw.
Rule 2: the job's place is a row that is locked while a chunk is judged and moves in the chunk's own transaction: a killed
process leaves it where it was, and two processes never judge the same chunk.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.store.pool import Connection

# In one order, so that two who lock several customers never wait for each other. The seed keeps other locks apart.
LOCK = """
SELECT pg_advisory_xact_lock(key)
FROM (SELECT hashtextextended(id::text, 20102) AS key FROM unnest($1::uuid[]) AS id ORDER BY 1) AS keys
"""


async def lock(db: Connection, *, customers: Sequence[UUID]) -> None:
    """Keep everybody else from judging these customers until the transaction ends."""
    await db.execute(LOCK, list(customers))


WRITE = """
WITH judged AS (
    SELECT * FROM unnest($1::smallint[], $2::uuid[]) AS j (bucket, customer_id)
), member AS (
    SELECT * FROM unnest($3::smallint[], $4::uuid[], $5::text[]) AS m (bucket, customer_id, segment)
), left_it AS (
    DELETE FROM segment_members old USING judged
    WHERE old.bucket = judged.bucket AND old.customer_id = judged.customer_id AND NOT EXISTS (
        SELECT FROM member WHERE member.customer_id = old.customer_id AND member.segment = old.segment)
)
INSERT INTO segment_members (bucket, customer_id, segment) SELECT bucket, customer_id, segment FROM member
ON CONFLICT DO NOTHING
"""


async def write(db: Connection, *, members: Mapping[UUID, Sequence[str]]) -> None:
    """Write in which segments these customers are, and in no others."""
    rows = [(customer, name) for customer, names in members.items() for name in names]
    await db.execute(
        WRITE,
        [bucket_of(each) for each in members],
        list(members),
        [bucket_of(customer) for customer, _ in rows],
        [customer for customer, _ in rows],
        [name for _, name in rows],
    )


LEAVE = "DELETE FROM segment_members WHERE bucket = $1 AND customer_id = $2"
UNTELL = "UPDATE customers SET segments = '{}' WHERE bucket = $1 AND id = $2 AND segments <> '{}'"


async def leave_all(db: Connection, *, customer_id: UUID) -> None:
    """Take a customer out of every segment, judged or told from outside. Needs a transaction."""
    await lock(db, customers=[customer_id])
    for sql in (LEAVE, UNTELL):
        await db.execute(sql, bucket_of(customer_id), customer_id)


Counts = Mapping[str, int | None]


class Sweep(NamedTuple):
    """How far the job is; `counts` None: it rests. A segment whose count is None cannot be counted."""

    started_at: datetime | None
    counts: Counts | None
    last_bucket: int
    last_id: UUID


HOLD = "SELECT started_at, counts, last_bucket, last_id FROM job_segment_sweep FOR UPDATE SKIP LOCKED"


async def hold(db: Connection) -> Sweep | None:
    """Lock the job's place until the transaction ends; None where somebody else is at it."""
    row = await db.fetchrow(HOLD)
    if row is None:
        return None
    counts = json.loads(row["counts"]) if row["counts"] is not None else None
    return Sweep(row["started_at"], counts, row["last_bucket"], row["last_id"])


# A segment that was never counted does not wait for the hour.
DUE = """
SELECT coalesce(bool_or(s.refreshed_at IS NULL), false)
       OR (count(*) > 0 AND coalesce((SELECT started_at FROM job_segment_sweep), '-infinity') <= clock_timestamp() - $1::interval)
FROM segments s
"""


async def is_due(db: Connection, *, every: timedelta) -> bool:
    """Tell whether everybody is to be judged again."""
    return bool(await db.fetchval(DUE, every))


BEGIN = """
UPDATE job_segment_sweep SET started_at = clock_timestamp(), last_bucket = DEFAULT, last_id = DEFAULT,
       counts = $1
"""


async def begin(db: Connection, *, counts: Counts) -> None:
    """Begin with the first customer, counting on from this."""
    await db.execute(BEGIN, json.dumps(dict(counts)))


# Of who has not agreed to profiling nothing is kept.
TELL = "UPDATE customers SET segments = $3 WHERE bucket = $1 AND id = $2 AND profiling"


async def tell(db: Connection, *, customer_id: UUID, names: Sequence[str]) -> None:
    """Write in which segments a customer is, as told from outside, and in no others; kept only where they agreed."""
    await db.execute(TELL, bucket_of(customer_id), customer_id, list(names))


class Next(NamedTuple):
    """A customer whose turn it is, and whether they agreed to profiling."""

    id: UUID
    profiling: bool


NEXT = "SELECT id, profiling FROM customers WHERE (bucket, id) > ($1::smallint, $2::uuid) ORDER BY bucket, id LIMIT $3"


async def following(db: Connection, *, sweep: Sweep, limit: int) -> list[Next]:
    """List the customers that come next."""
    return [Next(row["id"], row["profiling"]) for row in await db.fetch(NEXT, sweep.last_bucket, sweep.last_id, limit)]


ADVANCE = "UPDATE job_segment_sweep SET last_bucket = $1, last_id = $2, counts = $3"


async def advance(db: Connection, *, last: UUID, counts: Counts) -> None:
    """Note who was judged last, and how many were found so far."""
    await db.execute(ADVANCE, bucket_of(last), last, json.dumps(dict(counts)))


# `refreshed_at` is when the count began: what happened before is in it.
COUNTED = """
UPDATE segments s SET size = n.size, refreshed_at = sweep.started_at
FROM unnest($1::text[], $2::bigint[]) AS n (name, size), job_segment_sweep AS sweep WHERE s.name = n.name
"""
REST = "UPDATE job_segment_sweep SET counts = NULL, last_bucket = DEFAULT, last_id = DEFAULT"


async def finish(db: Connection, *, counts: Counts) -> None:
    """Tell how many are in each segment, and rest; nobody's id stays behind. Needs a transaction."""
    await db.execute(COUNTED, list(counts), list(counts.values()))
    await db.execute(REST)
