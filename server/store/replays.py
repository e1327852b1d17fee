"""Replays: their rows, from the question to the result. One worker at a time in the whole house, by an advisory lock.

    queued → running → done | failed          (queued, running → cancelled; a worker that died is followed by the next)

Rule 1: whoever holds the lock is the only worker, so a row that says `running` to them was left by one that died.
Rule 2: each step is one conditional update: a replay that was cancelled meanwhile takes no progress and no result.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from server.store.pool import Connection, Row

State = Literal["queued", "running", "done", "failed", "cancelled"]

_LOCK = 0x6B61_7265_706C
"""The number of the workers' advisory lock: "karepl"."""

ATTEMPTS = 2
"""A worker that died may have been unlucky; a replay that has ended two of them is the reason."""


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """A replay of a version of an offer over [from_at, to_at)."""

    id: UUID
    offer_id: UUID
    version: int
    from_at: datetime
    to_at: datetime
    state: State
    progress: float
    result: Mapping[str, Any] | None
    reason: str | None
    created_at: datetime
    finished_at: datetime | None


# The count and the row are one statement; two who ask at once may both find the last room, which does no harm.
ASK = """
INSERT INTO replays (id, offer_id, version, from_at, to_at, asked_by)
SELECT $1, $2, $3, $4, $5, $6
WHERE (SELECT count(*) FROM replays WHERE state IN ('queued', 'running')) < $7
RETURNING id, offer_id, version, from_at, to_at, state, progress, result, reason, created_at, finished_at
"""


async def ask(
    db: Connection,
    *,
    id: UUID,  # noqa: A002  the column's word
    offer_id: UUID,
    version: int,
    start: datetime,
    end: datetime,
    asked_by: str,
    most: int,
) -> ReplayRow | None:
    """Queue a replay; None where `most` are waiting or running already."""
    row = await db.fetchrow(ASK, id, offer_id, version, start, end, asked_by, most)
    return _replay(row) if row is not None else None


FIND = """
SELECT id, offer_id, version, from_at, to_at, state, progress, result, reason, created_at, finished_at
FROM replays WHERE id = $1
"""


async def find(db: Connection, *, replay_id: UUID) -> ReplayRow | None:
    """Find a replay."""
    row = await db.fetchrow(FIND, replay_id)
    return _replay(row) if row is not None else None


CANCEL = """
UPDATE replays SET state = 'cancelled', finished_at = clock_timestamp()
WHERE id = $1 AND state IN ('queued', 'running')
"""


async def cancel(db: Connection, *, replay_id: UUID) -> None:
    """Cancel a replay that is not finished; its worker stops at its next look."""
    await db.execute(CANCEL, replay_id)


TRY_LOCK = "SELECT pg_try_advisory_lock($1)"


async def try_lock(db: Connection) -> bool:
    """Become the worker, if there is none; held until the connection ends, or `unlock`."""
    return bool(await db.fetchval(TRY_LOCK, _LOCK))


UNLOCK = "SELECT pg_advisory_unlock($1)"


async def unlock(db: Connection) -> None:
    """Be the worker no longer."""
    await db.execute(UNLOCK, _LOCK)


GIVE_UP = """
UPDATE replays SET state = 'failed', finished_at = clock_timestamp(), reason = $2
WHERE state = 'running' AND attempts >= $1
"""
TAKE = """
UPDATE replays SET state = 'running', attempts = attempts + 1, progress = 0,
       started_at = clock_timestamp(), beat_at = clock_timestamp()
WHERE id = (SELECT id FROM replays WHERE state IN ('queued', 'running') ORDER BY created_at LIMIT 1)
  AND state IN ('queued', 'running')
RETURNING id, offer_id, version, from_at, to_at, state, progress, result, reason, created_at, finished_at
"""


async def take(db: Connection) -> ReplayRow | None:
    """Take the replay that waits longest, also one that a dead worker left; None where there is none. Needs the lock."""
    await db.execute(GIVE_UP, ATTEMPTS, "Its process was ended twice before it was done.")
    row = await db.fetchrow(TAKE)
    return _replay(row) if row is not None else None


BEAT = """
UPDATE replays SET progress = $2, beat_at = clock_timestamp() WHERE id = $1 AND state = 'running' RETURNING id
"""


async def beat(db: Connection, *, replay_id: UUID, progress: float) -> bool:
    """Tell how far it is; False where nobody waits for it any more."""
    return await db.fetchval(BEAT, replay_id, progress) is not None


FINISH = """
UPDATE replays SET state = CASE WHEN $2::json IS NULL THEN 'failed' ELSE 'done' END, result = $2, reason = $3,
       progress = CASE WHEN $2::json IS NULL THEN progress ELSE 1 END, finished_at = clock_timestamp()
WHERE id = $1 AND state = 'running'
"""


async def finish(
    db: Connection, *, replay_id: UUID, result: Mapping[str, Any] | None, reason: str | None = None
) -> None:
    """Write the result, or why there is none."""
    text = json.dumps(result) if result is not None else None
    await db.execute(FINISH, replay_id, text, reason)


WAITING = """
SELECT EXISTS (SELECT FROM replays WHERE state = 'queued' OR state = 'running' AND beat_at < clock_timestamp() - $1::interval)
"""


async def waiting(db: Connection, *, silent_s: float) -> bool:
    """Tell whether a replay waits for a worker, or has one that was silent for so long."""
    return bool(await db.fetchval(WAITING, timedelta(seconds=silent_s)))


def _replay(row: Row) -> ReplayRow:
    return ReplayRow(**{**row, "result": json.loads(row["result"]) if row["result"] is not None else None})
