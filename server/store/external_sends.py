"""Messages that other systems sent to a customer, each once by the sender's own id."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.store.pool import Connection


class Send(NamedTuple):
    """One message: by which way, in which pressure class, and when it went out."""

    id: str
    channel: str
    pressure: str
    at: datetime


INSERT = """
INSERT INTO external_sends (bucket, customer_id, id, channel, pressure, at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING true
"""


async def insert(db: Connection, *, customer_id: UUID, send: Send) -> bool:
    """Keep a message, and tell whether it is new: one of this id may have been told of before."""
    return bool(await db.fetchval(INSERT, bucket_of(customer_id), customer_id, *send))


FIND = "SELECT id, channel, pressure, at FROM external_sends WHERE bucket = $1 AND customer_id = $2 AND id = $3"


async def find(db: Connection, *, customer_id: UUID, id_: str) -> Send | None:
    """Find a customer's message by the sender's id."""
    row = await db.fetchrow(FIND, bucket_of(customer_id), customer_id, id_)
    return Send(*row) if row is not None else None
