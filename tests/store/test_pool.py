"""The pool gives up early, translates what PostgreSQL and the network do to it, and heals by itself."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from server.errors import Conflict, Misconfigured, Unavailable
from server.store import embedded, postmaster
from server.store.embedded import Embedded
from server.store.ids import new_id
from server.store.pool import Connection, Contended, Pool, connect, open_pool
from tests.conftest import Silent

PATIENCE_S = 30


async def numbers(pool: Pool) -> list[int]:
    async with pool.acquire() as db:
        return [row["n"] for row in await db.fetch("SELECT n FROM numbers ORDER BY n")]


@pytest.fixture
async def table(pool: Pool) -> None:
    """A table of two rows."""
    async with pool.acquire() as db:
        await db.execute("CREATE TABLE numbers (n integer PRIMARY KEY, v integer NOT NULL DEFAULT 0)")
        await db.execute("INSERT INTO numbers VALUES (1), (2)")


async def undone(pool: Pool) -> None:
    async with pool.transaction() as db:
        await db.execute("INSERT INTO numbers VALUES (4)")
        raise ZeroDivisionError


@pytest.mark.usefixtures("table")
async def test_a_transaction_is_kept_when_its_block_ends_and_undone_when_it_raises(pool: Pool) -> None:
    async with pool.transaction() as db:
        await db.execute("INSERT INTO numbers VALUES (3)")
    with pytest.raises(ZeroDivisionError):
        await undone(pool)
    assert await numbers(pool) == [1, 2, 3]


@pytest.mark.usefixtures("table")
async def test_a_plan_that_is_made_while_a_table_is_nearly_empty_still_serves_when_it_is_large(pool: Pool) -> None:
    async with pool.acquire() as db:
        await db.execute("ANALYZE numbers; SET plan_cache_mode = force_generic_plan")
        find = await db.prepare("SELECT v FROM numbers WHERE n = ANY ($1::integer[])")
        assert await find.fetch([2])
        await db.execute("INSERT INTO numbers SELECT generate_series(10, 20000)")
        before = await scans(db)
        assert len(await find.fetch([7000, 8000])) == 2
        assert await scans(db) == before
        await db.execute("RESET plan_cache_mode")


async def scans(db: Connection) -> int:
    """How often the table was read from end to end, this very transaction's reads included."""
    await db.execute("SELECT pg_stat_force_next_flush()")
    return int(await db.fetchval("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'numbers'"))


@pytest.mark.usefixtures("table")
async def test_a_transaction_left_open_on_a_lent_connection_is_undone(db_dsn: str) -> None:
    async with await open_pool(db_dsn, size=1, application_name="tests") as pool:
        async with pool.acquire() as db:
            await db.execute("BEGIN")
            await db.execute("INSERT INTO numbers VALUES (3)")
            first = db.get_server_pid()
        async with pool.acquire() as db:
            assert db.get_server_pid() == first, "the same connection comes back"
            assert not db.is_in_transaction()
        assert await numbers(pool) == [1, 2]


@pytest.mark.usefixtures("table")
async def test_a_read_only_transaction_refuses_to_write(pool: Pool) -> None:
    with pytest.raises(Unavailable):
        async with pool.transaction(readonly=True) as db:
            await db.execute("INSERT INTO numbers VALUES (3)")
    assert await numbers(pool) == [1, 2]


async def test_ids_and_json_come_as_the_house_reads_them(shared_pool: Pool) -> None:
    made = new_id(bucket=1023)
    async with shared_pool.acquire() as db:
        row = await db.fetchrow("""SELECT $1::uuid AS id, '{"a": [1]}'::jsonb AS body, now() AS at""", made)
    assert row
    assert isinstance(row["id"], UUID)
    assert row["id"] == made
    assert row["body"] == '{"a": [1]}'
    assert row["at"].utcoffset().total_seconds() == 0


async def test_the_server_knows_the_timeouts_and_the_name(db_dsn: str) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "application_name", "timezone")
    async with (
        await open_pool(
            db_dsn,
            size=1,
            application_name="kairos counter",
            statement_timeout_s=1.25,
            lock_timeout_s=0.5,
            idle_in_transaction_timeout_s=4,
        ) as pool,
        pool.acquire() as db,
    ):
        assert [await db.fetchval("SELECT current_setting($1)", name) for name in names] == [
            "1250ms",
            "500ms",
            "4s",
            "kairos counter",
            "UTC",
        ]


