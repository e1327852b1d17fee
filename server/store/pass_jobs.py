"""Work on many passes at once: begun in the transaction that asks for it, done in portions, each with its mark.

Rule 1: a portion and the mark how far it went are one transaction: who is killed has done a portion whole or not at all.
Rule 2: the row is held for a portion, and passed over by who finds it held: two processes never do one portion.
Rule 3: a pass is marked where it is held; one that is just being used is waited for, so none is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.store.ids import new_id
from server.store.pool import Connection, Row

Kind = Literal["edit", "resign"]

SETTLE: Final = timedelta(seconds=5)
"""A pass is looked at this long after its issue: by then whatever was issued before it is committed."""


@dataclass(frozen=True, slots=True)
class PassJob:
    """A job and how far it is: of `total` passes (None: not counted yet) so many looked at, so many changed."""

    id: UUID
    kind: Kind
    offer_id: UUID | None
    state: Literal["running", "done", "replaced"]
    asked_by: str
    total: int | None
    looked: int
    changed: int
    created_at: datetime
    finished_at: datetime | None


REPLACE = """
UPDATE pass_jobs SET state = 'replaced', finished_at = clock_timestamp()
WHERE state = 'running' AND kind = $1 AND offer_id IS NOT DISTINCT FROM $2
"""
INSERT = "INSERT INTO pass_jobs (id, kind, offer_id, asked_by) VALUES ($1, $2, $3, $4)"
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('pass_jobs', 0))"


async def begin(db: Connection, *, kind: Kind, offer_id: UUID | None, by: str) -> UUID:
    """Begin a job on an offer's passes (None: on all), in place of one that is under way; needs a transaction."""
    await db.execute(ONE_AT_A_TIME)
    await db.execute(REPLACE, kind, offer_id)
    identifier = new_id()
    await db.execute(INSERT, identifier, kind, offer_id, by)
    return identifier


FIND = """
SELECT id, kind, offer_id, state, asked_by, total, looked, changed, created_at, finished_at FROM pass_jobs WHERE id = $1
"""


async def find(db: Connection, *, job_id: UUID) -> PassJob | None:
    """Find a job."""
    row = await db.fetchrow(FIND, job_id)
    return None if row is None else PassJob(**row)


NEWEST = """
SELECT id, kind, offer_id, state, asked_by, total, looked, changed, created_at, finished_at FROM pass_jobs
WHERE offer_id = $1 ORDER BY created_at DESC LIMIT 1
"""


async def newest(db: Connection, *, offer_id: UUID) -> PassJob | None:
    """Find the job on an offer's passes that was begun last."""
    row = await db.fetchrow(NEWEST, offer_id)
    return None if row is None else PassJob(**row)


class Backlog(NamedTuple):
    """How many jobs are running, and how many passes they have to look at yet, as far as counted."""

    running: int
    passes: int


BACKLOG = """
SELECT count(*) AS running, coalesce(sum(greatest(total - looked, 0)), 0)::bigint AS passes
FROM pass_jobs WHERE state = 'running'
"""


async def backlog(db: Connection) -> Backlog:
    """Tell what is left to do (for the metrics)."""
    row = await db.fetchrow(BACKLOG)
    assert row is not None  # noqa: S101  an aggregate has one row
    return Backlog(row["running"], row["passes"])


class Held(NamedTuple):
    """A running job that is held: what it is on, and what of it is to be looked at now (up to a time of issue)."""

    id: UUID
    kind: Kind
    offer_id: UUID | None
    counted: bool
    last: bool
    after: tuple[datetime, int, UUID]
    until: datetime


# In turns: a small edit does not wait for a million signatures.
TAKE = """
SELECT id, kind, offer_id, total IS NOT NULL AS counted, after_at, after_bucket, after_serial, clock_timestamp() AS now,
       created_at
FROM pass_jobs WHERE state = 'running' AND (looked_at IS NULL OR looked_at <= clock_timestamp())
ORDER BY looked_at NULLS FIRST, created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
"""


async def take(db: Connection) -> Held | None:
    """Hold the running job whose turn it is until the transaction ends; None where there is none, or all are held."""
    row = await db.fetchrow(TAKE)
    if row is None:
        return None
    until = row["now"] - SETTLE
    return Held(
        row["id"],
        row["kind"],
        row["offer_id"],
        row["counted"],
        last=row["offer_id"] is None or until >= row["created_at"],
        after=(
            row["after_at"] or until.replace(year=1970),
            row["after_bucket"] or 0,
            row["after_serial"] or UUID(int=0),
        ),
        until=until,
    )


