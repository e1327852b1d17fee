"""Ending passes by hand: one of them, all of an offer, or all of a customer."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from server.errors import Conflict, Gone, NotFound
from server.model.pass_ import PassState
from server.pipeline.redeem import AlreadyRedeemed, Expired
from server.store import audit, passes
from server.store.pool import Connection

_AT_ONCE = 2000
"""Passes ended by one statement: some milliseconds in which nobody waits long for one of them."""


class AlreadyVoided(Conflict):
    """This pass was voided before."""

    code, title = "already_voided", "Already voided"


_REFUSALS: dict[PassState, type[Conflict] | type[Gone]] = {
    PassState.VOIDED: AlreadyVoided,
    PassState.REDEEMED: AlreadyRedeemed,
    PassState.EXPIRED: Expired,
}


async def void(
    db: Connection, *, serial: UUID, reason: str, actor: str, address: str | None, request_id: str | None
) -> datetime:
    """Void an active pass for good, with its row in the audit, and tell when. Needs a transaction.

    Raises NotFound, AlreadyVoided, AlreadyRedeemed (all uses are made), Expired.
    """
    voided = await passes.void(db, serial=serial, reason=reason)
    if voided is None:
        raise NotFound
    if not voided.done:
        raise _REFUSALS[voided.before]
    await audit.record(
        db,
        actor=actor,
        action="pass.void",
        object=f"pass:{serial}",
        before={"state": voided.before},
        after={"state": PassState.VOIDED, "reason": reason},
        address=address,
        request_id=request_id,
    )
    return voided.at


async def void_offer(db: Connection, *, offer_id: UUID, reason: str) -> int:
    """Void all active passes of an offer, in the caller's transaction, and tell how many; the caller audits the deed."""
    total = 0
    while count := await passes.void_offer(db, offer_id=offer_id, reason=reason, limit=_AT_ONCE):
        total += count
    return total


async def void_customer(db: Connection, *, customer_id: UUID, reason: str) -> int:
    """Void all active passes of a customer, in the caller's transaction, and tell how many."""
    return await passes.void_customer(db, customer_id=customer_id, reason=reason)
