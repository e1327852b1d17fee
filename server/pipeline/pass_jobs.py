"""Many passes change at once: an offer was edited, or a new certificate signs. In portions, so that nobody waits for it.

    touch (in the publishing transaction) → work: take → portion → redraw → mark → advance … → done

A mark is all that a pass needs: it is numbered, its wallets are told and fetch it, as after any other change; a wallet with
several of them is told once. What of a card follows an edit is said by whoever is handed in as `redraw`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeAlias
from uuid import UUID

from server.errors import KairosError
from server.store import pass_jobs
from server.store.pool import Connection, Pool

AT_ONCE = 250
"""Passes looked at in one transaction: some tens of milliseconds in which a till may wait for one of them."""

REST = timedelta(minutes=1)
"""A job that broke may break again; the log tells of it once a minute."""

Redraw: TypeAlias = Callable[[Connection, UUID, Sequence[UUID]], Awaitable[Sequence[UUID]]]
"""Draws an offer's passes (their serials) anew by its live version, and gives the serials of those that came out otherwise;
in the transaction of a portion."""


async def everything(db: Connection, offer_id: UUID, serials: Sequence[UUID]) -> Sequence[UUID]:
    """Say that all of them came out otherwise: their look is made when they are fetched."""
    return serials


async def touch(db: Connection, *, offer_id: UUID, by: str) -> UUID:
    """Have an offer's passes follow the version that goes live in this transaction; gives the job's id."""
    return await pass_jobs.begin(db, kind="edit", offer_id=offer_id, by=by)


async def resign(db: Connection, *, offer_id: UUID | None, by: str) -> UUID:
    """Have every pass in a wallet fetched anew, of one offer or of all (None); gives the job's id. Needs a transaction."""
    return await pass_jobs.begin(db, kind="resign", offer_id=offer_id, by=by)


async def step(db: Connection, *, redraw: Redraw = everything, limit: int = AT_ONCE) -> int | None:
    """Do a portion of the job whose turn it is, and tell how many passes were looked at; None: there is nothing to do."""
    held = await pass_jobs.take(db)
    if held is None:
        return None
    if not held.counted:
        await pass_jobs.count(db, held)
    rows = await pass_jobs.portion(db, held, limit=limit)
    serials: Sequence[UUID] = [row["serial"] for row in rows]
    resigned = held.kind == "resign"
    if not resigned and held.offer_id is not None and serials:
        serials = await redraw(db, held.offer_id, serials)
    changed = await pass_jobs.mark(db, serials=serials, whatever_state=resigned) if serials else 0
    await pass_jobs.advance(db, held, rows, changed=changed, over=held.last and len(rows) < limit)
    return len(rows)


async def work(pool: Pool, *, redraw: Redraw = everything, limit: int = AT_ONCE) -> int:
    """Do portions until what is left has nothing to look at yet, and tell how many passes were looked at.

    What breaks a portion is raised, and the job rests for a minute.
    """
    total = 0
    while True:
        try:
            count = await pool.attempt(partial(step, redraw=redraw, limit=limit))
        except KairosError:
            raise
        except Exception:
            await pool.attempt(partial(pass_jobs.put_back, rest=REST))
            raise
        if count is None:
            return total
        total += count