PUT_BACK = """
UPDATE pass_jobs SET looked_at = clock_timestamp() + $1::interval
WHERE id = (SELECT id FROM pass_jobs WHERE state = 'running' AND (looked_at IS NULL OR looked_at <= clock_timestamp())
            ORDER BY looked_at NULLS FIRST, created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
"""


async def put_back(db: Connection, *, rest: timedelta) -> None:
    """Let the job whose turn it is rest for a while: it broke, and the others shall not wait for it."""
    await db.execute(PUT_BACK, rest)


COUNT = "SELECT count(*) FROM passes WHERE offer_id = $1"
COUNT_ALL = "SELECT count(*) FROM passes"
COUNTED = "UPDATE pass_jobs SET total = $2 WHERE id = $1"


async def count(db: Connection, held: Held) -> None:
    """Write down how many passes there are to look at: read once, at the beginning."""
    total = await (db.fetchval(COUNT, held.offer_id) if held.offer_id is not None else db.fetchval(COUNT_ALL))
    await db.execute(COUNTED, held.id, total)


OF_OFFER = """
SELECT created_at, bucket, serial FROM passes
WHERE offer_id = $1 AND (created_at, bucket, serial) > ($2::timestamptz, $3::smallint, $4::uuid) AND created_at <= $5
ORDER BY created_at, bucket, serial LIMIT $6
"""
OF_ALL = """
SELECT created_at, bucket, serial FROM passes WHERE (bucket, serial) > ($1::smallint, $2::uuid)
ORDER BY bucket, serial LIMIT $3
"""


async def portion(db: Connection, held: Held, *, limit: int) -> Sequence[Row]:
    """Read which passes are next: `created_at`, `bucket`, `serial` of each."""
    if held.offer_id is None:
        return await db.fetch(OF_ALL, *held.after[1:], limit)
    return await db.fetch(OF_OFFER, held.offer_id, *held.after, held.until, limit)


# An edit concerns passes that can still be used; a signature every pass that a wallet holds.
MARK = """
WITH held AS (
    SELECT p.bucket, p.serial FROM unnest($1::smallint[], $2::uuid[]) AS given (bucket, serial)
    JOIN passes p USING (bucket, serial)
    WHERE p.state = 'active' OR ($3 AND EXISTS (
        SELECT FROM registrations r WHERE r.pass_bucket = p.bucket AND r.serial = p.serial AND r.erased_at IS NULL))
    ORDER BY p.bucket, p.serial FOR UPDATE OF p
)
UPDATE passes p SET tag = CASE WHEN p.tag < 0 THEN p.tag ELSE -2 END,
       modified_at = greatest(clock_timestamp(), p.modified_at + interval '1 second')
FROM held WHERE p.bucket = held.bucket AND p.serial = held.serial
"""


async def mark(db: Connection, *, serials: Sequence[UUID], whatever_state: bool = False) -> int:
    """Mark passes as changed, behind those that somebody waits for, and tell how many; needs a transaction.

    Only active ones; with `whatever_state` also others that a wallet holds.
    """
    status = await db.execute(MARK, [bucket_of(serial) for serial in serials], list(serials), whatever_state)
    return int(status.rpartition(" ")[2])


# What has nothing to look at yet waits for the youngest passes to be settled: a second, in which others have their turn.
ADVANCE = """
UPDATE pass_jobs SET looked = looked + $2, total = greatest(total, looked + $2), changed = changed + $3,
       looked_at = clock_timestamp() + CASE WHEN $2 = 0 THEN interval '1 second' ELSE interval '0' END,
       after_at = coalesce($4, after_at), after_bucket = coalesce($5, after_bucket),
       after_serial = coalesce($6, after_serial), state = CASE WHEN $7 THEN 'done' ELSE state END,
       finished_at = CASE WHEN $7 THEN clock_timestamp() END
WHERE id = $1
"""


async def advance(db: Connection, held: Held, rows: Sequence[Row], *, changed: int, over: bool) -> None:
    """Write down that a portion was looked at, how many changed, and whether it was the last."""
    last = rows[-1] if rows else None
    marks = (last["created_at"], last["bucket"], last["serial"]) if last is not None else (None, None, None)
    await db.execute(ADVANCE, held.id, len(rows), changed, *marks, over)
