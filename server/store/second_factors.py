"""Second factors of people: a sealed secret, the last step that was taken, and codes for the day the phone is lost.

Rule 1: a secret counts for nothing until a code made of it was given once (`confirm`).
Rule 2: each step and each recovery code is taken once, by one statement each: whoever comes second finds it spent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.store.pool import Connection


class Factor(NamedTuple):
    """A person's second factor; `confirmed_at` None: it was begun and counts for nothing."""

    secret_sealed: bytes
    confirmed_at: datetime | None


BEGIN = """
INSERT INTO second_factors (user_id, secret_sealed)
SELECT id, $2 FROM users WHERE id = $1
ON CONFLICT (user_id) DO UPDATE SET secret_sealed = $2, created_at = clock_timestamp(), last_step = 0
WHERE second_factors.confirmed_at IS NULL
"""


async def begin(db: Connection, *, user_id: UUID, secret_sealed: bytes) -> bool:
    """Keep a new secret, in place of one that was never confirmed; False where one counts already."""
    return (await db.execute(BEGIN, user_id, secret_sealed)).endswith(" 1")


FIND = "SELECT secret_sealed, confirmed_at FROM second_factors WHERE user_id = $1"


async def find(db: Connection, *, user_id: UUID) -> Factor | None:
    """Find a person's second factor, confirmed or not."""
    row = await db.fetchrow(FIND, user_id)
    return Factor(*row) if row else None


CONFIRM = """
UPDATE second_factors SET confirmed_at = clock_timestamp(), last_step = $3
WHERE user_id = $1 AND secret_sealed = $2 AND confirmed_at IS NULL AND last_step < $3
"""


async def confirm(db: Connection, *, user_id: UUID, secret_sealed: bytes, step: int) -> bool:
    """Let this secret count from now on, its step taken; False where it does not wait for that any more."""
    return (await db.execute(CONFIRM, user_id, secret_sealed, step)).endswith(" 1")


TAKE_STEP = (
    "UPDATE second_factors SET last_step = $2 WHERE user_id = $1 AND confirmed_at IS NOT NULL AND last_step < $2"
)


async def take_step(db: Connection, *, user_id: UUID, step: int) -> bool:
    """Take a step; False where it, or a later one, was taken before."""
    return (await db.execute(TAKE_STEP, user_id, step)).endswith(" 1")


FORGET_CODES = "DELETE FROM recovery_codes WHERE user_id = $1"

KEEP_CODES = "INSERT INTO recovery_codes (user_id, hash) SELECT $1, unnest($2::bytea[])"


async def keep_codes(db: Connection, *, user_id: UUID, hashes: Sequence[bytes]) -> None:
    """Keep new recovery codes (their hashes) in place of all older ones. Needs a transaction."""
    await db.execute(FORGET_CODES, user_id)
    await db.execute(KEEP_CODES, user_id, list(hashes))


TAKE_CODE = """
UPDATE recovery_codes SET used_at = clock_timestamp()
WHERE user_id = $1 AND hash = $2 AND used_at IS NULL
  AND EXISTS (SELECT FROM second_factors f WHERE f.user_id = $1 AND f.confirmed_at IS NOT NULL)
"""


async def take_code(db: Connection, *, user_id: UUID, code_hash: bytes) -> bool:
    """Take a recovery code; False where it is none, or was taken before."""
    return (await db.execute(TAKE_CODE, user_id, code_hash)).endswith(" 1")


LEFT = "SELECT count(*) FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL"


async def codes_left(db: Connection, *, user_id: UUID) -> int:
    """Count the recovery codes that can still be taken."""
    return int(await db.fetchval(LEFT, user_id))


REMOVE = "DELETE FROM second_factors WHERE user_id = $1 RETURNING confirmed_at IS NOT NULL"


async def remove(db: Connection, *, user_id: UUID) -> bool:
    """Remove a person's second factor with its recovery codes; False where there was none that counted."""
    return bool(await db.fetchval(REMOVE, user_id))
