"""Later, please: a customer puts a moment off, and it comes back by itself.

Rule 1: who puts a moment off has seen it: it counts as delivered, and no push is sent for it any more.
Rule 2: it comes back before it ends, or not at all: the end stays what it was.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from server.errors import Conflict, FieldError, Invalid, NotFound
from server.model.moment import ACTIVE, Step
from server.store import events, funnel, knocks, moments
from server.store.moments import Shown
from server.store.pool import Connection


class NotActive(Conflict):
    """The moment is over: it was dismissed, taken, or its time has passed."""

    code, title = "not_active", "Not active"


async def snooze(
    db: Connection, *, customer_id: UUID, moment_id: UUID, field: str, until: datetime, most: timedelta, now: datetime
) -> Shown:
    """Put a customer's own moment off. Needs a transaction. Raises NotFound, NotActive, Invalid (by `field`)."""
    standing = (await events.hold(db, customer_id=customer_id, moments=[moment_id])).get(moment_id)
    if standing is None:
        raise NotFound
    [before] = await moments.by_id(db, customer_id=customer_id, ids=[moment_id])
    state = before.state_at(now)
    if state not in ACTIVE:
        raise NotActive(extra={"state": state.value})
    _check(field, until, end=before.valid_until, most=most, now=now)
    seen = replace(standing, delivered_at=standing.delivered_at or max(now, standing.created_at))
    if standing.state is Step.CREATED:
        seen = replace(seen, state=Step.DELIVERED)
    if seen != standing:
        await events.step(db, standings=[seen])
    if standing.delivered_at is None:
        await funnel.note(db, moments=[moment_id], step="delivered")
    await moments.put_off(db, moment_id=moment_id, until=until)
    await knocks.nudge(db, customers=[customer_id])
    return replace(before, state=seen.state, snoozed_until=until)


def _check(field: str, until: datetime, *, end: datetime | None, most: timedelta, now: datetime) -> None:
    """Refuse a time that is past, too far off, or at which nothing would come back."""
    if until <= now:
        raise Invalid(errors=[FieldError(field, "must be ahead")])
    if until > now + most:
        raise Invalid(errors=[FieldError(field, f"must be at most {most.total_seconds():g} s ahead (limits.snooze_s)")])
    if end is not None and until >= end:
        raise Invalid(errors=[FieldError(field, f"must be before the moment ends, at {end.isoformat()}")])
