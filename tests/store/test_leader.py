"""One leader among all: nobody leads beside another, and a leader whose connection dies is replaced."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from server.store.leader import lead, try_lock
from server.store.pool import connect


class Candidate:
    """Somebody who strives for the lead, and notes when it gains and loses it."""

    def __init__(self, dsn: str) -> None:
        self.events: list[str] = []
        self.gained, self.lost = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(lead(dsn, gained=self._gain, lost=self._lose))

    def _gain(self) -> None:
        self.events.append("gained")
        self.lost.clear()
        self.gained.set()

    def _lose(self) -> None:
        self.events.append("lost")
        self.gained.clear()
        self.lost.set()

    async def stop(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


@contextlib.asynccontextmanager
async def candidate(dsn: str) -> AsyncIterator[Candidate]:
    """A candidate while the block lasts."""
    one = Candidate(dsn)
    try:
        yield one
    finally:
        await one.stop()


async def cut_leader(dsn: str) -> None:
    """End the connection that holds the lock, as a crash of its process would."""
    db = await asyncpg.connect(dsn)
    try:
        while not await db.fetchval(
            "SELECT bool_or(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ):
            await asyncio.sleep(0.05)
    finally:
        await db.close()


async def test_the_lock_is_held_by_one_connection_until_it_ends(db_dsn: str) -> None:
    async with connect(db_dsn, application_name="tests") as second:
        async with connect(db_dsn, application_name="tests") as first:
            assert await try_lock(first)
            assert not await try_lock(second)
        while not await try_lock(second):
            await asyncio.sleep(0.01)


async def test_whoever_comes_first_leads_and_the_second_waits_until_the_first_is_gone(db_dsn: str) -> None:
    async with candidate(db_dsn) as first:
        await asyncio.wait_for(first.gained.wait(), 20)
        async with candidate(db_dsn) as second:
            await asyncio.sleep(1.5)  # longer than it takes to ask again
            assert (first.events, second.events) == (["gained"], [])
            await first.stop()
            await asyncio.wait_for(second.gained.wait(), 20)
            assert first.events == ["gained", "lost"]
        assert second.events == ["gained", "lost"]


async def test_a_leader_that_is_cut_off_steps_down_and_somebody_leads_again(db_dsn: str) -> None:
    async with candidate(db_dsn) as one:
        await asyncio.wait_for(one.gained.wait(), 20)
        await cut_leader(db_dsn)
        await asyncio.wait_for(one.lost.wait(), 20)
        await asyncio.wait_for(one.gained.wait(), 20)
        assert one.events == ["gained", "lost", "gained"]


async def test_nobody_leads_while_the_database_is_away_and_striving_goes_on() -> None:
    async with candidate("postgresql://nobody:x@127.0.0.1:1/none") as one:
        done, _ = await asyncio.wait({one.task}, timeout=1.5)
        assert not done
        assert one.events == []


async def test_a_leader_whose_farewell_fails_is_still_ended_by_cancellation(db_dsn: str) -> None:
    leading = asyncio.Event()

    def fail() -> None:
        raise ZeroDivisionError

    task = asyncio.create_task(lead(db_dsn, gained=leading.set, lost=fail))
    await asyncio.wait_for(leading.wait(), 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_whoever_cannot_begin_to_lead_tries_again(db_dsn: str) -> None:
    tries, led = 0, asyncio.Event()

    def gained() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError("a bug")
        led.set()

    leading = asyncio.create_task(lead(db_dsn, gained=gained, lost=lambda: None))
    async with asyncio.timeout(30):
        await led.wait()
    leading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await leading
    assert tries == 2
