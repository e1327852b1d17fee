"""What comes back is like new, or is thrown away."""

from __future__ import annotations

import asyncpg
import pytest

from server.store.embedded import Embedded
from server.store.pool import Connection
from tests import databases
from tests.databases import lent

NAMES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"


async def everything(db: Connection) -> dict[str, list[str]]:
    """Every row of every table as text."""
    tables = [row["relname"] for row in await db.fetch(NAMES)]
    return {table: [row[0] for row in await db.fetch(f"SELECT t::text FROM {table} t")] for table in tables}


async def name_and_rows(dsn: str) -> tuple[str, dict[str, list[str]]]:
    db = await asyncpg.connect(dsn)
    try:
        return dsn, await everything(db)
    finally:
        await db.close()


@pytest.fixture
def one_free(monkeypatch: pytest.MonkeyPatch) -> list[databases.Database]:
    """Only those that this test made are lent to it."""
    free: list[databases.Database] = []
    monkeypatch.setattr(databases, "_free", free)
    return free


async def test_rows_changed_rows_and_whoever_holds_them_are_gone_when_it_is_lent_again(
    cluster: Embedded, template: str, one_free: list[databases.Database]
) -> None:
    async with lent(cluster, template) as first:
        _, new = await name_and_rows(first)
        db = await asyncpg.connect(first)
        await db.execute(
            "INSERT INTO users (id, email, name, roles, password_hash)"
            " VALUES (gen_random_uuid(), 'a@b.example', 'A', '{admin}', 'x')"
        )
        await db.execute("UPDATE ruleset_epoch SET epoch = 7; DELETE FROM programme")
        await db.execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
    async with lent(cluster, template) as second:
        assert await name_and_rows(second) == (first, new)
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
        await db.execute("COMMIT")
    db.terminate()
    await databases.close(cluster)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE users ADD COLUMN colour text",
        "ALTER TABLE users ALTER COLUMN name DROP NOT NULL",
        "ALTER TABLE users ADD CONSTRAINT short CHECK (length(name) < 9)",
        "DROP TRIGGER audit_append_only ON audit",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE TABLE mine (id int)",
        "DROP TABLE addresses",
        "GRANT DELETE ON audit TO kairos_app",
        "CREATE SCHEMA mine",
        "DELETE FROM migrations",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$",
        "ANALYZE",
    ],
)
async def test_one_whose_shape_has_changed_is_not_lent_again(
    cluster: Embedded, template: str, one_free: list[databases.Database], change: str
) -> None:
    async with lent(cluster, template) as dsn:
        db = await asyncpg.connect(dsn)
        await db.execute(change)
        await db.close()
    assert one_free == []
