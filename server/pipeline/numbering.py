"""Passes that changed get their numbers, and the wallets that hold them their word, in one transaction.

Whoever changes a pass marks it and knows nothing of wallets (a redemption stays one statement); here a mark becomes a tag and
the rows of the outbox. A process that dies in between leaves the marks, and the next turn finds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from server.settings import Settings
from server.store import google_objects, knocks, pass_news, pass_tags, webhook_events
from server.store.farewell import PUSH_WITHIN
from server.store.pass_tags import Numbered
from server.store.pool import Connection, Pool

APPLE = "apple_wallet"
"""The word that wakes who pushes to Apple's wallets."""

GOOGLE = "google_wallet"
"""The word that wakes who tells Google."""

AT_ONCE = 1000
"""Passes numbered in one transaction: some tens of milliseconds, for which other turns wait."""


class Numbering(NamedTuple):
    """What a turn needs to know: whose tags are counted, and how long a wallet may be tried to be told."""

    pass_type: str
    within: timedelta


def numbering_of(settings: Settings, *, pass_type: str) -> Numbering:
    """Read it from the settings; the certificate names the type."""
    return Numbering(pass_type, timedelta(days=settings.wallet.push_days))


async def number(db: Connection, *, terms: Numbering, limit: int = AT_ONCE) -> int:
    """Number changed passes, at most `limit`, write what their wallets are told, and tell how many; needs a transaction."""
    return await _tell(db, await pass_tags.number(db, pass_type=terms.pass_type, limit=limit), terms)


async def number_these(db: Connection, *, terms: Numbering, serials: Sequence[UUID]) -> int:
    """Number those of these passes that changed, as `number` does; needs a transaction."""
    return await _tell(db, await pass_tags.number_these(db, pass_type=terms.pass_type, serials=serials), terms)


async def _tell(db: Connection, numbered: Sequence[Numbered], terms: Numbering) -> int:
    """Write what wallets, and other systems that listen, are told of these passes."""
    if await pass_news.tell(db, numbered, within=terms.within, farewell=PUSH_WITHIN):
        await knocks.knock(db, APPLE)
    if numbered and await webhook_events.heard(db):
        await webhook_events.tell_changed(db, serials=[each.serial for each in numbered])
    if numbered:
        serials, urgent = [each.serial for each in numbered], [each.urgent for each in numbered]
        if await google_objects.enqueue(db, serials=serials, within=terms.within, urgent=urgent):
            await knocks.knock(db, GOOGLE)
    return len(numbered)


async def number_all(pool: Pool, *, terms: Numbering, limit: int = AT_ONCE) -> int:
    """Number whatever has changed, a portion in each transaction, and tell how many."""
    total = 0
    async with pool.acquire() as db:
        if not await pass_tags.any_changed(db):
            return total
    while True:
        count = await pool.attempt(partial(number, terms=terms, limit=limit))
        total += count
        if count < limit:
            return total
