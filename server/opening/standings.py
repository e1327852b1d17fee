"""How the outbox stands, for the metrics: counted once in a while by every process, for each is asked by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

from server.errors import KairosError
from server.store import letters
from server.store.pool import Pool
from server.web.metrics import Metrics

LOOK_S = 15.0
"""As often as Prometheus usually asks."""


async def watch(pool: Pool, metrics: Metrics, *, clock: Callable[[], datetime], every_s: float = LOOK_S) -> None:
    """Keep the figures fresh; end by cancellation. While PostgreSQL is away they stay what they were."""
    counts = metrics.gauge("kairos_outbox_deliveries", "Deliveries by way and state, now.", ("way", "state"))
    late = metrics.gauge("kairos_outbox_late_seconds", "How long the one that is due longest has waited.", ("way",))
    while True:
        with contextlib.suppress(KairosError):
            async with pool.acquire() as db:
                found = await letters.standings(db)
            counts.clear()
            late.clear()
            for each in found:
                for state in ("waiting", "sending", "dead"):
                    counts.labels(each.way, state).set(getattr(each, state))
                behind = (clock() - each.due_at).total_seconds() if each.due_at is not None else 0.0
                late.labels(each.way).set(max(0.0, behind))
        await asyncio.sleep(every_s)
