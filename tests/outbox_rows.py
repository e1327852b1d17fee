"""Rows of `deliveries` for tests: what waits to leave the house."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from server.model.ids import with_bucket
from server.store import outbox
from server.store.outbox import Leased
from server.store.pool import Connection
from tests.builders import NOON

KIM = with_bucket(UUID(int=0xC057 << 16), 77)
FOR_S = 30.0


def key(number: int) -> UUID:
    """Give the id of the row of that number."""
    return with_bucket(UUID(int=number << 16), 77)


WRITE = """
INSERT INTO deliveries (bucket, id, moment_id, customer_id, offer_id, channel, way, device_id, device_hash, serial, state,
                        not_before, deliver_by, created_at)
VALUES (77, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""


async def write(db: Connection, number: int = 1, **more: Any) -> UUID:
    """Write a row that waits for APNs since noon, unless said otherwise."""
    channel = more.pop("channel", "push")
    row: dict[str, Any] = {
        "way": {"push": "apns", "in_app": None}.get(channel, channel),
        "device_id": "phone" if channel == "push" else None,
        "device_hash": b"wallet" if channel == "apple_wallet" else None,
        "serial": key(900) if channel == "google_wallet" else None,
        "state": "queued",
        "not_before": NOON,
        "deliver_by": NOON + timedelta(hours=1),
        "created_at": NOON + timedelta(seconds=number),
    } | more
    moment, offer = (key(100 + number), UUID(int=5)) if "wallet" not in channel else (None, None)
    await db.execute(WRITE, key(number), moment, KIM, offer, channel, *row.values())
    return key(number)


async def lease(db: Connection, *, at: datetime = NOON, limit: int = 100, **more: Any) -> list[Leased]:
    """Lease what waits for APNs, unless said otherwise."""
    wanted = {"channel": "push", "way": "apns", "for_s": FOR_S} | more
    return await outbox.lease(db, limit=limit, now=at, **wanted)


async def row_of(db: Connection, number: int = 1) -> dict[str, Any]:
    """Read a row."""
    row = await db.fetchrow("SELECT * FROM deliveries WHERE bucket = 77 AND id = $1", key(number))
    assert row is not None
    return dict(row)
