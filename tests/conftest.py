"""One PostgreSQL for the whole run, one migrated template database, a copy of it for each test that asks.

Several xdist workers share the server by the house's own mechanism: the first starts it, the last one stops it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import asyncpg
import hypothesis
import psutil
import pytest

from server.store import embedded
from server.store.embedded import Embedded
from server.store.migrate import migrate
from server.store.pool import Connection, Pool, connect, open_pool
from server.web import passwords
from tests import databases

# No deadline: a busy machine is no failure. In CI the same examples each time; at a desk new ones, to find more, and with
# `--hypothesis-profile=long` forty times as many.
for name, examples in (("house", 50), ("long", 2000)):
    hypothesis.settings.register_profile(
        name,
        max_examples=examples,
        deadline=None,
        derandomize=bool(os.environ.get("CI")),
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
hypothesis.settings.load_profile("house")

HOME = "KAIROS_TEST_HOME"
TEMPLATE = "kairos_template"
ROOM = 2 * 2**30
"""What a run may need: a container's /dev/shm of 64 MB is too small."""


class Silent:
    """A log that keeps nothing."""

    def info(self, event: str, **values: object) -> None:
        """Drop it."""


def _parent() -> Path:
    """Where data folders may lie: in memory if there is room (the settings stay durable, the disk costs nothing).

    pytest's own temporary folders do not do: they are 0700, and as root the server's account could not reach them.
    """
    memory = Path("/dev/shm")  # noqa: S108  our folders in it have names of chance
    if os.access(memory, os.W_OK | os.X_OK) and shutil.disk_usage(memory).free > ROOM:
        return memory
    return Path(tempfile.gettempdir())


def pytest_configure(config: pytest.Config) -> None:
    """Choose the run's data folder before any worker is born, and tidy up after runs that were killed."""
    signal.signal(signal.SIGINT, _interrupted)
    gc.disable()  # what the collection of the tests makes stays: looking for garbage in it is in vain
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    for left in _parent().glob("kairos-test-*"):
        if left.stat().st_uid == os.geteuid() and not psutil.pid_exists(int(left.name.split("-")[2])):
            _remove(left)
    folder = Path(tempfile.mkdtemp(prefix=f"kairos-test-{os.getpid()}-", dir=_parent()))
    folder.chmod(0o711)
    os.environ[HOME] = str(folder)


def _interrupted(number: int, frame: FrameType | None) -> None:
    """End the run as Python does. With a handler other than Python's own, asyncio does not put one up for each test's loop."""
    signal.default_int_handler(number, frame)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep the garbage collector away from what lives as long as the run: thousands of tests and all modules."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)  # Python's 700 would have it look around twelve thousand times in each process
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_report_to_serializable(report: object) -> dict[str, Any] | None:
    """Say in few words what went well and said nothing: a run's workers tell forty thousand reports, each written in Python."""
    if not isinstance(report, pytest.TestReport) or not report.passed or report.sections or report.user_properties:
        return None  # as pytest writes it
    told = {
        name: getattr(report, name) for name in ("nodeid", "location", "outcome", "when", "duration", "start", "stop")
    }
    return {"$report_type": "TestReport", "keywords": {}, "longrepr": None, **told}


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the run's data folder when every worker is gone."""
    if not os.environ.get("PYTEST_XDIST_WORKER"):
        _remove(Path(os.environ.pop(HOME)))


def _remove(folder: Path) -> None:
    if asyncio.run(embedded.stop_if_unused(folder, log=Silent())):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """Hundreds log in who are not about what a password's hash costs: `tests/web/test_passwords.py` alone pays that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_ARGON2", passwords._ARGON2.using(memory_cost=64, time_cost=1))
        yield


@pytest.fixture
async def data_dir() -> AsyncIterator[Path]:
    """A folder of its own that the server's account can reach, for tests that start their own server."""
    folder = Path(tempfile.mkdtemp(prefix="data-", dir=os.environ[HOME]))
    folder.chmod(0o711)
    yield folder
    assert await embedded.stop_if_unused(folder, log=Silent())
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
async def cluster() -> AsyncIterator[Embedded]:
    """The server of the whole run."""
    async with await embedded.start(Path(os.environ[HOME]), log=Silent(), buffers_mb=128) as server:
        yield server


@pytest.fixture(scope="session")
async def template(cluster: Embedded) -> AsyncIterator[str]:
    """The name of the migrated template database; the first worker makes it while the others wait."""
    async with connect(cluster.dsn, application_name="tests") as db:
        await db.execute("SELECT pg_advisory_lock(1)")
        if not await db.fetchval("SELECT true FROM pg_database WHERE datname = $1", TEMPLATE):
            draft = f"{TEMPLATE}_new"
            await db.execute(f"DROP DATABASE IF EXISTS {draft}")
            await db.execute(f"CREATE DATABASE {draft}")
            await migrate(cluster.dsn_for("kairos_owner", database=draft))
            await db.execute(f"ALTER DATABASE {draft} RENAME TO {TEMPLATE}")
    yield TEMPLATE
    await databases.close(cluster)


@pytest.fixture
async def db_dsn(cluster: Embedded, template: str) -> AsyncIterator[str]:
    """The address of a migrated database that belongs to this test alone."""
    async with databases.lent(cluster, template) as dsn:
        yield dsn


PATIENT: Mapping[str, float] = {"acquire_timeout_s": 20.0, "command_timeout_s": 30.0, "statement_timeout_s": 30.0}
"""A busy machine is no failure."""


@pytest.fixture
async def pool(db_dsn: str) -> AsyncIterator[Pool]:
    """A pool on this test's own database."""
    async with await open_pool(db_dsn, size=8, application_name="tests", **PATIENT) as opened:
        yield opened


@pytest.fixture
async def db(db_dsn: str) -> AsyncIterator[Connection]:
    """One connection to this test's own database; its errors are asyncpg's own."""
    connection = await asyncpg.connect(db_dsn, command_timeout=30)
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def shared_dsn(cluster: Embedded, template: str) -> AsyncIterator[str]:
    """The address of a migrated database that the tests of one file share: for tests that mostly read."""
    async with databases.lent(cluster, template) as dsn:
        yield dsn


@pytest.fixture(scope="module")
async def shared_pool(shared_dsn: str) -> AsyncIterator[Pool]:
    """A pool on the database that the tests of one file share."""
    async with await open_pool(shared_dsn, size=8, application_name="tests", **PATIENT) as opened:
        yield opened


WRITTEN_BY_MARKETERS = (
    *("offer_approvals", "place_budgets", "budgets", "offer_versions", "offers", "firings"),
    *("segments", "segment_members", "stores", "geofences", "addresses", "idempotency_keys"),
)
"""Foreign keys point to the later ones."""


@pytest.fixture
async def cleared(shared_pool: Pool) -> Pool:
    """The database that a file's tests share, without the offers, places and segments of the test before.

    A clone of one's own costs twice as much as such a test; customers, staff and the audit stay as they were left.
    """
    async with shared_pool.acquire() as connection:
        await connection.execute("; ".join(f"DELETE FROM {table}" for table in WRITTEN_BY_MARKETERS))
    return shared_pool


@pytest.fixture
async def undone(shared_pool: Pool) -> AsyncIterator[Connection]:
    """One connection to the database that a file's tests share, in a transaction that is undone after the test."""
    async with shared_pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        yield connection
        await transaction.rollback()
