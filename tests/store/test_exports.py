"""Rows through a cursor: in order, within a range, and no more exports at once than there are slots."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from server.store import exports
from server.store.pool import Connection, Pool
from tests import lives
from tests.lives import MORNING, row

EVER = {"start": datetime(2000, 1, 1, tzinfo=UTC), "end": datetime(2090, 1, 1, tzinfo=UTC)}


async def read(pool: Pool, type_: exports.Type, **span: Any) -> list[dict[str, Any]]:
    async with pool.transaction(isolation="repeatable_read", readonly=True) as db:
        return [each async for each in exports.rows(db, type_=type_, **(EVER | span), patience_s=60)]


@pytest.mark.parametrize("type_", list(exports.EXPORT))
async def test_each_type_reads_and_counts(db: Connection, pool: Pool, type_: exports.Type) -> None:
    assert await read(pool, type_) == []
    assert await exports.is_within(db, type_=type_, **EVER, most=0)


async def test_rows_come_in_the_order_of_time_and_half_open(db: Connection, pool: Pool) -> None:
    await lives.decide(db, *(row(number, at=MORNING + timedelta(minutes=5 - number)) for number in range(5)))
    told = await read(pool, "deliveries", start=MORNING + timedelta(minutes=2), end=MORNING + timedelta(minutes=5))
    assert [each["customer_id"] for each in told] == [lives.customer(number) for number in (3, 2, 1)]


async def test_a_snapshot_does_not_see_what_comes_meanwhile(db: Connection, pool: Pool) -> None:
    await lives.decide(db, row(1))
    async with pool.transaction(isolation="repeatable_read", readonly=True) as reader:
        assert await exports.is_within(reader, type_="deliveries", **EVER, most=5)
        await lives.decide(db, row(2))
        assert len([each async for each in exports.rows(reader, type_="deliveries", **EVER, patience_s=60)]) == 1


async def test_the_limit_counts_rows_of_the_range_alone(db: Connection) -> None:
    await lives.decide(db, *(row(number, at=MORNING + timedelta(hours=number)) for number in range(4)))
    assert not await exports.is_within(db, type_="deliveries", **EVER, most=3)
    assert await exports.is_within(db, type_="deliveries", **EVER, most=4)
    short = EVER | {"end": MORNING + timedelta(hours=2)}
    assert await exports.is_within(db, type_="deliveries", **short, most=2)


async def test_slots_are_taken_and_given_back_with_the_transaction(pool: Pool) -> None:
    async with pool.transaction() as one, pool.transaction() as two, pool.transaction() as three:
        assert await exports.take_slot(one)
        assert await exports.take_slot(two)
        assert not await exports.take_slot(three)
    async with pool.transaction() as four:
        assert await exports.take_slot(four)


async def test_a_reader_may_rest_only_so_long_and_nobody_else_is_changed(db_dsn: str, pool: Pool) -> None:
    own = await asyncpg.connect(db_dsn)
    try:
        before = await own.fetchval("SHOW idle_in_transaction_session_timeout")
        async with own.transaction(readonly=True):
            assert [each async for each in exports.rows(own, type_="pings", **EVER, patience_s=60)] == []
            assert await own.fetchval("SHOW idle_in_transaction_session_timeout") == "1min"
        assert await own.fetchval("SHOW idle_in_transaction_session_timeout") == before
    finally:
        await own.close()
