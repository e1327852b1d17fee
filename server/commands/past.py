"""The worker that replays drafts on the recorded past: `python -m server.commands.past`, orders on its standard input.

It is started by a serving process (server.pipeline.workshop), takes one replay after the other from the table, and ends
when none is left, or at once where another worker holds the lock.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from typing import Final

import msgspec
import structlog

from server.commands.house import log_to_stderr
from server.errors import Refusal
from server.pipeline.past import Stopped, replay_past
from server.pipeline.rules import Rules, programme_of
from server.pipeline.workshop import SILENT_S, Orders
from server.settings import Settings
from server.store import replays
from server.store.pool import Connection, Pool, connect, open_pool
from server.store.replays import ReplayRow

NICE: Final = 10
"""Pings and tills come first; a replay takes what they leave."""

_MB: Final = 2**20
_STATEMENT_S: Final = 30.0

TOO_LARGE: Final = "It needs more memory than replay.memory_mb allows: replay fewer days."
BROKE: Final = "It broke; the log says why."

_log = structlog.get_logger("kairos.replay")


def main() -> None:
    """Work until there is nothing to do."""
    log_to_stderr()
    orders = msgspec.json.decode(sys.stdin.buffer.read(), type=Orders)
    os.nice(NICE)
    most = orders.settings.replay.memory_mb * _MB
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    asyncio.run(work(orders))


async def work(orders: Orders) -> None:
    """Be the one worker, as long as there is work."""
    async with (
        connect(orders.dsn, application_name="kairos replay") as db,
        await open_pool(
            orders.dsn,
            size=1,
            application_name="kairos replay pages",
            acquire_timeout_s=5.0,
            command_timeout_s=_STATEMENT_S,
            statement_timeout_s=_STATEMENT_S,
        ) as pool,
    ):
        while await replays.try_lock(db):
            while (row := await replays.take(db)) is not None:
                await _one(db, pool, row, settings=orders.settings)
            await replays.unlock(db)
            # Who asked between the last look and the unlocking found the lock taken, and no worker of their own.
            if not await replays.waiting(db, silent_s=SILENT_S):
                return


async def _one(db: Connection, pool: Pool, row: ReplayRow, *, settings: Settings) -> None:
    """Do one replay, and write its result or why there is none."""
    reason = None
    result = None
    try:
        rules = Rules(pool, programme_of(settings))
        await rules.refresh()
        result = await replay_past(
            pool,
            offer_id=row.offer_id,
            version=row.version,
            start=row.from_at,
            end=row.to_at,
            snapshot=rules.current,
            min_group=settings.privacy.min_group,
            progress=lambda fraction: replays.beat(db, replay_id=row.id, progress=fraction),
        )
    except Stopped:
        return
    except Refusal as error:
        reason = " ".join([error.detail, *(f"{wrong.field} {wrong.message}." for wrong in error.errors)])
    except MemoryError:
        reason = TOO_LARGE
    except Exception:
        _log.exception("replay broke", replay=str(row.id))
        reason = BROKE
    await replays.finish(db, replay_id=row.id, result=result, reason=reason)


if __name__ == "__main__":
    main()
