"""Giving a customer everything, and forgetting them: each in one transaction, complete or not at all."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from server.errors import Unauthenticated
from server.pipeline.voiding import void_customer
from server.store import customers, erasure, expiry, members, passes, states
from server.store.pool import Connection, Pool


async def export(pool: Pool, *, customer_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """Read everything that is stored of a customer, by table, as of one instant; raises Unauthenticated if there is none."""
    async with pool.transaction(isolation="repeatable_read", readonly=True) as db:
        document = await erasure.export(db, customer_id=customer_id)
    if not document["customers"]:
        raise Unauthenticated
    return document


async def erase(db: Connection, *, customer_id: UUID) -> None:
    """Forget a customer: passes are voided, reservations given back, rows erased or left to nobody. Needs a transaction.

    The state is held first: a decision that is under way has committed by then, or finds no state to write to and is lost.
    Whoever judges the customer's segments meanwhile has committed too, or finds nobody: the passes come first, since a
    till holds one when it judges.
    """
    if await customers.lock(db, customer_id=customer_id) is None:
        raise Unauthenticated
    await states.read(db, customer_id=customer_id)
    await void_customer(db, customer_id=customer_id, reason="erased")
    await expiry.release_all(db, customer_id=customer_id)
    await passes.hold_all(db, customer_id=customer_id)
    await members.lock(db, customers=[customer_id])
    await erasure.erase(db, customer_id=customer_id)
