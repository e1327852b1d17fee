"""Each room's own connections, under a name that PostgreSQL shows, with the settings' limits."""

from __future__ import annotations

import pytest

from server.errors import Unavailable
from server.opening.pools import open_one
from tests.web.serving import settings_with


async def test_a_pool_has_its_name_its_size_and_the_servers_own_limits(db_dsn: str) -> None:
    database = settings_with(database__acquire_timeout_s=0.2, database__lock_timeout_s=0.7).database
    async with await open_one(database, db_dsn, name="kairos outbox", size=1) as pool, pool.acquire() as db:
        assert await db.fetchval("SELECT current_setting('application_name')") == "kairos outbox"
        assert await db.fetchval("SELECT current_setting('lock_timeout')") == "700ms"
        assert await db.fetchval("SELECT current_setting('statement_timeout')") == "2s"
        with pytest.raises(Unavailable):
            async with pool.acquire():
                raise AssertionError("two were lent")


async def test_behind_pgbouncer_the_limits_come_with_each_transaction(db_dsn: str) -> None:
    database = settings_with(database__statement_cache_size=0, database__lock_timeout_s=0.7).database
    async with await open_one(database, db_dsn, name="kairos", size=1) as pool:
        async with pool.acquire() as db:
            assert await db.fetchval("SELECT current_setting('lock_timeout')") == "0"
        async with pool.transaction() as db:
            assert await db.fetchval("SELECT current_setting('lock_timeout')") == "700ms"
