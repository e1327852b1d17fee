"""The clock brings occasions to the street: what waits is decided by the same lanes and groups as pings are."""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

import structlog

from server.errors import ConsentRequired, Unauthenticated, Unavailable
from server.pipeline.arrive import Arrivals
from server.pipeline.batch import Batch
from server.store import occasions
from server.store.occasions import Due
from server.store.pool import Pool

_SETTLED = (ConsentRequired, Unauthenticated)
"""There is nobody to decide on for: the group took the rows away."""

_log = structlog.get_logger("kairos.occasions")

AT_ONCE = 500
"""Occasions handed to the lanes together: what one group takes."""


async def knock(pool: Pool, arrivals: Arrivals, *, now: datetime) -> int:
    """Decide all occasions that are due at `now`, and tell how many that were; what failed waits, longer each time."""
    total = 0
    while True:
        async with pool.acquire() as db:
            due = await occasions.due(db, now=now, limit=AT_ONCE)
        if not due:
            return total
        busy, broken = await _decide(arrivals, due)
        for failed in (busy, broken):
            if failed:
                async with pool.acquire() as db:
                    await occasions.postpone(db, failed=failed, now=now, broken=failed is broken)
        total += len(due) - len(busy) - len(broken)
        if len(due) < AT_ONCE or busy:  # a house that is busy is asked again with the next tick
            return total


async def _decide(arrivals: Arrivals, due: list[Due]) -> tuple[list[Due], list[Due]]:
    """Hand occasions to the lanes, a customer's together; give those that came to a busy house, and those that broke."""
    mine: dict[UUID, list[UUID]] = {}
    for each in due:
        mine.setdefault(each.customer_id, []).append(each.id)
    batches = [Batch(customer, None, (), occasions=tuple(ids)) for customer, ids in mine.items()]
    told = await asyncio.gather(*(arrivals.arrive(each) for each in batches), return_exceptions=True)
    busy, broken = set[UUID](), set[UUID]()
    for batch, answer in zip(batches, told, strict=True):
        if isinstance(answer, Unavailable):
            busy.add(batch.customer_id)
        elif isinstance(answer, BaseException) and not isinstance(answer, _SETTLED):
            broken.add(batch.customer_id)
            _log.error("occasion broke", exc_info=answer)
    return (
        [each for each in due if each.customer_id in busy],
        [each for each in due if each.customer_id in broken],
    )
