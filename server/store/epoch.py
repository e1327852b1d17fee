"""The number of the rules in force: every change of an offer, a place or a segment counts it up in its own transaction.

Processes ask for it and load what changed; since the row is locked until the change is committed, a number that was seen
never has a smaller one still to come.
"""

from __future__ import annotations

from server.store.pool import Connection

BUMP = "UPDATE ruleset_epoch SET epoch = epoch + 1 RETURNING epoch"


async def bump(db: Connection) -> int:
    """Count a change, and give its number; call it first in the transaction, so that numbers commit in order."""
    return int(await db.fetchval(BUMP))
