"""Agreeing, and no longer agreeing: at once, for decisions under way too, with what was derived from locations deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from server.errors import Unauthenticated
from server.model.customer import Consents, State
from server.store import customers, members, occasions, pings, states
from server.store.customers import PURPOSES, Purpose
from server.store.pool import Connection


async def agree(
    db: Connection, *, customer_id: UUID, said: Mapping[Purpose, bool], terms: str, source: str
) -> Consents:
    """Write what a customer agrees to (purposes that are not said stay), and give what is in force. Needs a transaction.

    The state's version counts up, so that a decision on what was agreed before cannot be committed any more.
    """
    before = await customers.lock(db, customer_id=customer_id)
    if before is None:
        raise Unauthenticated
    after = replace(before, **dict(said))
    changed: Sequence[Purpose] = [purpose for purpose in PURPOSES if purpose in said]
    if changed:
        await customers.agree(db, customer_id=customer_id, consents=after, changed=changed, terms=terms, source=source)
    if before.location and not after.location:
        await _forget_whereabouts(db, customer_id)
    elif after != before:
        await states.bump(db, customer_id=customer_id)
    if before.profiling and not after.profiling:
        await members.leave_all(db, customer_id=customer_id)
    return after


async def _forget_whereabouts(db: Connection, customer_id: UUID) -> None:
    """Delete what locations left behind; what was shown stays, or else caps would be forgotten with it."""
    found = await states.read(db, customer_id=customer_id)
    if found is not None:
        await states.bump(db, customer_id=customer_id, state=State(shown=found[1].shown))
    await pings.forget(db, customer_id=customer_id)
    await occasions.forget(db, customer_id=customer_id)
