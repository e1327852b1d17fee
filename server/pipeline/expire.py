"""What the clock ends: moments that nobody saw or took in time, and the dwell times that a resting phone completes."""

from __future__ import annotations

from datetime import datetime

from server.pipeline.arrive import Arrivals
from server.store import expiry, states
from server.store.pool import Pool

_AT_ONCE = 500
"""Rows of one transaction: some tens of milliseconds in which their budgets are held."""


async def expire(pool: Pool, *, now: datetime) -> int:
    """End all moments whose time is over at `now` (the database's), give back what they reserved, and tell how many."""
    total = 0
    while True:
        ended = await pool.attempt(lambda db: expiry.end(db, now=now, limit=_AT_ONCE))
        total += ended
        if ended < _AT_ONCE:
            return total


async def ring(pool: Pool, arrivals: Arrivals, *, now: datetime) -> int:
    """Ring the dwell timers that are due at `now`, and tell how many customers that were."""
    async with pool.acquire() as db:
        due = await states.due(db, now=now, limit=_AT_ONCE)
    await arrivals.ring(due)
    return len(due)
