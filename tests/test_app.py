"""The house opens whole, does its jobs, and closes without leaving anything behind."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from server.app import jobs_of, open_database, open_house, open_pools
from server.errors import Misconfigured, Unavailable
from server.store.pool import Connection
from tests.street.serving import open_street, street_settings

SESSIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND usename LIKE 'kairos%' AND pid <> pg_backend_pid()
"""


async def test_an_open_house_is_ready_and_serves_its_metrics(db_dsn: str, tmp_path: Path) -> None:
    async with open_street(db_dsn, tmp_path) as street:
        assert (await street.call("GET", "/readyz")).status == 200
        port = street.house.metrics_port
        async with street.http.get(f"http://127.0.0.1:{port}/metrics") as response:
            text = await response.text()
        assert "kairos_certificate_end_seconds" in text
        assert 'kairos_database_connections{pool="till"' in text


async def test_a_closed_house_leaves_no_connection_and_no_task(db_dsn: str, tmp_path: Path, db: Connection) -> None:
    before = asyncio.all_tasks()
    async with open_street(db_dsn, tmp_path) as street:
        assert (await street.call("GET", "/v1/limits")).status == 200
        assert await db.fetchval(SESSIONS) > 0
    for _ in range(100):
        if not await db.fetchval(SESSIONS):
            break
        await asyncio.sleep(0.05)
    assert await db.fetchval(SESSIONS) == 0
    left = {task for task in asyncio.all_tasks() - before if not task.done()}
    assert not left


async def test_two_houses_share_one_database(db_dsn: str, tmp_path: Path) -> None:
    async with open_street(db_dsn, tmp_path) as one, open_street(db_dsn, tmp_path) as other:
        await one.key("app")
        other.tokens = one.tokens
        await other.customer()
        one.tokens |= other.tokens
        assert (await one.call("GET", "/v1/me", by="customer")).status == 200


async def test_the_jobs_run_and_do_no_harm_twice(db_dsn: str, tmp_path: Path) -> None:
    async with open_street(db_dsn, tmp_path) as street:
        jobs = jobs_of(street.house.parts)
        assert {job.name for job in jobs} >= {"rollup", "ring timers", "expire moments", "expire passes", "forget"}
        for job in [*jobs, *jobs]:
            await job.work()


async def test_a_database_that_may_lose_data_is_refused(db_dsn: str, tmp_path: Path) -> None:
    admin = await asyncpg.connect(db_dsn)
    try:
        name = await admin.fetchval("SELECT current_database()")
        await admin.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        with pytest.raises(Misconfigured, match="synchronous_commit"):
            async with open_database(street_settings(db_dsn, tmp_path)):
                raise AssertionError("it opened")
    finally:
        await admin.close()


async def test_a_house_whose_clock_is_moved_decides_by_it(db_dsn: str, tmp_path: Path, db: Connection) -> None:
    async with open_street(db_dsn, tmp_path, clock_shift_s=-86400.0) as street:
        true = await db.fetchval("SELECT clock_timestamp()")
        assert abs(true - street.house.parts.clock.now() - timedelta(days=1)) < timedelta(seconds=30)


async def test_a_port_that_is_taken_is_told_before_anything_is_opened(db_dsn: str, tmp_path: Path) -> None:
    async with open_street(db_dsn, tmp_path) as street:
        port = int(street.url.rpartition(":")[2])
        with pytest.raises(Misconfigured, match=r"server\.port"):
            async with open_house(street_settings(db_dsn, tmp_path, server__port=port)):
                raise AssertionError("it opened")


async def test_the_pools_are_the_settings_own(db_dsn: str, tmp_path: Path) -> None:
    settings = street_settings(db_dsn, tmp_path, database__till_pool_size=1, database__acquire_timeout_s=0.2)
    house, till = await open_pools(settings, db_dsn)
    async with house, till, till.acquire():
        with pytest.raises(Unavailable):
            async with till.acquire():
                raise AssertionError("two were lent")
        async with house.acquire() as db:
            assert await db.fetchval("SELECT 1") == 1
