"""A message counts once for its key, when its transaction does."""

from __future__ import annotations

import asyncio
from uuid import UUID

from server.store.pool import Connection, Pool
from server.store.signed_messages import Message, spend

ONE = Message(UUID(int=1), b"hash of an id")


async def test_a_message_counts_once_and_each_key_has_messages_of_its_own(undone: Connection) -> None:
    assert await spend(undone, ONE)
    assert not await spend(undone, ONE)
    assert await spend(undone, ONE._replace(key_id=UUID(int=2)))
    assert await spend(undone, ONE._replace(id_hash=b"another"))


async def test_what_is_undone_has_not_counted(cleared: Pool) -> None:
    for _ in range(2):
        async with cleared.acquire() as db:
            undone = db.transaction()
            await undone.start()
            assert await spend(db, ONE)
            await undone.rollback()


async def test_who_comes_second_waits_for_whoever_is_about_to_do_it(cleared: Pool) -> None:
    async with cleared.acquire() as second:
        async with cleared.transaction() as first:
            assert await spend(first, ONE._replace(id_hash=b"waited for"))
            waiting = asyncio.create_task(spend(second, ONE._replace(id_hash=b"waited for")))
            while not await first.fetchval(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock')"
            ):
                assert not waiting.done()
                await asyncio.sleep(0.01)
        assert not await waiting
