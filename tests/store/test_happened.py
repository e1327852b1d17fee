"""Today's figures are sums by when things happened, each counted once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from server.store import funnel, happened
from server.store.happened import Happened
from server.store.pool import Connection, Pool
from tests import lives
from tests.lives import row

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def now_of(db: Connection) -> datetime:
    found: datetime = await db.fetchval("SELECT clock_timestamp()")
    return found


async def test_what_happens_is_counted_when_it_happens_and_not_when_its_moment_was_decided(
    db: Connection, pool: Pool
) -> None:
    for number in range(3):
        moment = row(number)  # decided on a day of its own
        await lives.decide(db, moment)
        await lives.told(db, moment, "delivered", "opened")
        if number:
            await lives.redeem(db, await lives.accept(db, moment))
    await lives.decide(db, row(9, held_out=True))
    await funnel.roll(pool)
    now = await now_of(db)
    assert await happened.since(db, start=now - timedelta(hours=1), end=now) == Happened(0, 3, 3, 2, 2)
    assert await happened.since(db, start=now + timedelta(hours=1), end=now + timedelta(hours=2)) == Happened()


async def test_a_reversal_takes_back_where_its_redemption_was(db: Connection, pool: Pool) -> None:
    moment = row()
    await lives.decide(db, moment)
    redemption = await lives.redeem(db, await lives.accept(db, moment))
    await funnel.roll(pool)
    yesterday = datetime(2026, 11, 1, 12, tzinfo=UTC)
    # As if it had been redeemed yesterday: the ledger itself cannot be changed, by anybody.
    await db.execute("ALTER TABLE redemptions DISABLE TRIGGER USER")
    await db.execute("UPDATE redemptions SET redeemed_at = $1", yesterday)
    await db.execute("UPDATE happened_cells SET slot = $1 WHERE what = 'redemptions'", yesterday)
    await lives.reverse(db, redemption)
    await funnel.roll(pool)
    cells = await db.fetch("SELECT slot, count FROM happened_cells WHERE what = 'redemptions'")
    assert [tuple(each) for each in cells] == [(yesterday, 0)]


async def test_pings_are_moved_once_by_however_many_consumers(db: Connection, pool: Pool) -> None:
    slots = [datetime(2026, 11, 3, 8, 15 * (each % 3), tzinfo=UTC) for each in range(300)]
    await db.execute("INSERT INTO ping_facts (slot, pings) SELECT unnest($1::timestamptz[]), 7", slots)
    moved = await asyncio.gather(*(happened.move(pool, facts=11) for _ in range(4)))
    assert sum(moved) + await happened.move(pool) == 300
    assert (await happened.since(db, start=LONG_AGO, end=slots[-1])).pings == 2100
    assert (await happened.since(db, start=slots[1], end=slots[1])).pings == 700
    assert await db.fetchval("SELECT count(*) FROM ping_facts") == 0
