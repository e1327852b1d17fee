"""Which device's wallet holds which pass, and the push token by which it is told of a change.

Rule 1: a device's id is the secret with which it lists its passes: it is looked up by its SHA-256 and stored nowhere.
Rule 2: a device has one push token, the one it brought last; a push token belongs to the device that brought it last.
Rule 3: what a list tells never skips a change: tags are numbers of `pass_tags`, and the mark that goes out with them is
        the counter as the same snapshot saw it. A later change gets a larger number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.model.ids import BUCKETS, bucket_of
from server.store.pool import Connection


def _key(device_id: str) -> tuple[int, bytes]:
    digest = hashlib.sha256(device_id.encode()).digest()
    return _bucket(digest), digest


def _bucket(digest: bytes) -> int:
    return int.from_bytes(digest[:4], "big") % BUCKETS


# The pass's row is held: registrations of one pass come one after the other, and an erasure before or after all of it.
HOLD = "SELECT true FROM passes WHERE bucket = $1 AND serial = $2 AND customer_id IS NOT NULL FOR NO KEY UPDATE"
SAVED = "UPDATE passes SET saved_at = clock_timestamp() WHERE bucket = $1 AND serial = $2 AND saved_at IS NULL"


async def hold(db: Connection, *, serial: UUID) -> bool:
    """Hold a pass that is somebody's until the transaction ends; False where there is none (any more)."""
    return bool(await db.fetchval(HOLD, bucket_of(serial), serial))


async def saved(db: Connection, *, serial: UUID) -> None:
    """Note that a wallet holds the pass; the first time counts."""
    await db.execute(SAVED, bucket_of(serial), serial)


ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
TAKE = """
UPDATE registrations SET push_token = NULL WHERE push_token = $3 AND NOT (bucket = $1 AND device_hash = $2)
"""
PUT = """
INSERT INTO registrations (bucket, device_hash, pass_type, serial, pass_bucket, push_token, apns)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING RETURNING true
"""
RENEW = """
UPDATE registrations SET push_token = $3, apns = $5,
       registered_at = CASE WHEN serial = $4 THEN clock_timestamp() ELSE registered_at END
WHERE bucket = $1 AND device_hash = $2 AND (serial = $4 OR push_token IS DISTINCT FROM $3 OR apns <> $5)
  AND erased_at IS NULL
"""


async def put(
    db: Connection, *, device_id: str, pass_type: str, serial: UUID, push_token: str, apns: bool = True
) -> bool:
    """Register a device for a pass that is held, with its push token; tell whether it was not registered before.

    Needs a transaction. The token is the device's for all its passes from now on, and no other device's. `apns` tells
    whether it is one of Apple's push service.
    """
    bucket, device = _key(device_id)
    await db.execute(ONE_AT_A_TIME, push_token)
    await db.execute(TAKE, bucket, device, push_token)
    made = await db.fetchval(PUT, bucket, device, pass_type, serial, bucket_of(serial), push_token, apns)
    await db.execute(RENEW, bucket, device, push_token, serial, apns)
    return bool(made)


TELL_AGAIN = "UPDATE passes SET tag = -1 WHERE bucket = $1 AND serial = $2 AND tag > 0"


async def tell_again(db: Connection, *, serial: UUID) -> None:
    """Have a pass that was ever changed numbered anew.

    A device may have taken the file before the change and been told a larger tag before it registered: it would never
    hear of the change. One that has it already is told 304.
    """
    await db.execute(TELL_AGAIN, bucket_of(serial), serial)


DROP_OLDEST = """
DELETE FROM registrations r USING (
    SELECT bucket, device_hash, pass_type, serial FROM registrations
    WHERE pass_bucket = $1 AND serial = $2 ORDER BY registered_at DESC, device_hash OFFSET $3
) AS old
WHERE r.bucket = old.bucket AND r.device_hash = old.device_hash AND r.pass_type = old.pass_type AND r.serial = old.serial
"""


