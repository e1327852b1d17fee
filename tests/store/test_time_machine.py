"""A moved clock moves statements and defaults alike, and nothing of it stays behind."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from server.model.customer import Consents
from server.store import customers, logins
from server.store.pool import Connection, connect
from server.store.time_machine import travelling, turn

WEEK = timedelta(days=7)


async def _seconds_back(here: Connection, there: Connection, what: str) -> float:
    told: datetime = await there.fetchval(f"SELECT {what}")
    return (await here.fetchval("SELECT clock_timestamp()") - told).total_seconds()


async def test_the_functions_and_the_defaults_follow_the_dial(db: Connection, db_dsn: str) -> None:
    async with travelling(db_dsn) as dsn, connect(dsn, application_name="test") as past:
        await turn(past, shift=-WEEK)
        for what in ("now()", "clock_timestamp()"):
            assert abs(await _seconds_back(db, past, what) - WEEK.total_seconds()) < 60
        await past.execute("INSERT INTO login_failures (account, network) VALUES ('a', 'b')")
        told = await db.fetchval("SELECT clock_timestamp() - at FROM login_failures")
        assert abs(told - WEEK) < timedelta(minutes=1)


async def test_other_connections_keep_the_true_time(db: Connection, db_dsn: str) -> None:
    async with travelling(db_dsn) as dsn, connect(dsn, application_name="test") as past:
        await turn(past, shift=-WEEK)
        true = await db.fetchval("SELECT pg_catalog.clock_timestamp() - clock_timestamp()")
        assert abs(true) < timedelta(seconds=5)


async def test_nothing_of_the_machine_stays_behind(db: Connection, db_dsn: str) -> None:
    before = await db.fetch(
        "SELECT table_name, column_name, column_default FROM information_schema.columns ORDER BY 1, 2"
    )
    async with travelling(db_dsn) as dsn, connect(dsn, application_name="test") as past:
        await turn(past, shift=-WEEK)
    assert await db.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = 'time_machine'") == 0
    after = await db.fetch(
        "SELECT table_name, column_name, column_default FROM information_schema.columns ORDER BY 1, 2"
    )
    assert before == after
    assert any(row["column_default"] == "now()" for row in after)


async def test_the_dial_can_be_turned_often_both_ways_and_the_last_turn_counts(db: Connection, db_dsn: str) -> None:
    async with travelling(db_dsn) as dsn, connect(dsn, application_name="test") as past:
        for shift in (WEEK, -WEEK, timedelta(0), timedelta(days=-400, microseconds=5)):
            await turn(past, shift=shift)
            told = await _seconds_back(db, past, "clock_timestamp()")
            assert abs(told + shift.total_seconds()) < 60


async def test_the_stores_own_statements_live_by_the_dial(db: Connection, db_dsn: str) -> None:
    async with travelling(db_dsn) as dsn, connect(dsn, application_name="test") as past:
        await turn(past, shift=-WEEK)
        made = await customers.insert(past, external_id="old", locale=None, time_zone=None, attributes={})
        assert made is not None
        await customers.agree(
            past, customer_id=made, consents=Consents(push=True), changed=["push"], terms="v1", source="app"
        )
        for _ in range(10):
            assert await logins.attempt(past, account="a", network="n", failures=10, window_s=900) == 0
        assert await logins.attempt(past, account="a", network="n", failures=10, window_s=900) > 0
        await turn(past, shift=-WEEK + timedelta(minutes=16))
        assert await logins.attempt(past, account="a", network="n", failures=10, window_s=900) == 0
    for what in ("created_at FROM customers", "updated_at FROM customers", "at FROM consents"):
        age = await db.fetchval(f"SELECT clock_timestamp() - {what}")
        assert abs(age - WEEK) < timedelta(minutes=1)


async def test_it_is_taken_apart_also_when_the_journey_fails(db: Connection, db_dsn: str) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with travelling(db_dsn):
            raise ZeroDivisionError
    assert await db.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = 'time_machine'") == 0
    async with travelling(db_dsn):
        assert await db.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = 'time_machine'") == 1
