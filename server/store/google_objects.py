"""What Google Wallet has of our passes: told to it by the outbox, told to us by its callbacks.

Rule 1: a pass whose object is at Google, and that nobody took out of their wallet, is told there when it changes.
Rule 2: what waits in the outbox says only which pass; what it looks like is read when it is sent. So one row is enough
        for any number of changes, and no row is ever out of date.
Rule 3: a callback counts once by its nonce, and only the latest says whether the pass is in a wallet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.store.ids import new_id
from server.store.pool import Connection

TABLE = "google_objects"
"""Under this name secrets are sealed."""

AHEAD = timedelta(days=1)
"""Longer than any campaign takes to be told."""


ADD = """
INSERT INTO google_objects (bucket, serial, kind, totp_sealed) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""


async def add(db: Connection, *, serial: UUID, kind: str, totp_sealed: bytes | None = None) -> None:
    """Note a pass that is to be inserted at Google, with the sealed secret of its changing barcode if it has one."""
    await db.execute(ADD, bucket_of(serial), serial, kind, totp_sealed)


KINDS = """
SELECT g.serial, g.kind
FROM unnest($1::smallint[], $2::uuid[]) AS asked (bucket, serial) JOIN google_objects g USING (bucket, serial)
"""


async def kinds(db: Connection, *, serials: Sequence[UUID]) -> dict[UUID, str]:
    """Tell which of these passes Google has, or is to have, and of which kind: a link may name them."""
    rows = await db.fetch(KINDS, [bucket_of(serial) for serial in serials], list(serials))
    return {row["serial"]: row["kind"] for row in rows}


# Who waits goes first, as in `pass_news`: what changed at a counter counts as due since yesterday.
ENQUEUE = """
INSERT INTO deliveries (bucket, id, customer_id, offer_id, channel, way, serial, not_before, deliver_by, created_at)
SELECT p.bucket, w.id, p.customer_id, p.offer_id, 'google_wallet', 'google_wallet', p.serial,
       t.now - CASE WHEN w.urgent THEN $7::interval ELSE interval '0' END, t.now + $5::interval, t.now
FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::boolean[]) AS w (bucket, serial, id, urgent)
CROSS JOIN (SELECT clock_timestamp() AS now OFFSET 0) AS t
JOIN passes p ON p.bucket = w.bucket AND p.serial = w.serial
JOIN google_objects g ON g.bucket = w.bucket AND g.serial = w.serial
WHERE g.removed_at IS NULL AND ($6 OR g.known_at IS NOT NULL)
ON CONFLICT (bucket, serial) WHERE channel = 'google_wallet' AND state = 'queued' DO UPDATE
SET not_before = CASE WHEN deliveries.attempts = 0 THEN least(deliveries.not_before, excluded.not_before)
                      ELSE deliveries.not_before END,
    deliver_by = greatest(deliveries.deliver_by, excluded.deliver_by)
"""


async def enqueue(
    db: Connection,
    *,
    serials: Sequence[UUID],
    within: timedelta,
    urgent: Sequence[bool] | None = None,
    first: bool = False,
) -> int:
    """Have changed passes told to Google, those that it has; `first`: also those that it is to have. Tell how many wait.

    It is tried `within` that time; then it is a dead letter, and the next change tells all.
    Belongs into the transaction of the change, or any later one.
    """
    ids = [new_id(bucket=bucket_of(serial)) for serial in serials]
    buckets = [bucket_of(serial) for serial in serials]
    hurry = [True] * len(serials) if urgent is None else list(urgent)
    status = await db.execute(ENQUEUE, buckets, list(serials), ids, hurry, within, first, AHEAD)
    return int(status.rpartition(" ")[2])


TOTP = "SELECT totp_sealed, clock_timestamp() AS now FROM google_objects WHERE bucket = $1 AND serial = $2"


class Secret(NamedTuple):
    """The sealed secret of a changing barcode (None: the pass has none), and the database's time."""

    sealed: bytes | None = None
    now: datetime | None = None


async def secret(db: Connection, *, serial: UUID) -> Secret:
    """Find the secret with which a pass's changing barcode is checked."""
    row = await db.fetchrow(TOTP, bucket_of(serial), serial)
    return Secret() if row is None else Secret(*row)


NONCE = """
INSERT INTO google_callbacks (bucket, serial, nonce_hash, event)
SELECT bucket, serial, $3, $4 FROM passes WHERE bucket = $1 AND serial = $2 AND customer_id IS NOT NULL
ON CONFLICT DO NOTHING RETURNING true
"""
# The later of two messages is the one that ends later; Google's own count decides where it sends one and that is equal.
HEARD = """
INSERT INTO google_objects AS g (bucket, serial, kind, known_at, saved_at, removed_at, said_until, said_count)
SELECT $1, $2, $3, t.now, CASE WHEN $4 = 'save' THEN t.now END, CASE WHEN $4 = 'del' THEN t.now END, $5, $6
FROM (SELECT clock_timestamp() AS now OFFSET 0) AS t
ON CONFLICT (bucket, serial) DO UPDATE SET
    known_at = coalesce(g.known_at, excluded.known_at),
    saved_at = coalesce(excluded.saved_at, g.saved_at),
    removed_at = excluded.removed_at,
    said_until = excluded.said_until,
    said_count = excluded.said_count
WHERE g.said_until IS NULL OR excluded.said_until > g.said_until
   OR (excluded.said_until = g.said_until AND coalesce(excluded.said_count, 0) >= coalesce(g.said_count, 0))
RETURNING true
"""


async def hear(
    db: Connection,
    *,
    serial: UUID,
    kind: str,
    nonce: str,
    event: Literal["save", "del"],
    until: datetime,
    count: int | None,
) -> bool:
    """Take a callback, once by its nonce; True where it is the latest word on this pass. Needs a transaction.

    Of a pass that is nobody's nothing is kept.
    """
    digest = hashlib.sha256(nonce.encode()).digest()
    if not await db.fetchval(NONCE, bucket_of(serial), serial, digest, event):
        return False
    return bool(await db.fetchval(HEARD, bucket_of(serial), serial, kind, event, until, count))
