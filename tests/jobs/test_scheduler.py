"""Jobs tick in one process at a time, whatever happens to the leader."""

from __future__ import annotations

import asyncio
import logging

import pytest

from server.errors import Unavailable
from server.jobs.scheduler import Job, guarded, scheduler_for, ticking
from server.store.pool import Connection


async def _until(holds, *, tries: int = 200) -> bool:
    for _ in range(tries):
        if holds():
            return True
        await asyncio.sleep(0.05)
    return holds()


async def test_jobs_tick_only_where_the_lock_is_held(db_dsn: str) -> None:
    first, second = [], []

    async def work_first() -> None:
        first.append(1)

    async def work_second() -> None:
        second.append(1)

    async with ticking([Job("work", 0.05, work_first)], dsn=db_dsn):
        assert await _until(lambda: len(first) >= 3)
        async with ticking([Job("work", 0.05, work_second)], dsn=db_dsn):
            await asyncio.sleep(0.5)
            assert not second


async def test_another_process_takes_over_when_the_leader_is_cut_off(db_dsn: str, db: Connection) -> None:
    ran: list[str] = []

    def job(name: str) -> Job:
        async def work() -> None:
            ran.append(name)

        return Job("work", 0.05, work)

    async with ticking([job("a")], dsn=db_dsn):
        assert await _until(lambda: "a" in ran)
        async with ticking([job("b")], dsn=db_dsn):
            await asyncio.sleep(1.2)  # b now asks for the lock once a second
            for _ in range(20):
                if "b" in ran:
                    break
                await db.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                )
                await _until(lambda: "b" in ran, tries=30)
            assert "b" in ran


async def test_a_job_that_fails_is_tried_again_at_the_next_tick() -> None:
    calls: list[int] = []

    async def work() -> None:
        calls.append(1)
        raise Unavailable

    run = guarded(Job("work", 1, work))
    await run()
    await run()
    assert len(calls) == 2


async def test_a_job_that_breaks_does_not_end_the_schedule() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    assert await guarded(Job("work", 1, work))() is None


async def test_each_job_runs_once_at_a_time_and_makes_up_for_missed_ticks_by_one() -> None:
    async def work() -> None: ...

    scheduler = scheduler_for([Job("one", 1, work), Job("two", 2, work)])
    scheduler.start(paused=True)
    try:
        jobs = scheduler.get_jobs()
        assert {job.id for job in jobs} == {"one", "two"}
        assert all(job.max_instances == 1 and job.coalesce for job in jobs)
    finally:
        scheduler.shutdown(wait=False)


async def test_a_tick_that_finds_the_one_before_at_work_and_an_end_in_the_middle_are_no_news(
    db_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    ticks: list[int] = []

    async def work() -> None:
        ticks.append(1)
        await asyncio.Event().wait()

    async def other() -> None:
        ticks.append(2)

    async with ticking([Job("long", 0.02, work), Job("short", 0.02, other)], dsn=db_dsn):
        assert await _until(lambda: ticks.count(2) >= 5)  # the long one would have had its turn as often
        running = [each for each in asyncio.all_tasks() if each.get_coro().__name__ == "run_coroutine_job"]
    for each in running:
        each.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert ticks.count(1) == 1
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING] == []
