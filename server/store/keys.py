"""Credentials of machines and customers: only the SHA-256 of a token is stored, and a row says whether it still counts.

What a machine signs its requests with comes and goes sealed; nothing here can read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from server.store.ids import new_id, new_token, token_hash
from server.store.pool import Connection, Row

PREFIXES: Final = {
    "app": "ka_",
    "till": "kt_",
    "crm": "ki_",
    "marketer": "km_",
    "analyst": "kn_",
    "admin": "kd_",
}
"""What the tokens of each kind of key begin with."""

CUSTOMER_PREFIX: Final = "kc_"
"""What customers' tokens begin with; three hex digits of the bucket follow."""

_HINT_CHARACTERS = 4


class NewKey(NamedTuple):
    """A key that was just made: the only time its token is known."""

    id: UUID
    token: str


class Key(NamedTuple):
    """A key as it is listed; `hint` the last characters of its token, by which its owner knows it.

    `signed`: what it asks for is signed with a secret of its own.
    """

    id: UUID
    kind: str
    hint: str
    store_id: UUID | None
    name: str | None
    created_at: datetime
    not_after: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    signed: bool = False


class Found(NamedTuple):
    """A key that counts; `stale` when its use was last written down long ago (`touch` it then)."""

    id: UUID
    kind: str
    store_id: UUID | None
    stale: bool
    secret_sealed: bytes | None = None


class Owner(NamedTuple):
    """The customer of a token that counts; `stale` as in Found."""

    bucket: int
    hash: bytes
    customer_id: UUID
    stale: bool


INSERT = """
INSERT INTO api_keys (id, kind, hash, hint, store_id, name, not_after, secret_sealed)
SELECT $1, $2, $3, $4, $5::uuid, $6, $7, $8
WHERE $5::uuid IS NULL OR EXISTS (SELECT FROM stores WHERE id = $5::uuid AND deleted_at IS NULL)
RETURNING id
"""


async def create(
    db: Connection,
    *,
    kind: str,
    store_id: UUID | None = None,
    name: str | None = None,
    not_after: datetime | None = None,
    id: UUID | None = None,  # noqa: A002  the column's word
    secret_sealed: bytes | None = None,
) -> NewKey | None:
    """Make a key of a kind (see PREFIXES); None when the store (of a till, and of nobody else) is not known.

    A secret is sealed to the key's id, which is then needed beforehand (`fresh_id`).
    """
    token = new_token(PREFIXES[kind])
    hint = token[-_HINT_CHARACTERS:]
    made = await db.fetchval(
        INSERT, id or new_id(), kind, token_hash(token), hint, store_id, name, not_after, secret_sealed
    )
    return NewKey(made, token) if made else None


def fresh_id() -> UUID:
    """Make the id of a new key."""
    return new_id()


FIND = """
SELECT id, kind, store_id, coalesce(last_used_at < clock_timestamp() - interval '1 hour', true) AS stale, secret_sealed
FROM api_keys
WHERE hash = $1 AND revoked_at IS NULL AND (not_after IS NULL OR not_after > clock_timestamp())
"""


async def find(db: Connection, *, token: str) -> Found | None:
    """Find the key of a token, unless it is unknown, revoked or over."""
    row = await db.fetchrow(FIND, token_hash(token))
    return Found(**row) if row else None


FIND_OWNERS = """
SELECT t.bucket, t.hash, t.customer_id,
       coalesce(t.last_used_at < clock_timestamp() - interval '1 hour', true) AS stale
FROM unnest($1::smallint[], $2::bytea[]) AS asked (bucket, hash)
JOIN customer_tokens t ON t.bucket = asked.bucket AND t.hash = asked.hash
WHERE t.revoked_at IS NULL
  AND coalesce(t.last_used_at, t.created_at) > clock_timestamp() - make_interval(days => $3)
"""


async def find_owners(
    db: Connection, *, buckets: Sequence[int], hashes: Sequence[bytes], token_days: int
) -> list[Owner]:
    """Find the customers of many tokens at once (parallel lists); tokens unused for `token_days` are dead."""
    return [Owner(**row) for row in await db.fetch(FIND_OWNERS, buckets, hashes, token_days)]


TOUCH_KEYS = "UPDATE api_keys SET last_used_at = clock_timestamp() WHERE id = ANY($1::uuid[])"

TOUCH_TOKENS = """
UPDATE customer_tokens t SET last_used_at = clock_timestamp()
FROM unnest($1::smallint[], $2::bytea[]) AS used (bucket, hash)
WHERE t.bucket = used.bucket AND t.hash = used.hash
"""


async def touch_keys(db: Connection, *, ids: Sequence[UUID]) -> None:
    """Write down that these keys were used."""
    await db.execute(TOUCH_KEYS, ids)


async def touch_tokens(db: Connection, *, buckets: Sequence[int], hashes: Sequence[bytes]) -> None:
    """Write down that these customers' tokens were used."""
    await db.execute(TOUCH_TOKENS, buckets, hashes)


PAGE = """
SELECT id, kind, hint, store_id, name, created_at, not_after, last_used_at, revoked_at,
       secret_sealed IS NOT NULL AS signed
FROM api_keys WHERE $1::uuid IS NULL OR id < $1::uuid ORDER BY id DESC LIMIT $2
"""


async def page(db: Connection, *, before: UUID | None, limit: int) -> list[Key]:
    """List keys, the newest first, that were made before the given one."""
    return [Key(**row) for row in await db.fetch(PAGE, before, limit)]


REVOKE = """
UPDATE api_keys SET revoked_at = clock_timestamp() WHERE id = $1 AND revoked_at IS NULL
RETURNING id, kind, hint, store_id, name, created_at, not_after, last_used_at, revoked_at,
          secret_sealed IS NOT NULL AS signed
"""


async def revoke(db: Connection, *, id_: UUID) -> Key | None:
    """Let a key count no more; None when there is no such key that still counts."""
    row: Row | None = await db.fetchrow(REVOKE, id_)
    return Key(**row) if row else None


END = """
UPDATE api_keys SET not_after = least(coalesce(not_after, 'infinity'), clock_timestamp() + $2::interval)
WHERE id = $1 AND revoked_at IS NULL AND (not_after IS NULL OR not_after > clock_timestamp())
RETURNING id, kind, hint, store_id, name, created_at, not_after, last_used_at, revoked_at,
          secret_sealed IS NOT NULL AS signed
"""


async def end(db: Connection, *, id_: UUID, after: timedelta) -> Key | None:
    """Let a key count for so long and no longer (its successor is already there); None when it no longer counts."""
    row = await db.fetchrow(END, id_, after)
    return Key(**row) if row else None
