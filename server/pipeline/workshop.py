"""Work that is too long for a door, in a process of its own: low in priority, bounded in memory, one at a time.

Rule 1: the process takes its orders from the table; a lock of the database makes it the only one of the whole house.
Rule 2: it is told where the database is by a pipe, not by its command line: everybody on a machine can read those.
Rule 3: a process that ends, however, leaves a row that the next one takes up.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Final

import msgspec
import structlog

from server.settings import Settings
from server.store import replays
from server.store.pool import Pool

SILENT_S: Final = 30.0
"""A worker tells how far it is with each page, some seconds apart at most; one that is silent for longer is dead."""

_STOP_S: Final = 5.0

_log = structlog.get_logger("kairos.replay")


class Orders(msgspec.Struct, frozen=True):
    """What a worker is told."""

    dsn: str
    settings: Settings


class Workshop:
    """Starts workers, at most one of this process at a time. Made by the app, ended by `close`."""

    def __init__(self, pool: Pool, *, settings: Settings, dsn: str) -> None:
        """Keep what a worker needs: `dsn` is the address of the role that serves."""
        self._pool, self._orders = pool, msgspec.json.encode(Orders(dsn, settings))
        self._running: asyncio.Task[None] | None = None
        self._again = self._closed = False

    def wake(self) -> None:
        """See that somebody works: a worker that is about to end is followed by the next."""
        if self._closed:
            return
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run(), name="replay worker")
        else:
            self._again = True

    async def look(self) -> None:
        """Start a worker if there is work that nobody does (for the clock)."""
        async with self._pool.acquire() as db:
            waiting = await replays.waiting(db, silent_s=SILENT_S)
        if waiting:
            self.wake()

    async def close(self) -> None:
        """End the worker of this process; what it was doing is taken up by another, or at the next start."""
        self._closed = True
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

    async def _run(self) -> None:
        while True:
            self._again = False
            worker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "server.commands.past", stdin=asyncio.subprocess.PIPE
            )
            try:
                await worker.communicate(self._orders)
            finally:
                if worker.returncode is None:
                    await _end(worker)
            if worker.returncode:
                _log.warning("replay worker ended", status=worker.returncode)
            if not self._again:
                return


async def _end(worker: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        worker.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await worker.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            worker.kill()
        await worker.wait()