async def test_who_finds_no_free_connection_is_told_so_soon(db_dsn: str) -> None:
    async with await open_pool(db_dsn, size=1, application_name="tests", acquire_timeout_s=0.05) as pool:
        async with pool.acquire() as busy:
            with pytest.raises(Unavailable) as refusal:
                async with pool.acquire():
                    pytest.fail("there was only one connection")
            assert await busy.fetchval("SELECT 1") == 1
            assert pool.counts() == (1, 0)
        async with pool.acquire() as free:
            assert await free.fetchval("SELECT 1") == 1
    assert refusal.value.status == 503
    assert refusal.value.retry_after_s == 1
    assert "asyncpg" not in refusal.value.detail


@pytest.mark.parametrize("timeout", ["command_timeout_s", "statement_timeout_s"])
async def test_a_statement_that_takes_too_long_is_given_up_by_both_sides(db_dsn: str, timeout: str) -> None:
    async with await open_pool(db_dsn, size=1, application_name="tests", **{timeout: 0.1}) as pool:  # type: ignore[arg-type]
        with pytest.raises(Unavailable):
            async with pool.acquire() as db:
                await db.execute("SELECT pg_sleep(60)")
        async with pool.acquire() as db:
            assert await db.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)'") == 0


@pytest.mark.usefixtures("table")
async def test_a_lock_that_does_not_come_is_not_waited_for(db_dsn: str, pool: Pool) -> None:
    async with await open_pool(db_dsn, size=1, application_name="tests", lock_timeout_s=0.05) as hasty:
        async with pool.transaction() as db:
            await db.execute("UPDATE numbers SET v = 1 WHERE n = 1")
            with pytest.raises(Unavailable):
                async with hasty.transaction() as other:
                    await other.execute("UPDATE numbers SET v = 2 WHERE n = 1")
        assert await numbers(hasty) == [1, 2]


async def idle(pool: Pool, watch: Connection) -> None:
    """Begin to write and then dawdle until the server has had enough."""
    async with pool.transaction() as db:
        await db.execute("INSERT INTO numbers VALUES (3)")
        pid = db.get_server_pid()
        async with asyncio.timeout(PATIENCE_S):
            while await watch.fetchval("SELECT true FROM pg_stat_activity WHERE pid = $1", pid):
                await asyncio.sleep(0.01)


@pytest.mark.usefixtures("table")
async def test_who_idles_within_a_transaction_is_thrown_out_and_the_pool_goes_on(db_dsn: str, db: Connection) -> None:
    async with await open_pool(db_dsn, size=1, application_name="tests", idle_in_transaction_timeout_s=0.05) as pool:
        with pytest.raises(Unavailable):
            await idle(pool, db)
        assert await numbers(pool) == [1, 2]


async def deadlock(pool: Pool, first: int, second: int, met: asyncio.Barrier) -> None:
    async def work(db: Connection) -> None:
        await db.execute("UPDATE numbers SET v = v + 1 WHERE n = $1", first)
        if not met.broken:
            async with met:
                pass
        await db.execute("UPDATE numbers SET v = v + 1 WHERE n = $1", second)

    async def once(db: Connection) -> None:
        try:
            await work(db)
        finally:
            await met.abort()

    await pool.attempt(once)


@pytest.mark.usefixtures("table")
async def test_a_deadlock_is_done_anew_and_both_have_their_effect(db_dsn: str) -> None:
    met = asyncio.Barrier(2)
    # PostgreSQL looks for deadlocks after a second; the lock may be waited for longer than that.
    async with await open_pool(
        db_dsn, size=2, application_name="tests", lock_timeout_s=20, statement_timeout_s=20, command_timeout_s=20
    ) as pool:
        await asyncio.gather(deadlock(pool, 1, 2, met), deadlock(pool, 2, 1, met))
        async with pool.acquire() as db:
            assert await db.fetchval("SELECT array_agg(v) FROM numbers") == [2, 2]


