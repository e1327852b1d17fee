"""Facts about pings, and the visits they made, beyond their making (server.store.arrivals): withdrawing consent deletes them."""

from __future__ import annotations

from uuid import UUID

from server.model.ids import bucket_of
from server.store.pool import Connection

FORGET = """
WITH visited AS (DELETE FROM visits WHERE bucket = $1 AND customer_id = $2)
DELETE FROM pings WHERE bucket = $1 AND customer_id = $2
"""


async def forget(db: Connection, *, customer_id: UUID) -> None:
    """Delete every fact about the customer's pings, and where they came in."""
    await db.execute(FORGET, bucket_of(customer_id), customer_id)
