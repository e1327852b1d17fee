"""Knocks: heard when they are committed, and whoever was away is told to look."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from server.store import states
from server.store.ids import new_id
from server.store.knocks import knock, listen, nudge, nudged
from server.store.pool import Connection, Pool
from tests.store.waits import blocked


@contextlib.asynccontextmanager
async def listening(dsn: str) -> AsyncIterator[asyncio.Queue[str | None]]:
    """Listen while the block lasts."""
    heard: asyncio.Queue[str | None] = asyncio.Queue()
    task = asyncio.create_task(listen(dsn, heard.put_nowait))
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def next_of(heard: asyncio.Queue[str | None]) -> str | None:
    return await asyncio.wait_for(heard.get(), 20)


async def test_who_begins_to_listen_looks_first(db_dsn: str) -> None:
    async with listening(db_dsn) as heard:
        assert await next_of(heard) is None


async def test_a_knock_is_heard_by_everybody_when_it_is_committed(db_dsn: str, db: Connection) -> None:
    async with listening(db_dsn) as one, listening(db_dsn) as other:
        assert [await next_of(one), await next_of(other)] == [None, None]
        async with db.transaction():
            await knock(db, "push")
            await db.execute("SELECT pg_sleep(0.02)")
            assert one.empty()
        assert [await next_of(one), await next_of(other)] == ["push", "push"]


async def test_a_knock_of_a_deed_that_was_undone_is_heard_by_nobody(db_dsn: str, db: Connection) -> None:
    async with listening(db_dsn) as heard:
        assert await next_of(heard) is None
        undone = db.transaction()
        await undone.start()
        await knock(db, "push")
        await undone.rollback()
        await knock(db, "apple_wallet")
        assert await next_of(heard) == "apple_wallet"


async def test_whose_line_was_cut_listens_again_and_looks(db_dsn: str, db: Connection) -> None:
    async with listening(db_dsn) as heard:
        assert await next_of(heard) is None
        await cut(db)
        assert await next_of(heard) is None
        await knock(db, "push")
        assert await next_of(heard) == "push"


async def cut(db: Connection) -> None:
    """End the listener's connection, as a restart of PostgreSQL would."""
    ended = await db.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE application_name = 'kairos outbox listens' AND datname = current_database()"
    )
    assert ended == 1


async def test_only_who_has_a_stream_open_is_nudged(db_dsn: str, db: Connection) -> None:
    here, left, nowhere = new_id(), new_id(), new_id()
    await states.make(db, customers=[here, left, nowhere])
    await states.listen(db, customer_id=here, for_s=40)
    await states.listen(db, customer_id=left, for_s=40)
    await states.listen(db, customer_id=left, for_s=0)
    async with listening(db_dsn) as heard:
        assert await next_of(heard) is None
        await nudge(db, customers=[left, nowhere])
        await nudge(db, customers=[])
        await nudge(db, customers=[nowhere, here])
        await knock(db, "push")
        assert [nudged(await next_of(heard) or ""), await next_of(heard)] == [here, "push"]
    assert nudged("push") is None


async def test_a_stream_that_opens_while_a_moment_is_made_waits_for_it(db_dsn: str, db: Connection, pool: Pool) -> None:
    """The two hold one row: either the moment's transaction sees the stream, or the stream sees the moment."""
    customer = new_id()
    await states.make(db, customers=[customer])
    async with pool.acquire() as phone, db.transaction():
        await states.bump(db, customer_id=customer)
        opening = asyncio.create_task(states.listen(phone, customer_id=customer, for_s=40))
        async with asyncio.timeout(20):
            while not await blocked(db):
                await asyncio.sleep(0.01)
        assert not opening.done()
        await nudge(db, customers=[customer])
    await opening