@pytest.mark.usefixtures("table")
async def test_a_lost_race_is_contended_and_given_up_after_so_many_tries(pool: Pool) -> None:
    tried = 0

    async def lose(db: Connection) -> None:
        nonlocal tried
        tried += 1
        await db.fetchval("SELECT v FROM numbers WHERE n = 1")
        async with pool.transaction() as rival:
            await rival.execute("UPDATE numbers SET v = v + 1 WHERE n = 1")
        await db.execute("UPDATE numbers SET v = 100 WHERE n = 1")

    with pytest.raises(Contended) as lost:
        await pool.attempt(lose, tries=4, isolation="repeatable_read")
    assert tried == 4
    assert isinstance(lost.value, Conflict)
    assert lost.value.reason == "contended"
    async with pool.acquire() as db:
        assert await db.fetchval("SELECT v FROM numbers WHERE n = 1") == 4


@pytest.mark.usefixtures("table")
async def test_broken_constraints_and_wrong_sql_stay_what_they_are(pool: Pool) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        async with pool.transaction() as db:
            await db.execute("INSERT INTO numbers VALUES (1)")
    with pytest.raises(asyncpg.UndefinedTableError):
        async with pool.acquire() as db:
            await db.execute("SELECT * FROM no_such_table")
    with pytest.raises(asyncpg.InterfaceError):
        async with pool.acquire() as db:
            await db.execute("SELECT $1::int", 1, 2)


async def cut(pool: Pool, admin: Connection) -> None:
    async with pool.acquire() as lent:
        await admin.execute("SELECT pg_terminate_backend($1)", lent.get_server_pid())
        await lent.execute("SELECT pg_sleep(10)")


async def test_a_connection_that_was_cut_is_told_as_unavailable_and_replaced(pool: Pool, db: Connection) -> None:
    with pytest.raises(Unavailable):
        await cut(pool, db)
    async with pool.acquire() as lent:
        assert await lent.fetchval("SELECT 1") == 1


@pytest.mark.usefixtures("table")
async def test_a_commit_that_succeeded_is_no_error_when_the_connection_dies_after_it(
    pool: Pool, db: Connection
) -> None:
    async with pool.acquire() as lent:
        await lent.execute("INSERT INTO numbers VALUES (3)")
        await db.execute("SELECT pg_terminate_backend($1, 5000)", lent.get_server_pid())
    assert await numbers(pool) == [1, 2, 3]


@pytest.mark.usefixtures("table")
async def test_a_cancelled_request_rolls_back_and_gives_its_connection_back(db_dsn: str) -> None:
    async with await open_pool(db_dsn, size=1, application_name="tests") as pool:
        began = asyncio.Event()

        async def request() -> None:
            async with pool.transaction() as db:
                await db.execute("INSERT INTO numbers VALUES (3)")
                began.set()
                await db.execute("SELECT pg_sleep(60)")

        task = asyncio.create_task(request())
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await numbers(pool) == [1, 2]


