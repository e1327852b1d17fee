"""Answers given under an Idempotency-Key: the row is claimed before the deed, in the deed's own transaction.

Whoever comes second with the same key waits for that row (PostgreSQL makes it), and then reads the answer, or does the
deed itself where the first one rolled back. So there is one effect, whatever number of processes is asked.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from server.model.ids import bucket_of, bucket_of_text
from server.store.pool import Connection


def bucket_of_principal(principal: str) -> int:
    """Tell the shard of a principal's rows: a customer's own bucket, so that they can be found again at an erasure."""
    kind, _, identifier = principal.partition(":")
    return bucket_of(UUID(identifier)) if kind == "customer" else bucket_of_text(principal)


class Claim(NamedTuple):
    """Whose key it is, for which route (method and path), and the SHA-256 of what was asked.

    `key` is the hash of the client's key: the client's own text opens the answer that is kept sealed.
    """

    principal: str
    route: str
    key: str
    body_hash: bytes

    @property
    def bucket(self) -> int:
        """The shard of the row."""
        return bucket_of_principal(self.principal)


class Kept(NamedTuple):
    """The answer that was given first; `body` as it was handed to `keep`."""

    body_hash: bytes
    status: int
    body: bytes


CLAIM = """
INSERT INTO idempotency_keys (bucket, principal, route, key, body_hash, created_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp()) ON CONFLICT DO NOTHING RETURNING true
"""

READ = """
SELECT body_hash, status, body FROM idempotency_keys
WHERE bucket = $1 AND principal = $2 AND route = $3 AND key = $4
"""


async def claim(db: Connection, claimed: Claim) -> Kept | None:
    """Claim the key (None: go on and `keep` the answer), or wait for whoever has it and give the answer kept."""
    where = (claimed.bucket, claimed.principal, claimed.route, claimed.key)
    while True:
        if await db.fetchval(CLAIM, *where, claimed.body_hash):
            return None
        row = await db.fetchrow(READ, *where)
        if row is not None:
            return Kept(row["body_hash"], row["status"], row["body"])
        # the row was deleted for its age between the two statements: claim it again


async def read(db: Connection, claimed: Claim) -> Kept | None:
    """Give the answer that was kept under a key, whatever it was asked with."""
    row = await db.fetchrow(READ, claimed.bucket, claimed.principal, claimed.route, claimed.key)
    return None if row is None or row["status"] is None else Kept(row["body_hash"], row["status"], row["body"])


KEEP = """
UPDATE idempotency_keys SET status = $5, body = $6
WHERE bucket = $1 AND principal = $2 AND route = $3 AND key = $4
"""


async def keep(db: Connection, claimed: Claim, *, status: int, body: bytes) -> None:
    """Keep the answer with the key; it becomes visible with the deed's COMMIT."""
    await db.execute(KEEP, claimed.bucket, claimed.principal, claimed.route, claimed.key, status, body)


FORGET_PRINCIPAL = "DELETE FROM idempotency_keys WHERE bucket = $1 AND principal = $2"


async def forget_principal(db: Connection, *, principal: str) -> None:
    """Delete what is kept of one principal, such as `customer:UUID` at an erasure."""
    await db.execute(FORGET_PRINCIPAL, bucket_of_principal(principal), principal)
