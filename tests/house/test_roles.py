"""What each role of the database may do: ledgers are closed to everybody, and the app has rows and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from server.store.embedded import Embedded
from server.store.pool import Connection, Pool
from tests.house.test_schema import LEDGERS

WRITES = {
    "UPDATE": "UPDATE {table} SET {column} = {column}",
    "DELETE": "DELETE FROM {table}",
    "TRUNCATE": "TRUNCATE {table}",
}
EVERY_WRITE = [(table, event) for table, events in LEDGERS.items() for event in events]


def _write(table: str, event: str) -> str:
    return WRITES[event].format(table=table, column="seq" if table == "audit" else "bucket")


@pytest.mark.parametrize(("table", "event"), EVERY_WRITE)
async def test_a_ledger_refuses_even_its_owner(undone: Connection, table: str, event: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match=f"{table} is append-only"):
        await undone.execute(_write(table, event))


@pytest.fixture(scope="module")
async def app(cluster: Embedded, shared_dsn: str) -> AsyncIterator[Connection]:
    """A log-in of the role that serves."""
    connection = await asyncpg.connect(cluster.dsn_for("kairos_app", database=urlsplit(shared_dsn).path[1:]))
    yield connection
    await connection.close()


@pytest.mark.parametrize(("table", "event"), EVERY_WRITE)
async def test_what_a_ledger_refuses_is_not_granted_to_the_app_either(app: Connection, table: str, event: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(_write(table, event))


@pytest.mark.parametrize(
    "deed",
    [
        "ALTER TABLE audit DISABLE TRIGGER audit_append_only",
        "DROP TRIGGER redemptions_append_only ON redemptions",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TABLE public.mine (n integer)",
        "DROP TABLE pings",
        "ALTER TABLE pings ADD COLUMN lat double precision",
        "GRANT ALL ON audit TO kairos_app",
        "CREATE ROLE other",
        "SET ROLE kairos_owner",
        "COPY customers TO PROGRAM 'cat'",
        "UPDATE migrations SET sha256 = ''",
        "DELETE FROM migrations",
    ],
)
async def test_the_app_cannot_get_round_its_limits(app: Connection, deed: str) -> None:
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.PostgresWarning)):
        await _refused(app, deed)


async def _refused(app: Connection, deed: str) -> None:
    """GRANT without the right is no error but a warning, with nothing done."""
    before = await app.fetchval("SELECT relacl::text FROM pg_class WHERE relname = 'audit'")
    await app.execute(deed)
    if await app.fetchval("SELECT relacl::text FROM pg_class WHERE relname = 'audit'") == before:
        raise asyncpg.PostgresWarning


@pytest.fixture(scope="module")
async def tables(shared_pool: Pool) -> set[str]:
    async with shared_pool.acquire() as db:
        return {
            row["tablename"] for row in await db.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        }


async def test_the_app_works_with_the_rows_of_every_other_table_and_owns_none(
    app: Connection, tables: set[str]
) -> None:
    rows = await app.fetch(
        "SELECT relname, array_agg(privilege) AS held FROM pg_class, unnest($1::text[]) AS privilege"
        " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND has_table_privilege(oid, privilege) GROUP BY 1",
        ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"],
    )
    held = {row["relname"]: set(row["held"]) for row in rows}
    usual = {"SELECT", "INSERT", "UPDATE", "DELETE"}
    expected = {table: usual - set(LEDGERS.get(table, ())) for table in tables} | {"migrations": {"SELECT"}}
    assert held == expected
    assert await app.fetchval("SELECT count(*) FROM pg_class WHERE relowner = 'kairos_app'::regrole") == 0


async def test_no_role_that_kairos_uses_is_more_than_it_must_be(app: Connection) -> None:
    rows = await app.fetch(
        "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,"
        " EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid) AS member FROM pg_roles r WHERE rolname LIKE 'kairos%'"
    )
    may = {row["rolname"]: [name for name, held in row.items() if held is True] for row in rows}
    assert may == {"kairos_owner": ["rolcreatedb"], "kairos_app": [], "kairos_readonly": []}


async def test_readonly_looks_and_nothing_more(cluster: Embedded, shared_dsn: str, tables: set[str]) -> None:
    reader = await asyncpg.connect(cluster.dsn_for("kairos_readonly", database=urlsplit(shared_dsn).path[1:]))
    try:
        for table in sorted(tables):
            await reader.fetch(f"SELECT FROM {table} LIMIT 1")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await reader.execute(f"DELETE FROM {table}")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await reader.execute(f"INSERT INTO {table} DEFAULT VALUES")
    finally:
        await reader.close()
