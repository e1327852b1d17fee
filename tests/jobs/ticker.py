"""A process of its own with the jobs of occasions, as `kairos serve` has them: `python -m tests.jobs.ticker DSN`.

Each look of its leader leaves a row in the test's table `ticks`.
"""

from __future__ import annotations

import asyncio
import os
import sys

from server.jobs.scheduler import Job, ticking
from server.pipeline.occasions.knock import knock
from server.pipeline.occasions.spread import spread
from tests.pipeline.town import street


async def tick(dsn: str) -> None:
    """Tick for ever."""
    async with street(dsn, size=3, limits__group_fixes="20") as process:
        await process.now()

        async def leave_a_row() -> None:
            async with process.pool.acquire() as db:
                await db.execute("INSERT INTO ticks (pid) VALUES ($1)", os.getpid())

        jobs = [
            Job("tick", 0.05, leave_a_row),
            Job("spread", 0.05, lambda: spread(process.pool, process.rules, now=process.clock.now)),
            Job("decide", 0.05, lambda: knock(process.pool, process.arrivals, now=process.clock.now())),
        ]
        async with ticking(jobs, dsn=dsn):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(tick(sys.argv[1]))
