"""Knocks: heard when they are committed, and whoever was away is told to look."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from server.store.knocks import knock, listen
from server.store.pool import Connection


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
