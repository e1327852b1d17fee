"""The keys of tills' browsers: who registered which, how far its chain of records has come, and whether it still counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.store.ids import new_id
from server.store.pool import Connection


class TillKey(NamedTuple):
    """A browser's key. `last_n` and `head` (SHA-256) are the end of its chain, `missing` the records that were left out."""

    id: UUID
    till_id: str
    store_id: UUID
    public_key: bytes
    last_n: int
    head: bytes
    missing: int
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


TURN = "SELECT pg_advisory_xact_lock(hashtextextended('till keys ' || $1, 0))"


async def take_turn(db: Connection, *, till_id: str) -> None:
    """Wait until nobody else registers a key for this till, so that they can be counted."""
    await db.execute(TURN, till_id)


FIND = """
SELECT id, till_id, store_id, public_key, last_n, head, missing, created_at, last_used_at, revoked_at
FROM till_keys WHERE public_key = $1
"""


async def find(db: Connection, *, public_key: bytes) -> TillKey | None:
    """Find a key that was registered before."""
    row = await db.fetchrow(FIND, public_key)
    return None if row is None else TillKey(*row)


RECENT = """
SELECT count(*) FROM till_keys
WHERE till_id = $1 AND revoked_at IS NULL AND created_at > clock_timestamp() - interval '30 days'
"""


async def count_recent(db: Connection, *, till_id: str) -> int:
    """Count the keys that a till registered in the last thirty days and that still count."""
    return int(await db.fetchval(RECENT, till_id))


REGISTER = """
INSERT INTO till_keys (id, till_id, store_id, public_key, head) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (public_key) DO NOTHING
RETURNING id, till_id, store_id, public_key, last_n, head, missing, created_at, last_used_at, revoked_at
"""


def fresh_id() -> UUID:
    """Make the id of a new key."""
    return new_id()


async def register(
    db: Connection,
    *,
    id: UUID,  # noqa: A002  the column's word
    till_id: str,
    store_id: UUID,
    public_key: bytes,
    head: bytes,
) -> TillKey | None:
    """Write a new key down, its chain beginning at `head`; None where somebody was quicker with the same key."""
    row = await db.fetchrow(REGISTER, id, till_id, store_id, public_key, head)
    return None if row is None else TillKey(*row)


# FOR UPDATE: the records of one key are booked one after the other, from however many tabs they come.
HOLD = """
SELECT id, till_id, store_id, public_key, last_n, head, missing, created_at, last_used_at, revoked_at
FROM till_keys WHERE id = $1 AND store_id = $2 FOR UPDATE
"""


async def hold(db: Connection, *, id: UUID, store_id: UUID) -> TillKey | None:  # noqa: A002  the column's word
    """Give a key of this store, locked until the transaction ends."""
    row = await db.fetchrow(HOLD, id, store_id)
    return None if row is None else TillKey(*row)


ADVANCE = """
UPDATE till_keys SET last_n = $2, head = $3, missing = missing + $4, last_used_at = clock_timestamp() WHERE id = $1
"""


async def advance(db: Connection, *, id: UUID, n: int, head: bytes, missing: int) -> None:  # noqa: A002  the column's word
    """Move the end of a chain to its record `n`."""
    await db.execute(ADVANCE, id, n, head, missing)


PAGE = """
SELECT id, till_id, store_id, public_key, last_n, head, missing, created_at, last_used_at, revoked_at
FROM till_keys WHERE $1::uuid IS NULL OR id < $1 ORDER BY id DESC LIMIT $2
"""


async def page(db: Connection, *, before: UUID | None, limit: int) -> Sequence[TillKey]:
    """List keys, the newest first."""
    return [TillKey(*row) for row in await db.fetch(PAGE, before, limit)]


REVOKE = "UPDATE till_keys SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE id = $1 RETURNING id"


async def revoke(db: Connection, *, id: UUID) -> bool:  # noqa: A002  the column's word
    """Let a key count no more; tell whether there is one."""
    return await db.fetchval(REVOKE, id) is not None
