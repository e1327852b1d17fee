"""Facts about pings, beyond their making (server.store.arrivals): withdrawing consent deletes them."""

from __future__ import annotations

from uuid import UUID

from server.model.ids import bucket_of
from server.store.pool import Connection

FORGET = "DELETE FROM pings WHERE bucket = $1 AND customer_id = $2"


async def forget(db: Connection, *, customer_id: UUID) -> None:
    """Delete every fact about the customer's pings."""
    await db.execute(FORGET, bucket_of(customer_id), customer_id)