@pytest.mark.parametrize("error", [asyncio.CancelledError, TimeoutError])
async def test_a_statement_given_up_between_being_prepared_and_run_leaves_nothing_open(
    db_dsn: str, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """PostgreSQL has begun then, and would take the next BEGIN for a late one: no word of the protocol has ended it."""
    prepare = vars(asyncpg.Connection)["_get_statement"]

    async def give_up(*given: object, **more: object) -> None:
        await prepare(*given, **more)
        raise error

    async with await open_pool(db_dsn, size=1, application_name="test") as pool:
        with monkeypatch.context() as patch:
            patch.setattr(asyncpg.Connection, "_get_statement", give_up)
            with pytest.raises((error, Unavailable)):
                async with pool.acquire() as db:
                    await db.fetchval("SELECT 40 + $1::integer", 2)
        async with pool.transaction(isolation="repeatable_read", readonly=True) as db:
            assert await db.fetchval("SELECT 40 + $1::integer", 2) == 42
        assert pool.counts().open == 1


async def test_behind_pgbouncer_nothing_is_prepared_and_timeouts_belong_to_the_transaction(db_dsn: str) -> None:
    async with await open_pool(
        db_dsn, size=1, application_name="tests", pgbouncer=True, statement_timeout_s=1.5
    ) as pool:
        async with pool.transaction() as db:
            assert await db.fetchval("SELECT current_setting($1)", "statement_timeout") == "1500ms"
            assert await db.fetchval("SELECT count(*) FROM pg_prepared_statements WHERE name <> ''") == 0
        async with pool.acquire() as db:
            assert await db.fetchval("SHOW statement_timeout") == "0"


async def _ask_on(pool: Pool) -> None:
    """Ask for ten seconds: an orphan that has not noticed yet that its parent is gone may answer once more."""
    for _ in range(200):
        async with pool.acquire() as db:
            await db.fetchval("SELECT 1")
        await asyncio.sleep(0.05)


async def test_a_pool_opens_while_postgres_is_away_and_heals_when_it_is_back(data_dir: Path) -> None:
    server = await embedded.start(data_dir, log=Silent())
    dsn = server.dsn
    await server.stop()
    async with await open_pool(dsn, size=2, application_name="tests") as pool:
        with pytest.raises(Unavailable):
            async with pool.acquire():
                pytest.fail("nobody is there")
        async with await embedded.start(data_dir, log=Silent()) as server:
            async with pool.acquire() as db:
                assert await db.fetchval("SELECT 1") == 1
            await kill_and_wait(server, data_dir)
            with pytest.raises(Unavailable):
                await _ask_on(pool)
            await server.ensure()
            async with pool.acquire() as db:
                assert await db.fetchval("SELECT 1") == 1


async def test_a_server_that_hangs_is_given_up_and_taken_up_again(db_dsn: str) -> None:
    async with await open_pool(db_dsn, size=1, application_name="tests", command_timeout_s=0.1) as pool:
        async with pool.acquire() as db:
            frozen = db.get_server_pid()
        os.kill(frozen, signal.SIGSTOP)
        try:
            with pytest.raises(Unavailable):
                async with pool.acquire() as db:
                    await db.fetchval("SELECT 1")
            async with pool.acquire() as db:
                assert await db.fetchval("SELECT 1") == 1
                assert db.get_server_pid() != frozen
        finally:
            os.kill(frozen, signal.SIGCONT)


async def kill_and_wait(server: Embedded, data_dir: Path) -> None:
    found = postmaster.running(data_dir / "postgres/cluster")
    assert found
    os.kill(found.pid, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_S):
        while server.running:
            await asyncio.sleep(0.01)


async def test_a_log_in_that_is_refused_is_a_wrong_setting_at_the_start_and_an_outage_later(
    cluster: Embedded, db_dsn: str
) -> None:
    wrong = re.sub(r":[0-9a-f]{64}@", ":wrong@", db_dsn)
    with pytest.raises(Misconfigured, match=r"database\.url"):
        async with connect(wrong, application_name="tests"):
            pytest.fail("the password was wrong")
    with pytest.raises(Misconfigured, match="no_such_database"):
        async with connect(cluster.dsn_for("kairos_owner", database="no_such_database"), application_name="tests"):
            pytest.fail("the database is not there")
    async with await open_pool(wrong, size=1, application_name="tests") as pool:
        with pytest.raises(Unavailable):
            async with pool.acquire():
                pytest.fail("the password was wrong")


@pytest.mark.parametrize("dsn", ["mysql://kairos:s3cret@localhost/kairos", "postgresql://kairos:s3cret@localhost:no/x"])
async def test_an_address_that_cannot_be_read_is_a_wrong_setting_and_its_password_is_not_told(dsn: str) -> None:
    with pytest.raises(Misconfigured, match=r"database\.url") as refusal:
        async with connect(dsn, application_name="tests"):
            pytest.fail("that is no address")
    assert "s3cret" not in str(refusal.value)


async def test_an_address_where_nobody_listens_is_an_outage() -> None:
    with pytest.raises(Unavailable):
        async with connect("postgresql://kairos:x@127.0.0.1:9/kairos", application_name="tests"):
            pytest.fail("nobody listens on the discard port")


async def test_a_pool_that_is_closed_says_unavailable_and_closing_does_not_wait_for_ever(db_dsn: str) -> None:
    pool = await open_pool(db_dsn, size=2, application_name="tests")
    async with pool.acquire() as db:
        assert await db.fetchval("SELECT 1") == 1
    await pool.close()
    with pytest.raises(Unavailable):
        async with pool.acquire():
            pytest.fail("the pool is closed")