async def drop_oldest(db: Connection, *, serial: UUID, most: int) -> int:
    """Leave a pass its `most` newest registrations, and tell how many went."""
    status = await db.execute(DROP_OLDEST, bucket_of(serial), serial, most)
    return int(status.rpartition(" ")[2])


DELETE = "DELETE FROM registrations WHERE bucket = $1 AND device_hash = $2 AND pass_type = $3 AND serial = $4"


async def delete(db: Connection, *, device_id: str, pass_type: str, serial: UUID) -> None:
    """Forget that a device holds a pass; what is not there is forgotten already."""
    await db.execute(DELETE, *_key(device_id), pass_type, serial)


# A wallet has one token (rule 2); one that lost it to another device is listed without.
TOKENS = """
SELECT r.device_hash, max(r.push_token) FILTER (WHERE r.apns) AS push_token
FROM unnest($1::smallint[], $2::bytea[]) AS asked (bucket, device_hash)
JOIN registrations r USING (bucket, device_hash) GROUP BY r.device_hash
"""


async def tokens(db: Connection, *, devices: Sequence[bytes]) -> Mapping[bytes, str | None]:
    """Tell the push tokens of devices (their hashes) as they are now; who holds no pass any more is not in it."""
    rows = await db.fetch(TOKENS, [_bucket(each) for each in devices], list(devices))
    return {row["device_hash"]: row["push_token"] for row in rows}


# All rows of one token are one device's (rule 2): if it brought the token again since then, they are alive.
DROP_DEAD = """
DELETE FROM registrations WHERE push_token = $1
AND NOT EXISTS (SELECT FROM registrations n WHERE n.push_token = $1 AND n.registered_at > $2)
"""


async def drop_token(db: Connection, *, push_token: str, since: datetime) -> None:
    """Forget the registrations of a token that is dead since then, unless it was brought again. Needs a transaction."""
    await db.execute(ONE_AT_A_TIME, push_token)
    await db.execute(DROP_DEAD, push_token, since)


TURN_OFF = """
UPDATE registrations SET push_token = NULL WHERE push_token = $1
AND NOT EXISTS (SELECT FROM registrations n WHERE n.push_token = $1 AND n.registered_at > $2)
"""


async def turn_off(db: Connection, *, push_token: str, since: datetime) -> None:
    """Push to a token no more, unless it was brought again since then; its wallet keeps asking. Needs a transaction."""
    await db.execute(ONE_AT_A_TIME, push_token)
    await db.execute(TURN_OFF, push_token, since)


class Updated(NamedTuple):
    """A device's passes that changed, the mark to ask with next time, and whether one of them has no number yet."""

    serials: tuple[UUID, ...]
    mark: int
    unnumbered: bool


# A mark beyond the counter is none of ours (or from before a restored backup): everything is told. A change that has no
# number yet is told whatever the mark.
UPDATED = """
WITH counter AS (SELECT coalesce((SELECT tag FROM pass_tags WHERE pass_type = $3), 0) AS newest)
SELECT p.serial, p.tag, counter.newest
FROM counter, registrations r JOIN passes p ON p.bucket = r.pass_bucket AND p.serial = r.serial
WHERE r.bucket = $1 AND r.device_hash = $2 AND r.pass_type = $3 AND (p.customer_id IS NOT NULL OR p.erased_at IS NOT NULL)
  AND ($4::bigint IS NULL OR p.tag < 0 OR p.tag > $4::bigint OR $4::bigint > counter.newest)
ORDER BY p.tag, p.serial
"""


async def updated(db: Connection, *, device_id: str, pass_type: str, since: int | None) -> Updated:
    """List a device's passes of a type that changed after the mark `since`; all of them where it is None."""
    rows = await db.fetch(UPDATED, *_key(device_id), pass_type, since)
    return Updated(
        serials=tuple(row["serial"] for row in rows),
        mark=rows[0]["newest"] if rows else 0,
        unnumbered=any(row["tag"] < 0 for row in rows),
    )
