"""Devices and their push tokens: a token belongs to the customer who registered it last, and to nobody else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
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
