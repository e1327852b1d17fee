"""The number of the rules: numbers commit in order, so that whoever saw one never misses a smaller one."""

from __future__ import annotations

import asyncio

from server.store import epoch, ruleset
from server.store.pool import Connection, Pool


async def test_each_change_counts_one_up(db: Connection) -> None:
    assert [await epoch.bump(db) for _ in range(3)] == [1, 2, 3]
    assert await ruleset.epoch(db) == 3


async def test_a_change_that_is_rolled_back_was_none(db: Connection) -> None:
    turn = db.transaction()
    await turn.start()
    assert await epoch.bump(db) == 1
    await turn.rollback()
    assert await epoch.bump(db) == 1


async def test_a_second_change_waits_for_the_first_and_is_seen_after_it(pool: Pool) -> None:
    seen: list[int] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with pool.transaction() as db:
            seen.append(await epoch.bump(db))
            begun.set()
            await go_on.wait()

    async def second() -> None:
        await begun.wait()
        async with pool.transaction() as db:
            seen.append(await epoch.bump(db))

    tasks = [asyncio.create_task(work()) for work in (first, second)]
    await begun.wait()
    async with pool.acquire() as db:
        while not await db.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)
        assert await ruleset.epoch(db) == 0
    assert seen == [1]
    go_on.set()
    await asyncio.gather(*tasks)
    assert seen == [1, 2]


async def test_fifty_at_once_get_fifty_numbers(pool: Pool) -> None:
    async def change() -> int:
        async with pool.transaction() as db:
            return await epoch.bump(db)

    in_turn = asyncio.Semaphore(8)

    async def one() -> int:
        async with in_turn:
            return await change()

    assert sorted(await asyncio.gather(*(one() for _ in range(50)))) == list(range(1, 51))
