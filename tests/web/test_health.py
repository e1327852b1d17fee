"""Alive is one thing, ready another."""

from __future__ import annotations

from datetime import timedelta

from server.store.clock import DatabaseClock
from server.store.pool import Pool
from server.wallet.watch import Fixed, Life, Watch
from server.web.access import ACCESS
from server.web.doors import all_doors
from server.web.parts import PARTS
from tests.web.house import Loaded, housed
from tests.web.serving import away, serving, settings_with


async def test_a_house_with_database_migrations_and_rules_is_ready(pool: Pool) -> None:
    async with housed(pool) as house:
        assert (await house.served.call("GET", "/healthz")).json == {"status": "ok"}
        ready = await house.served.call("GET", "/readyz")
        assert ready.status == 200
        whole = {"database": True, "migrations": True, "rules": True, "stopping": False, "warnings": []}
        assert ready.json == {"status": "ready", **whole}


async def test_rules_that_are_not_loaded_are_not_ready(pool: Pool) -> None:
    async with housed(pool, rules=Loaded(False)) as house:
        answered = await house.served.call("GET", "/readyz")
        assert answered.status == 503
        assert answered.headers["Retry-After"] == "1"
        assert answered.json["code"] == "not_ready"
        assert (answered.json["rules"], answered.json["database"]) == (False, True)


async def test_a_database_that_misses_a_migration_is_not_ready(pool: Pool) -> None:
    async with pool.acquire() as db:
        await db.execute("DELETE FROM migrations WHERE name = '0010_pre_audit_head'")
    async with housed(pool) as house:
        answered = await house.served.call("GET", "/readyz")
        assert (answered.status, answered.json["migrations"], answered.json["database"]) == (503, False, True)


async def test_a_database_that_is_away_is_not_ready_and_the_process_is_alive() -> None:
    async with (
        await away() as pool,
        serving(all_doors(("health",)), settings_with(), pool, table=ACCESS, rules=Loaded()) as served,
    ):
        assert (await served.call("GET", "/healthz")).status == 200
        answered = await served.call("GET", "/readyz")
        assert (answered.status, answered.json["database"], answered.json["migrations"]) == (503, False, False)


async def test_a_house_that_is_stopping_is_not_ready(pool: Pool) -> None:
    async with housed(pool) as house:
        house.served.app[PARTS].stopping.set()
        answered = await house.served.call("GET", "/readyz")
        assert (answered.status, answered.json["stopping"]) == (503, True)


async def test_a_certificate_that_ends_is_a_warning_and_the_house_is_ready(pool: Pool) -> None:
    clock = DatabaseClock()
    async with pool.acquire() as db:
        yesterday = await clock.sync(db) - timedelta(days=1)
    watch = Watch(Fixed(Life("certificate", yesterday - timedelta(days=9), yesterday), warn=timedelta(0)))
    doors, settings = all_doors(("health",)), settings_with()
    async with serving(doors, settings, pool, table=ACCESS, rules=Loaded(), clock=clock, watch=watch) as served:
        answered = await served.call("GET", "/readyz")
    assert (answered.status, answered.json["status"]) == (200, "ready")
    (warning,) = answered.json["warnings"]
    assert warning.startswith(f"The pass type certificate ended on {yesterday:%Y-%m-%d}: no pass can be signed")
