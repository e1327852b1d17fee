"""The sums of reports made anew from their cells, by the very statements with which a migration made them first."""

from __future__ import annotations

from server.store.migrate import SCHEMA
from server.store.pool import Connection

MADE = (SCHEMA / "0203_pre_sums.sql").read_text("utf-8")
BACKFILL = MADE[MADE.index("CREATE TEMPORARY TABLE cuts") :]


async def sum_up(db: Connection) -> None:
    """Make the sums anew, for cells that a test wrote itself."""
    async with db.transaction():
        await db.execute("LOCK TABLE funnel_cells, lift_cells IN SHARE ROW EXCLUSIVE MODE")  # a house may be at work
        await db.execute("DELETE FROM funnel_sums; DELETE FROM lift_sums")
        await db.execute(BACKFILL)
