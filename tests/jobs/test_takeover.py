"""Three processes, and their leader killed in the middle of its work: another goes on, and no effect happens twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from server.store.pool import Connection, Pool
from tests.house.tree import ROOT
from tests.pipeline.occasions.test_spread import _fire
from tests.pipeline.occasions.test_timetable import scheduled
from tests.pipeline.town import Town

CUSTOMERS = 400
TAKEN_OVER_S = 5.0
"""So long a killed leader may be missed."""


async def _until(holds: Callable[[], Awaitable[bool]], *, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.01)


async def _start(stack: AsyncExitStack, dsn: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.jobs.ticker", dsn, cwd=ROOT)

    async def end() -> None:
        if process.returncode is None:
            process.kill()
        await process.wait()

    stack.push_async_callback(end)
    return process


async def test_a_killed_leader_is_followed_by_another_and_nothing_happens_twice(
    pool: Pool, db_dsn: str, db: Connection
) -> None:
    town = Town(pool)
    offer = await town.publish(scheduled(cron="0 7 * * *", tz="Europe/Berlin"))
    await town.customers(CUSTOMERS)
    await db.execute("CREATE TABLE ticks (pid integer, at timestamptz DEFAULT clock_timestamp())")

    async def moments() -> int:
        return int(await db.fetchval("SELECT count(*) FROM moments"))

    async with AsyncExitStack() as stack:
        started = await asyncio.gather(*(_start(stack, db_dsn) for _ in range(3)))
        await _until(lambda: _leads(db, set()), seconds=60)
        led = set[int]()
        for firing in (1, 2):
            before = await moments()
            await _fire(town, offer)
            await _until(lambda: _more(moments, before), seconds=30)  # noqa: B023  awaited here
            leader = await db.fetchval("SELECT pid FROM ticks ORDER BY at DESC LIMIT 1")
            assert leader in {each.pid for each in started} - led
            os.kill(leader, signal.SIGKILL)
            led.add(leader)
            await _until(lambda: _leads(db, led), seconds=TAKEN_OVER_S)
            await _until(lambda: _are(moments, firing * CUSTOMERS), seconds=30)  # noqa: B023  awaited here
            assert await db.fetchval("SELECT count(*) FROM occasions") == 0
    assert await db.fetchval("SELECT count(DISTINCT customer_id) FROM moments") == CUSTOMERS
    assert await db.fetchval("SELECT sum(json_array_length(state->'shown')) FROM customer_state") == 2 * CUSTOMERS
    assert await db.fetchval("SELECT count(*) FROM firings WHERE next_chunk = 1024") == 2
    assert await db.fetchval(OVERLAPS) == 0


OVERLAPS = """
WITH reigns AS (SELECT pid, min(at) AS first, max(at) AS last FROM ticks GROUP BY pid)
SELECT count(*) FROM reigns a JOIN reigns b ON a.pid <> b.pid AND a.first <= b.last AND b.first <= a.last
"""


async def _leads(db: Connection, led: set[int]) -> bool:
    """Tell whether somebody leads who has not before."""
    return bool(await db.fetchval("SELECT EXISTS (SELECT FROM ticks WHERE NOT pid = ANY ($1::integer[]))", list(led)))


async def _more(count: Callable[[], Awaitable[int]], than: int) -> bool:
    return await count() > than


async def _are(count: Callable[[], Awaitable[int]], expected: int) -> bool:
    found = await count()
    if found > expected:
        pytest.fail(f"{found} moments where {expected} were due")
    return found == expected
