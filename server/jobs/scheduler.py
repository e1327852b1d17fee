"""The clock's door: a scheduler in every process, which ticks only where the leader's lock is held.

APScheduler 3 knows nothing of other processes, so each starts it paused; the holder of the lock resumes it. Every job may run
twice, or on two processes for a moment: each is a conditional statement or a delete, so that no effect happens twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from server.errors import KairosError
from server.store.leader import lead

_log = structlog.get_logger("kairos.jobs")

# It warns of each tick that finds the one before still at work; with one run at a time that is no fault, and many ticks a second.
logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)


class Job(NamedTuple):
    """Something to do again and again: its name, the seconds between two starts, and the deed."""

    name: str
    every_s: float
    work: Callable[[], Awaitable[object]]


def guarded(job: Job) -> Callable[[], Awaitable[None]]:
    """Give the job's work with failures written down: the next tick tries again, and the schedule goes on."""

    async def run() -> None:
        try:
            await job.work()
        except asyncio.CancelledError:
            pass  # the process ends: APScheduler would write that down as a job that raised an exception
        except KairosError as error:
            _log.warning("job failed", job=job.name, reason=str(error))
        except Exception:
            _log.exception("job broke", job=job.name)

    return run


def scheduler_for(jobs: Sequence[Job]) -> AsyncIOScheduler:
    """Make a scheduler of the jobs: one run of each at a time, missed ticks made up for by one."""
    scheduler = AsyncIOScheduler(
        timezone="UTC", job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
    )
    for job in jobs:
        scheduler.add_job(
            guarded(job), IntervalTrigger(seconds=job.every_s, timezone="UTC"), id=job.name, name=job.name
        )
    return scheduler


@contextlib.asynccontextmanager
async def ticking(jobs: Sequence[Job], *, dsn: str) -> AsyncIterator[AsyncIOScheduler]:
    """Run the jobs while the block lasts, wherever and whenever this process is the leader."""
    scheduler = scheduler_for(jobs)
    scheduler.start(paused=True)
    leading = asyncio.create_task(lead(dsn, gained=scheduler.resume, lost=scheduler.pause), name="jobs leader")
    try:
        yield scheduler
    finally:
        leading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leading
        scheduler.shutdown(wait=False)
