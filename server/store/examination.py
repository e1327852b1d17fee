"""The doctor's own pass: a row of nobody's that is made for one walk, changed once, and taken away with all that came of it.

It belongs to no customer, offer or moment that exists, so no report counts it; it may be redeemed in no store. What a walk
that was killed has left is swept up by the next one.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.model.pass_ import Benefit, Card, Pass, PassState
from server.store import acceptances
from server.store.ids import new_id
from server.store.pool import Connection

DOCTOR: Final = UUID("00000000-0000-7000-8000-0000000d0c00")
"""Who holds the doctor's passes, and the offer they are of."""


async def make(db: Connection, *, serial: UUID, key_id: int, token_sealed: bytes, now: datetime) -> Pass:
    """Make a pass that is good for nothing. Needs a transaction."""
    made = Pass(
        serial=serial,
        customer_id=DOCTOR,
        moment_id=new_id(bucket=bucket_of(DOCTOR), now=now),
        offer_id=DOCTOR,
        offer_version=1,
        state=PassState.ACTIVE,
        card=Card("Kairos doctor", "doctor"),
        benefit=Benefit("free_item"),
        uses_total=1,
        uses_left=1,
        valid_from=now,
        valid_until=None,
        places=(),
        place_tag=None,
        key_id=key_id,
        token_sealed=token_sealed,
        modified_at=now,
        created_at=now,
    )
    await acceptances.insert(db, pass_=made, reward={"type": "free_item"})
    return made


CHANGE = """
UPDATE passes SET design = design || '{"title": "Kairos doctor was here"}', tag = -1,
       modified_at = greatest(clock_timestamp(), modified_at + interval '1 second')
WHERE bucket = $1 AND serial = $2
"""


async def change(db: Connection, *, serial: UUID) -> None:
    """Write other words on it, and mark it as changed."""
    await db.execute(CHANGE, bucket_of(serial), serial)


class Pushed(NamedTuple):
    """What became of a device's newest push: the outbox's state and the service's word."""

    state: str
    reason: str | None


PUSHED = """
SELECT state, reason FROM deliveries WHERE bucket = $1 AND device_hash = $2 AND channel = 'apple_wallet'
ORDER BY created_at DESC LIMIT 1
"""


async def pushed(db: Connection, *, device_id: str) -> Pushed | None:
    """Tell what became of the push to a device; None where the outbox has none."""
    row = await db.fetchrow(PUSHED, bucket_of(DOCTOR), _hash(device_id))
    return None if row is None else Pushed(row["state"], row["reason"])


# Another doctor may be walking: only what is older than any walk is swept up beside one's own.
REMOVE = """
WITH left_over AS (
    SELECT bucket, serial FROM passes
    WHERE bucket = $1 AND customer_id = $2 AND (serial = $3 OR created_at < clock_timestamp() - interval '1 hour')
), wallets AS (
    DELETE FROM registrations r USING left_over l WHERE r.pass_bucket = l.bucket AND r.serial = l.serial
), pushes AS (
    DELETE FROM deliveries
    WHERE bucket = $1 AND customer_id = $2
      AND (device_hash = $4 OR created_at < clock_timestamp() - interval '1 hour')
)
DELETE FROM passes p USING left_over l WHERE p.bucket = l.bucket AND p.serial = l.serial
"""


async def remove(db: Connection, *, serial: UUID, device_id: str) -> None:
    """Take the pass away, with its registrations and pushes, and what older walks have left."""
    await db.execute(REMOVE, bucket_of(DOCTOR), DOCTOR, serial, _hash(device_id))


def _hash(device_id: str) -> bytes:
    return hashlib.sha256(device_id.encode()).digest()
