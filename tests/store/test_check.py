"""A PostgreSQL that could lose what it acknowledged is refused before the first ping."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from server.errors import Misconfigured
from server.store import embedded
from server.store.check import check_server, unfit
from server.store.embedded import Embedded
from server.store.pool import Connection, connect
from tests.conftest import Silent


class Heard:
    """A log that remembers its warnings."""

    def __init__(self) -> None:
        self.warnings: list[tuple[str, dict[str, object]]] = []

    def warning(self, event: str, **values: object) -> None:
        """Remember it."""
        self.warnings.append((event, values))


@pytest.fixture
async def other_encoding(cluster: Embedded) -> AsyncIterator[Connection]:
    """A connection to a database that is not UTF-8."""
    name = f"t_{secrets.token_hex(8)}"
    admin = await asyncpg.connect(cluster.dsn)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'")
    db = await asyncpg.connect(cluster.dsn_for("kairos_owner", database=name))
    yield db
    await db.close()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def test_the_embedded_server_passes_without_a_word(db: Connection) -> None:
    log = Heard()
    await check_server(db, log=log)
    assert log.warnings == []


@pytest.mark.parametrize("value", ["off", "local"])
async def test_commits_that_do_not_wait_for_the_disk_are_refused_unless_allowed_and_logged(
    db: Connection, value: str
) -> None:
    await db.execute(f"SET synchronous_commit = {value}")
    log = Heard()
    with pytest.raises(Misconfigured, match=f"synchronous_commit = {value}"):
        await check_server(db, log=log)
    await check_server(db, log=log, allow_unsafe=True)
    assert log.warnings == [("database_unsafe", {"setting": "synchronous_commit", "value": value})]


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
async def test_a_server_that_does_not_write_through_is_refused(data_dir: Path, setting: str) -> None:
    async with await embedded.start(data_dir, log=Silent()) as server:
        await change(server, f"ALTER SYSTEM SET {setting} = off")
    async with (
        await embedded.start(data_dir, log=Silent()) as server,
        connect(server.dsn, application_name="tests") as db,
    ):
        with pytest.raises(Misconfigured, match=f"{setting} = off"):
            await check_server(db, log=Heard())


async def change(server: Embedded, statement: str) -> None:
    async with connect(server.dsn_for("postgres"), application_name="tests") as admin:
        await admin.execute(statement)


async def test_a_standby_never_passes(data_dir: Path) -> None:
    async with await embedded.start(data_dir, log=Silent()):
        pass
    folder = data_dir / "postgres/cluster"
    signal = folder / "standby.signal"
    signal.touch()
    os.chown(signal, folder.stat().st_uid, folder.stat().st_gid)
    async with (
        await embedded.start(data_dir, log=Silent()) as server,
        connect(server.dsn, application_name="tests") as db,
    ):
        with pytest.raises(Misconfigured, match="standby"):
            await check_server(db, log=Heard(), allow_unsafe=True)


def test_a_version_older_than_15_never_passes() -> None:
    found = {"version": 150_000, "encoding": "UTF8", "standby": False}
    assert unfit(found) is None
    assert "too old" in (unfit({**found, "version": 140_022}) or "")


async def test_another_encoding_never_passes(other_encoding: Connection) -> None:
    with pytest.raises(Misconfigured, match=r"LATIN1.*UTF8"):
        await check_server(other_encoding, log=Heard(), allow_unsafe=True)
