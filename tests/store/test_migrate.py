"""Migrations run once each, in order, whoever races for them; changed files and newer databases are found."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from server.errors import Misconfigured
from server.store.embedded import Embedded
from server.store.migrate import SCHEMA, migrate, pending, read_migrations
from server.store.pool import Connection

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60

RACER = """
import asyncio, sys
from pathlib import Path
from server.store.migrate import migrate
print(",".join(asyncio.run(migrate(sys.argv[1], folder=Path(sys.argv[2])))), flush=True)
"""

CONCURRENT = """-- no-transaction
DROP INDEX CONCURRENTLY IF EXISTS facts_n;
-- A comment with ; in the middle is no end of a statement.
CREATE INDEX CONCURRENTLY facts_n ON facts (n);
"""


@pytest.fixture
async def empty_dsn(cluster: Embedded) -> AsyncIterator[str]:
    """The address of an empty database."""
    name = f"t_{secrets.token_hex(8)}"
    admin = await asyncpg.connect(cluster.dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    yield cluster.dsn_for("kairos_owner", database=name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def empty(empty_dsn: str) -> AsyncIterator[Connection]:
    """A connection to an empty database."""
    db = await asyncpg.connect(empty_dsn)
    yield db
    await db.close()


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files of migrations, given as name=SQL; gives their folder."""

    def put(**files: str) -> Path:
        for name, sql in files.items():
            (tmp_path / f"{name.removeprefix('m')}.sql").write_text(sql, "utf-8")
        return tmp_path

    return put


