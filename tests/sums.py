"""The sums of reports made anew from their cells, by the very statements with which a migration made them first."""

from __future__ import annotations

from datetime import datetime

from server.store.cuts import ORIGIN, SPAN
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


async def sum_up_by_spans(db: Connection, *, start: datetime, end: datetime) -> None:
    """Do so where there are none yet, span by span: of millions of cells each portion is added up in memory.

    No sum is of two spans: all lengths lie within one.
    """
    since = start - (start - ORIGIN) % SPAN
    while since < end:
        await sum_up_between(db, since, since + SPAN)
        since += SPAN


async def sum_up_between(db: Connection, since: datetime, until: datetime) -> None:
    """Make the sums of the cells of whole spans, where there are none yet."""
    of = f"slot >= '{since.isoformat()}' AND slot < '{until.isoformat()}'"
    made = BACKFILL
    for cells in ("funnel_cells", "lift_cells"):
        assert made.count(f"FROM {cells} c ") == 1
        made = made.replace(f"FROM {cells} c ", f"FROM (SELECT * FROM {cells} WHERE {of}) c ")
    async with db.transaction():
        await db.execute(made)
