"""Devices and their push tokens: a token belongs to the customer who registered it last, and to nobody else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from server.model.ids import BUCKETS, bucket_of
from server.store.pool import Connection


@dataclass(frozen=True, slots=True)
class Device:
    """A phone or browser: its own id, and where pushes go: a token (ios, android) or a subscription (web)."""

    device_id: str
    platform: Literal["ios", "android", "web"]
    push_token: str | None = None
    subscription: Mapping[str, Any] | None = None
    app_version: str | None = None

    @property
    def address(self) -> str | None:
        """What tells this device from all others to the push service."""
        if self.push_token is not None:
            return self.push_token
        return str(self.subscription["endpoint"]) if self.subscription is not None else None


def _key(address: str) -> tuple[int, bytes]:
    digest = hashlib.sha256(address.encode()).digest()
    return int.from_bytes(digest[:4], "big") % BUCKETS, digest


PUT = """
INSERT INTO devices (bucket, customer_id, device_id, platform, push_token, subscription, app_version)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (bucket, customer_id, device_id) DO UPDATE SET platform = excluded.platform, push_token = excluded.push_token,
    subscription = excluded.subscription, app_version = excluded.app_version, registered_at = clock_timestamp(),
    disabled_at = NULL
"""
TAKE = "INSERT INTO push_tokens (bucket, hash, customer_id, device_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
OWNER = "SELECT customer_id, device_id FROM push_tokens WHERE bucket = $1 AND hash = $2 FOR UPDATE"
UNBIND = """
UPDATE devices SET push_token = NULL, subscription = NULL, disabled_at = clock_timestamp()
WHERE bucket = $1 AND customer_id = $2 AND device_id = $3
"""
BIND = """
UPDATE push_tokens SET customer_id = $3, device_id = $4, registered_at = clock_timestamp() WHERE bucket = $1 AND hash = $2
"""


async def put(db: Connection, *, customer_id: UUID, device: Device) -> None:
    """Register a device, and take its push token from whoever had it. Needs a transaction."""
    address = device.address
    await forget_token(db, customer_id=customer_id, device_id=device.device_id, but=address)
    if address is not None:
        bucket, digest = _key(address)
        # Of two who bring a new token at once the second waits here, and finds the first one's row below.
        await db.execute(TAKE, bucket, digest, customer_id, device.device_id)
        owner = await db.fetchrow(OWNER, bucket, digest)
        if owner is not None and (owner["customer_id"], owner["device_id"]) != (customer_id, device.device_id):
            await db.execute(UNBIND, bucket_of(owner["customer_id"]), owner["customer_id"], owner["device_id"])
        await db.execute(BIND, bucket, digest, customer_id, device.device_id)
    await db.execute(
        PUT,
        bucket_of(customer_id),
        customer_id,
        device.device_id,
        device.platform,
        device.push_token,
        json.dumps(dict(device.subscription)) if device.subscription is not None else None,
        device.app_version,
    )


OLD = """
SELECT push_token, subscription->>'endpoint' AS endpoint FROM devices
WHERE bucket = $1 AND customer_id = $2 AND device_id = $3
"""
RELEASE = "DELETE FROM push_tokens WHERE bucket = $1 AND hash = $2 AND customer_id = $3 AND device_id = $4"


async def forget_token(db: Connection, *, customer_id: UUID, device_id: str, but: str | None = None) -> None:
    """Release the token that the device had so far, unless it is still `but`."""
    row = await db.fetchrow(OLD, bucket_of(customer_id), customer_id, device_id)
    old = (row["push_token"] or row["endpoint"]) if row is not None else None
    if old is not None and old != but:
        await db.execute(RELEASE, *_key(old), customer_id, device_id)


DELETE = "DELETE FROM devices WHERE bucket = $1 AND customer_id = $2 AND device_id = $3"


async def delete(db: Connection, *, customer_id: UUID, device_id: str) -> None:
    """Forget a device and its token; one that is not there is no error."""
    await forget_token(db, customer_id=customer_id, device_id=device_id)
    await db.execute(DELETE, bucket_of(customer_id), customer_id, device_id)


class Gone(NamedTuple):
    """An address that a push service calls dead since an instant."""

    customer_id: UUID
    device_id: str
    address: str
    since: datetime


# By what the service knew: an address that was registered again after that is alive.
GONE = """
WITH off AS (
    UPDATE devices v SET push_token = NULL, subscription = NULL, disabled_at = clock_timestamp()
    FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::smallint[], $7::bytea[])
         AS t (bucket, customer_id, device_id, address, since, token_bucket, hash)
    WHERE v.bucket = t.bucket AND v.customer_id = t.customer_id AND v.device_id = t.device_id
      AND coalesce(v.push_token, v.subscription->>'endpoint') = t.address AND v.registered_at < t.since
    RETURNING v.device_id, t.token_bucket, t.hash
), freed AS (
    DELETE FROM push_tokens p USING off WHERE p.bucket = off.token_bucket AND p.hash = off.hash
)
SELECT device_id FROM off
"""


async def turn_off(db: Connection, *, gone: Sequence[Gone]) -> list[str]:
    """Turn off addresses that are dead, unless they were registered since; tell whose devices' were."""
    keys = [_key(each.address) for each in gone]
    rows = await db.fetch(
        GONE,
        [bucket_of(each.customer_id) for each in gone],
        [each.customer_id for each in gone],
        [each.device_id for each in gone],
        [each.address for each in gone],
        [each.since for each in gone],
        [bucket for bucket, _ in keys],
        [digest for _, digest in keys],
    )
    return [row["device_id"] for row in rows]
