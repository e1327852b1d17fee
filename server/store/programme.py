"""The programme's switch: one row, counted with the rules, that every process asks before it chooses an offer."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from server.store.pool import Connection


class Switch(NamedTuple):
    """Whether the programme is paused, why, and who said so when (None: nobody ever did)."""

    paused: bool
    reason: str
    changed_by: str | None
    changed_at: datetime | None


FIND = "SELECT paused, reason, changed_by, changed_at FROM programme"


async def find(db: Connection) -> Switch:
    """Read how the switch stands."""
    row = await db.fetchrow(FIND)
    if row is None:
        raise LookupError("the programme has lost its row")
    return Switch(*row)


THROW = """
UPDATE programme SET paused = $1, reason = $2, changed_by = $3, changed_at = clock_timestamp()
RETURNING paused, reason, changed_by, changed_at
"""


async def throw(db: Connection, *, paused: bool, reason: str, by: str) -> Switch:
    """Set the switch; who counts the rules' number first is followed by every process."""
    row = await db.fetchrow(THROW, paused, reason, by)
    if row is None:
        raise LookupError("the programme has lost its row")
    return Switch(*row)
