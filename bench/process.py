"""Server processes on loopback: started, listened for, ended by process id. And a house to measure: a folder with PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import NamedTuple

from server.store import embedded, postmaster
from server.store.embedded import Embedded
from server.store.migrate import migrate

ROOT = Path(__file__).resolve().parents[1]
READY_S = 90.0


class Served(NamedTuple):
    """A process that answers: where, its id, and after how many seconds it was ready."""

    url: str
    pid: int
    ready_s: float


class Silent:
    """A log that keeps nothing."""

    def info(self, event: str, **values: object) -> None:
        """Drop it."""


@contextlib.asynccontextmanager
async def serving(*arguments: str, environment: Mapping[str, str] | None = None) -> AsyncIterator[Served]:
    """Run `python -m ARGUMENTS` until the block ends; its first line says where it listens."""
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), READY_S)).decode()
        if not line.startswith("listening on "):
            raise SystemExit(f"bench: {' '.join(arguments)} did not start")
        yield Served(line.removeprefix("listening on ").strip(), process.pid, time.monotonic() - begun)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()


def kairos(folder: Path, settings: Mapping[str, str] | None = None) -> contextlib.AbstractAsyncContextManager[Served]:
    """Run `kairos serve` on a data folder, with its default settings but for those given."""
    environment = {f"KAIROS__{key.upper().replace('.', '__')}": value for key, value in (settings or {}).items()}
    return serving(
        "server",
        "serve",
        "--port",
        "0",
        "--data-dir",
        str(folder),
        environment={"KAIROS__SERVER__METRICS_PORT": "-1", **environment},
    )


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix=f"kairos-bench-{os.getpid()}-"))
    folder.chmod(0o711)  # PostgreSQL's own account passes through
    return folder


@contextlib.asynccontextmanager
async def house() -> AsyncIterator[tuple[Path, Embedded]]:
    """Make a data folder with a migrated PostgreSQL in it, with the settings that Kairos gives it (fsync is on)."""
    folder = _folder()
    try:
        async with await embedded.start(folder, log=Silent()) as server:
            await migrate(server.dsn)
            yield folder, server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def database_pid(folder: Path) -> int:
    """Tell the process id of the PostgreSQL in a data folder; its children serve the connections."""
    found = postmaster.running(folder.resolve() / "postgres" / "cluster")
    assert found is not None, "PostgreSQL runs while its house is open"
    return found.pid
