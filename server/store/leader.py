"""One leader among all processes: whoever holds an advisory lock on a connection of its own.

A killed leader's connection dies with it, and PostgreSQL frees the lock at once; a leader that is cut off notices within a
second and steps down, and one whose machine is gone is missed by PostgreSQL within four, since the connection is probed.
A lock only saves work: each job is written so that two at once do no harm.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from server.errors import KairosError
from server.store.pool import Connection, connect

_LOCK = 0x6B61_6A6F_6273
"""The number of the jobs' advisory lock: "kajobs"."""

_log = structlog.get_logger("kairos.jobs")

_TRY_AGAIN_S = 1.0
_LOOK_S = 1.0

PROBED = "SET tcp_keepalives_idle = 1; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3"
"""By default PostgreSQL asks after a silent connection only two hours later. On a Unix socket this means nothing."""

TRY_LOCK = "SELECT pg_try_advisory_lock($1)"


async def try_lock(db: Connection) -> bool:
    """Take the lock if nobody has it; it is held until the connection ends."""
    return bool(await db.fetchval(TRY_LOCK, _LOCK))


async def lead(dsn: str, *, gained: Callable[[], None], lost: Callable[[], None]) -> None:
    """Strive for the lock for ever: call `gained` when it is ours, `lost` when it no longer is; end by cancellation."""
    while True:
        leading = False
        try:
            async with connect(dsn, application_name="kairos jobs") as db:
                await db.execute(PROBED)
                while not await try_lock(db):  # noqa: ASYNC110  no event crosses processes; asking does
                    await asyncio.sleep(_TRY_AGAIN_S)
                leading = True
                gained()
                while True:
                    await asyncio.sleep(_LOOK_S)
                    async with asyncio.timeout(_LOOK_S):
                        await db.execute("SELECT 1")
        except (KairosError, TimeoutError, OSError):
            await asyncio.sleep(_TRY_AGAIN_S)
        except Exception:  # whatever it was: a process that never strives again would be missed only when all have
            _log.exception("leading broke")
            await asyncio.sleep(_TRY_AGAIN_S)
        finally:
            if leading:
                with contextlib.suppress(Exception):
                    lost()
