"""Wallets: a device registers for a pass, and asks which of its passes changed."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from server.errors import Unauthenticated
from server.store import pass_tags, registrations
from server.store.pool import Connection, Pool
from server.store.registrations import Updated

_AT_ONCE = 1000
"""Passes numbered for a device that asks: what is more has its number from the job, and is told without one."""


async def register(db: Connection, *, device_id: str, pass_type: str, serial: UUID, push_token: str, most: int) -> bool:
    """Register a device for a pass, and tell whether it was not before; of a pass's devices the `most` newest stay.

    Needs a transaction, and may meet another that swaps push tokens (Contended). Raises Unauthenticated for a pass
    that is nobody's: its customer may have been erased while the device proved that it holds the pass.
    """
    if not await registrations.hold(db, serial=serial):
        raise Unauthenticated
    made = await registrations.put(db, device_id=device_id, pass_type=pass_type, serial=serial, push_token=push_token)
    if made:
        await registrations.tell_again(db, serial=serial)
        await registrations.drop_oldest(db, serial=serial, most=most)
    return made


async def updates(pool: Pool, *, device_id: str, pass_type: str, since: int | None) -> Updated:
    """List a device's passes that changed after a mark (None: all), numbered first where one has no number yet.

    A pass that is being changed this very moment keeps none: it is told now, and once more when it is numbered.
    """
    look = partial(registrations.updated, device_id=device_id, pass_type=pass_type, since=since)
    async with pool.acquire() as db:
        found = await look(db)
    if not found.unnumbered:
        return found
    await pool.attempt(partial(pass_tags.number, pass_type=pass_type, limit=_AT_ONCE))
    async with pool.acquire() as db:
        return await look(db)
