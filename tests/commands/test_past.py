"""The worker: a process of its own that takes what waits, says why it could not, and is followed when it is killed."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import psutil
import pytest

from server.commands.past import NICE, work
from server.pipeline.workshop import Orders, Workshop
from server.store import replays
from server.store.ids import new_id
from server.store.pool import Connection
from server.store.replays import ReplayRow
from tests.pipeline.town import SENT, Town, document, settings

PATIENCE_S = 30
HOUSE = settings(privacy__min_group="2", replay__memory_mb="512")  # as little as may be set


async def asked(db: Connection, offer: UUID) -> UUID:
    row = await replays.ask(
        db,
        id=new_id(),
        offer_id=offer,
        version=1,
        start=SENT,
        end=SENT + timedelta(days=1),
        asked_by="test",
        most=9,
    )
    assert row is not None
    return row.id


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await look()):
            await asyncio.sleep(0.05)
    return found


async def lived(town: Town) -> UUID:
    """Two customers who once stood in a shop, and the offer that they would have had."""
    shop, offer = await town.open_shop(), await town.publish()
    for customer in await town.customers(2):
        await town.rows(
            "INSERT INTO pings (bucket, customer_id, id, at, received_at, cell, trace)"
            " VALUES ($1, $2, gen_random_uuid(), $3, $3, '52.52,13.40', $4)",
            customer.int & 1023,
            customer,
            SENT + timedelta(hours=1),
            json.dumps({"fences": [{"id": str(shop.fence), "p": 100}], "foreground": True}),
        )
    return offer


@pytest.fixture
async def town(pool: Any) -> Town:
    """An empty town."""
    return Town(pool)


async def test_a_worker_that_is_killed_is_followed_by_one_that_ends_its_work(
    town: Town, db: Connection, db_dsn: str
) -> None:
    offer = await lived(town)
    workshop = Workshop(town.pool, settings=HOUSE, dsn=db_dsn)
    replay = await asked(db, offer)

    async def state(*wanted: str) -> ReplayRow | None:
        row = await replays.find(db, replay_id=replay)
        return row if row is not None and row.state in wanted else None

    async with db.transaction():
        await db.execute("LOCK TABLE pings IN ACCESS EXCLUSIVE MODE")  # where the worker reads, it waits
        workshop.wake()
        await until(lambda: state("running"))
        [worker] = [each for each in psutil.Process().children() if "server.commands.past" in each.cmdline()]
        assert worker.nice() == min(19, psutil.Process().nice() + NICE)
        assert worker.rlimit(psutil.RLIMIT_AS) == (HOUSE.replay.memory_mb * 2**20,) * 2
        assert db_dsn not in " ".join(worker.cmdline())
        worker.send_signal(signal.SIGKILL)
        await until(lambda: asyncio.sleep(0, not worker.is_running()))
    assert await state("running") is not None
    await workshop.look()
    assert not [each for each in psutil.Process().children() if "server.commands.past" in each.cmdline()]
    await db.execute("UPDATE replays SET beat_at = now() - interval '1 minute'")
    await workshop.look()
    row = await until(lambda: state("done", "failed"))
    assert (row.state, row.result["moments"], row.result["customers"]) == ("done", 2, 2)
    await workshop.close()
    workshop.wake()
    assert await db.fetchval("SELECT attempts FROM replays") == 2


async def test_the_one_worker_does_all_that_waits_and_says_why_where_it_cannot(
    town: Town, db: Connection, db_dsn: str
) -> None:
    offer = await lived(town)
    by_event = await town.publish(
        document("event", when={"trigger": "event", "event": "purchase", "places": {"any": True}})
    )
    ids = [await asked(db, each) for each in (offer, by_event, offer)]
    await replays.cancel(db, replay_id=ids[2])
    before = resource.getrlimit(resource.RLIMIT_AS)
    await asyncio.gather(work(Orders(db_dsn, HOUSE)), work(Orders(db_dsn, HOUSE)))
    found = [await replays.find(db, replay_id=each) for each in ids]
    assert [row.state for row in found if row is not None] == ["done", "failed", "cancelled"]
    assert found[1] is not None
    assert found[1].reason is not None
    assert "when.trigger no fix sets this off" in found[1].reason
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    rows = await db.fetch("SELECT attempts FROM replays ORDER BY created_at")
    assert [row["attempts"] for row in rows] == [1, 1, 0]
