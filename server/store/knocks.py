"""Knocks: whoever writes something that is to leave the house says so, and whoever takes it out hears it at once.

Rule 1: a knock is heard when its transaction is committed; what was heard is only a reason to look.
Rule 2: a knock may be missed, by a listener who is just coming back: who comes back looks, and everybody looks once in a while.
Rule 3: PostgreSQL puts commits that knock one after the other, so only what is rare may knock; a ping may not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

import structlog

from server.errors import KairosError
from server.model.ids import bucket_of
from server.store.pool import Connection, connect

_CHANNEL = "kairos_outbox"
_MOMENT = "moment "
_TRY_AGAIN_S = 1.0
_LOOK_S = 5.0
"""So often it is looked whether the line still stands; a machine that is gone says nothing."""

_log = structlog.get_logger("kairos.outbox")

KNOCK = "SELECT pg_notify($1, $2)"


async def knock(db: Connection, word: str) -> None:
    """Wake whoever listens for this word, once the transaction is committed."""
    await db.execute(KNOCK, _CHANNEL, word)


# Whoever opens a stream writes it into the state's row first and looks for moments after that. A decision holds the same
# row: either it sees the stream here, or the stream opens behind its COMMIT and sees the moment itself.
NUDGE = """
SELECT count(pg_notify($1, $2 || s.customer_id::text))
FROM customer_state s JOIN unnest($3::smallint[], $4::uuid[]) AS k (bucket, customer_id)
  ON s.bucket = k.bucket AND s.customer_id = k.customer_id
WHERE s.stream_until > clock_timestamp()
"""


async def nudge(db: Connection, *, customers: Collection[UUID]) -> None:
    """Wake the streams of customers who have one open, in whatever process. Needs the transaction that holds their states."""
    if customers:
        await db.execute(NUDGE, _CHANNEL, _MOMENT, [bucket_of(each) for each in customers], list(customers))


def nudged(word: str) -> UUID | None:
    """Tell whose streams a word means; None for words that mean no stream."""
    if not word.startswith(_MOMENT):
        return None
    return UUID(word.removeprefix(_MOMENT))


async def listen(dsn: str, heard: Callable[[str | None], None]) -> None:
    """Tell of every knock by its word, and None whenever some may have been missed; end by cancellation."""
    while True:
        try:
            await _listen_once(dsn, heard)
        except (KairosError, TimeoutError, OSError):
            await asyncio.sleep(_TRY_AGAIN_S)
        except Exception:  # whatever it was: who no longer listens still looks once in a while, so nobody would notice
            _log.exception("listening broke")
            await asyncio.sleep(_TRY_AGAIN_S)


async def _listen_once(dsn: str, heard: Callable[[str | None], None]) -> None:
    """Listen on a connection of its own as long as it lasts."""
    cut = asyncio.Event()

    def hear(db: Any, pid: int, channel: str, word: object) -> None:
        heard(str(word))

    async with connect(dsn, application_name="kairos outbox listens") as db:
        db.add_termination_listener(lambda gone: cut.set())
        await db.add_listener(_CHANNEL, hear)
        heard(None)
        while not cut.is_set():
            try:
                async with asyncio.timeout(_LOOK_S):
                    await cut.wait()
            except TimeoutError:
                async with asyncio.timeout(_LOOK_S):
                    await db.execute("SELECT 1")
