"""Wallets: a device registers for a pass, and asks which of its passes changed."""

from __future__ import annotations

import re
from functools import partial
from typing import Final
from uuid import UUID

from server.errors import Unauthenticated
from server.pipeline.numbering import Numbering, number_these
from server.store import registrations, webhook_events
from server.store.pool import Connection, Pool
from server.store.registrations import Updated

APNS_TOKEN: Final = re.compile(r"[0-9a-fA-F]{32,200}")
"""Apple gives its tokens no length; they are bytes, told as hex."""


async def register(
    db: Connection, *, device_id: str, pass_type: str, serial: UUID, push_token: str, apple: bool = True, most: int
) -> bool:
    """Register a device for a pass, and tell whether it was not before; of a pass's devices the `most` newest stay.

    A wallet that is not Apple's, or whose token cannot be one of Apple's push service, is never pushed to: it asks by itself.

    Needs a transaction, and may meet another that swaps push tokens (Contended). Raises Unauthenticated for a pass
    that is nobody's: its customer may have been erased while the device proved that it holds the pass.
    """
    if not await registrations.hold(db, serial=serial):
        raise Unauthenticated
    apns = apple and APNS_TOKEN.fullmatch(push_token) is not None
    made = await registrations.put(
        db, device_id=device_id, pass_type=pass_type, serial=serial, push_token=push_token, apns=apns
    )
    if made:
        await registrations.saved(db, serial=serial)
        await registrations.tell_again(db, serial=serial)
        await registrations.drop_oldest(db, serial=serial, most=most)
        if await webhook_events.heard(db):
            await webhook_events.tell_saved(db, serial=serial, wallet="apple")
    return made


async def updates(pool: Pool, *, device_id: str, pass_type: str, since: int | None, terms: Numbering) -> Updated:
    """List a device's passes that changed after a mark (None: all), numbered first where one has no number yet.

    A pass that is being changed this very moment keeps none: it is told now, and once more when it is numbered.
    """
    look = partial(registrations.updated, device_id=device_id, pass_type=pass_type, since=since)
    async with pool.acquire() as db:
        found = await look(db)
    if not found.unnumbered:
        return found
    await pool.attempt(partial(number_these, terms=terms, serials=found.serials))
    async with pool.acquire() as db:
        return await look(db)