async def tables(db: Connection) -> set[str]:
    return {row[0] for row in await db.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


async def test_files_are_applied_in_order_once_each(empty: Connection, write: Write) -> None:
    folder = write(
        m0002_pre_more="ALTER TABLE facts ADD COLUMN v text",
        m0001_post_tidy="ALTER TABLE facts DROP COLUMN old",
        m0001_pre_facts="CREATE TABLE facts (n integer, old text); INSERT INTO facts VALUES (1)",
    )
    assert [each.name for each in await pending(empty, folder=folder)] == [
        "0001_pre_facts",
        "0001_post_tidy",
        "0002_pre_more",
    ]
    assert await migrate(empty, folder=folder) == ["0001_pre_facts", "0001_post_tidy", "0002_pre_more"]
    assert await migrate(empty, folder=folder) == []
    assert await pending(empty, folder=folder) == []
    assert [dict(row) for row in await empty.fetch("SELECT * FROM facts")] == [{"n": 1, "v": None}]


async def test_a_rolling_deployment_runs_pre_before_and_post_after_the_new_code(
    empty: Connection, write: Write
) -> None:
    folder = write(m0001_pre_facts="CREATE TABLE facts (n integer, old text)")
    await migrate(empty, folder=folder)
    folder = write(
        m0002_pre_more="ALTER TABLE facts ADD COLUMN v text", m0002_post_less="ALTER TABLE facts DROP COLUMN old"
    )
    with pytest.raises(Misconfigured, match=r"0002_pre_more comes before"):
        await migrate(empty, phase="post", folder=folder)
    assert await migrate(empty, phase="pre", folder=folder) == ["0002_pre_more"]
    assert [each.phase for each in await pending(empty, folder=folder)] == ["post"]
    assert await migrate(empty, phase="post", folder=folder) == ["0002_post_less"]


async def test_a_pre_file_does_not_overtake_an_older_post_file(empty: Connection, write: Write) -> None:
    folder = write(m0001_pre_a="SELECT 1", m0001_post_a="SELECT 1", m0002_pre_b="SELECT 1")
    with pytest.raises(Misconfigured, match=r"0001_post_a comes before"):
        await migrate(empty, phase="pre", folder=folder)
    assert len(await pending(empty, folder=folder)) == 3, "a refusal changes nothing"


async def test_a_file_that_fails_leaves_nothing_and_those_before_it_stay(empty: Connection, write: Write) -> None:
    folder = write(
        m0001_pre_facts="CREATE TABLE facts (n integer)",
        m0002_pre_wrong="CREATE TABLE half (n integer); INSERT INTO half VALUES ('x')",
    )
    with pytest.raises(asyncpg.DataError):
        await migrate(empty, folder=folder)
    assert await tables(empty) == {"facts", "migrations"}
    assert [each.name for each in await pending(empty, folder=folder)] == ["0002_pre_wrong"]
    write(m0002_pre_wrong="CREATE TABLE half (n integer)")
    assert await migrate(empty, folder=folder) == ["0002_pre_wrong"]


async def test_wrong_sql_is_told_with_the_name_of_its_file(empty: Connection, write: Write) -> None:
    with pytest.raises(Misconfigured, match=r"0001_pre_wrong is wrong.*CREAT"):
        await migrate(empty, folder=write(m0001_pre_wrong="CREAT TABLE x (n integer)"))


async def test_a_file_changed_after_it_was_applied_is_found(empty: Connection, write: Write) -> None:
    await migrate(empty, folder=write(m0001_pre_facts="CREATE TABLE facts (n integer)"))
    folder = write(m0001_pre_facts="CREATE TABLE facts (n bigint)", m0002_pre_more="CREATE TABLE more (n integer)")
    with pytest.raises(Misconfigured, match="0001_pre_facts was changed"):
        await migrate(empty, folder=folder)
    assert await tables(empty) == {"facts", "migrations"}


async def test_old_code_refuses_a_database_whose_post_migration_it_does_not_know(
    empty: Connection, write: Write
) -> None:
    folder = write(m0001_pre_a="SELECT 1", m0002_pre_b="SELECT 1", m0002_post_b="SELECT 1")
    await migrate(empty, folder=folder)
    (folder / "0002_post_b.sql").unlink()
    with pytest.raises(Misconfigured, match=r"ahead of this code.*0002_post_b"):
        await migrate(empty, folder=folder)


async def test_old_code_goes_on_beside_a_pre_migration_of_newer_code(empty: Connection, write: Write) -> None:
    folder = write(m0001_pre_a="SELECT 1", m0002_pre_b="SELECT 1")
    await migrate(empty, folder=folder)
    (folder / "0002_pre_b.sql").unlink()
    assert await migrate(empty, folder=folder) == []
    assert await pending(empty, folder=folder) == []
    write(m0003_pre_elsewhere="SELECT 1")
    with pytest.raises(Misconfigured, match="ahead"):
        await migrate(empty, folder=folder)


@pytest.mark.parametrize("name", ["1_pre_a", "0001_mid_a", "0001_pre_A", "0001_pre_", "notes"])
def test_a_file_of_another_name_is_refused(name: str, write: Write) -> None:
    folder = write(**{name: "SELECT 1"})
    with pytest.raises(Misconfigured, match=f"{name}.sql is no migration"):
        read_migrations(folder)


def test_two_files_of_one_number_and_phase_are_refused(write: Write) -> None:
    folder = write(m0001_pre_a="SELECT 1", m0001_pre_b="SELECT 1")
    with pytest.raises(Misconfigured, match="same number"):
        read_migrations(folder)


async def test_indexes_are_built_concurrently_and_an_interrupted_build_is_begun_anew(
    empty: Connection, write: Write
) -> None:
    folder = write(
        m0001_pre_facts="CREATE TABLE facts (n integer); INSERT INTO facts VALUES (1), (1)",
        m0002_pre_index=CONCURRENT.replace("CREATE INDEX", "CREATE UNIQUE INDEX"),
    )
    with pytest.raises(asyncpg.UniqueViolationError):
        await migrate(empty, folder=folder)
    assert await empty.fetchval("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = 'facts_n'::regclass")
    await empty.execute("DELETE FROM facts")
    assert await migrate(empty, folder=folder) == ["0002_pre_index"]
    assert await empty.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = 'facts_n'::regclass")


async def test_a_file_without_transaction_must_not_hold_what_cannot_be_split(empty: Connection, write: Write) -> None:
    with pytest.raises(Misconfigured, match="cannot be split"):
        await migrate(empty, folder=write(m0001_pre_f="-- no-transaction\nDO $$ BEGIN END $$;\n"))


async def test_a_file_that_ends_its_own_transaction_is_refused(empty: Connection, write: Write) -> None:
    folder = write(m0001_pre_f="CREATE TABLE facts (n integer); COMMIT")
    with pytest.raises(Misconfigured, match="take COMMIT out"):
        await migrate(empty, folder=folder)
    assert len(await pending(empty, folder=folder)) == 1


async def race(dsn: str, folder: Path, *, processes: int) -> list[str]:
    racers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", RACER, dsn, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(processes)
    ]
    said = [await asyncio.to_thread(racer.communicate, timeout=PATIENCE_S) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * processes
    return [name for out, _ in said for name in out.strip().split(",") if name]


async def test_four_racing_processes_apply_each_file_once_even_where_indexes_are_built_concurrently(
    empty: Connection, empty_dsn: str, write: Write
) -> None:
    """Waiting inside pg_advisory_lock() would deadlock with CREATE INDEX CONCURRENTLY."""
    folder = write(
        m0001_pre_facts="CREATE TABLE facts (n integer); INSERT INTO facts SELECT generate_series(1, 1000)",
        m0002_pre_slow="SELECT pg_sleep(0.7); INSERT INTO facts VALUES (0)",
        m0003_pre_index=CONCURRENT,
    )
    applied = await race(empty_dsn, folder, processes=4)
    assert sorted(applied) == ["0001_pre_facts", "0002_pre_slow", "0003_pre_index"]
    assert await empty.fetchval("SELECT count(*) FROM facts") == 1001


async def test_a_process_killed_in_the_middle_leaves_the_lock_and_a_whole_number_of_files(
    empty: Connection, empty_dsn: str, write: Write
) -> None:
    folder = write(
        m0001_pre_a="CREATE TABLE a (n integer)", m0002_pre_b="CREATE TABLE b (n integer); SELECT pg_sleep(60)"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", RACER, empty_dsn, str(folder)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    async with asyncio.timeout(PATIENCE_S):
        while not await empty.fetchval(
            "SELECT true FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND pid <> $1", 0
        ):
            await asyncio.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(PATIENCE_S)
    await empty.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'kairos migrate' "
        "AND datname = current_database()"
    )
    assert await tables(empty) == {"a", "migrations"}
    write(m0002_pre_b="CREATE TABLE b (n integer)")
    assert await migrate(empty_dsn, folder=folder) == ["0002_pre_b"]


async def test_a_busy_table_is_not_queued_for_but_tried_again(empty: Connection, empty_dsn: str, write: Write) -> None:
    folder = write(m0001_pre_facts="CREATE TABLE facts (n integer)")
    await migrate(empty_dsn, folder=folder)
    write(m0002_pre_more="ALTER TABLE facts ADD COLUMN v text")
    transaction = empty.transaction()
    await transaction.start()
    await empty.execute("LOCK TABLE facts IN ACCESS SHARE MODE")
    migrating = asyncio.create_task(migrate(empty_dsn, folder=folder))
    waiting = "SELECT true FROM pg_locks WHERE NOT granted AND relation = 'facts'::regclass"
    async with asyncio.timeout(PATIENCE_S):
        while not await empty.fetchval(waiting):
            await asyncio.sleep(0.02)
        while await empty.fetchval(waiting):
            await asyncio.sleep(0.02)
    assert not migrating.done(), "it stepped back, and lets others at the table"
    await transaction.commit()
    assert await migrating == ["0002_pre_more"]


async def test_after_a_migration_the_connection_is_as_it_was(empty: Connection, write: Write) -> None:
    await migrate(empty, folder=write(m0001_pre_facts="CREATE TABLE facts (n integer)"))
    assert await empty.fetchval("SHOW lock_timeout") == "0"
    assert (
        await empty.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        == 0
    )


async def test_the_house_s_own_files_make_its_tables_on_an_empty_database(empty: Connection) -> None:
    names = [each.name for each in read_migrations()]
    assert await migrate(empty) == names
    assert {"customers", "customer_state", "migrations"} <= await tables(empty)
    assert sorted(path.stem for path in SCHEMA.glob("*.sql")) == sorted(names)


async def test_the_app_works_with_rows_readonly_looks_and_neither_can_change_the_schema(
    cluster: Embedded, empty_dsn: str
) -> None:
    await migrate(empty_dsn)
    name = urlsplit(empty_dsn).path.removeprefix("/")
    app = await asyncpg.connect(cluster.dsn_for("kairos_app", database=name))
    readonly = await asyncpg.connect(cluster.dsn_for("kairos_readonly", database=name))
    try:
        await app.execute("INSERT INTO customers (bucket, id) VALUES (1, gen_random_uuid())")
        assert await readonly.fetchval("SELECT count(*) FROM customers") == 1
        for db, statement in [
            (app, "DROP TABLE customers"),
            (app, "ALTER TABLE audit DISABLE TRIGGER ALL"),
            (app, "TRUNCATE audit"),
            (app, "CREATE TABLE mine (n integer)"),
            (app, "DELETE FROM migrations"),
            (readonly, "DELETE FROM customers"),
        ]:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await db.execute(statement)
        assert await pending(app) == []
    finally:
        await app.close()
        await readonly.close()


async def test_a_role_that_only_serves_finds_everything_done(cluster, db_dsn: str) -> None:
    name = urlsplit(db_dsn).path.removeprefix("/")
    assert await migrate(cluster.dsn_for("kairos_app", database=name)) == []


async def test_a_role_that_only_serves_says_what_is_missing(cluster, db_dsn: str, tmp_path: Path) -> None:
    (tmp_path / "0001_pre_new.sql").write_text("CREATE TABLE new (id int);")
    name = urlsplit(db_dsn).path.removeprefix("/")
    for path in SCHEMA.glob("*.sql"):
        (tmp_path / path.name).write_text(path.read_text("utf-8"), "utf-8")
    (tmp_path / "0001_pre_new.sql").rename(tmp_path / "9999_pre_new.sql")
    with pytest.raises(Misconfigured, match="kairos migrate"):
        await migrate(cluster.dsn_for("kairos_app", database=name), folder=tmp_path)
