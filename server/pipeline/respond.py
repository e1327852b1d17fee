"""The phone answers: what became of the moments it was told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from server.model.moment import NEXT, Step
from server.store import events, funnel
from server.store.events import AppEvent, Standing
from server.store.pool import Connection

ODD = timedelta(minutes=2)
"""A phone's clock may be off by so much; an event further ahead, or from before its moment, is not believed."""

STEPS: dict[str, Step] = {
    "delivered": Step.DELIVERED,
    "opened": Step.OPENED,
    "clicked": Step.CLICKED,
    "dismissed": Step.DISMISSED,
}
_COUNTED: tuple[Literal["delivered", "opened", "clicked"], ...] = ("delivered", "opened", "clicked")


class Rejected(NamedTuple):
    """An event that was not stored, and why."""

    id: UUID
    code: Literal["unknown_moment", "bad_time"]


class Responded(NamedTuple):
    """How many events were stored, how many were known before, and those that were refused."""

    accepted: int
    duplicates: int
    rejected: tuple[Rejected, ...]


async def respond(db: Connection, *, customer_id: UUID, told: Sequence[AppEvent], now: datetime) -> Responded:
    """Store what the app tells of the customer's own moments, and step those on. Needs a transaction."""
    held = await events.hold(db, customer_id=customer_id, moments=[event.moment_id for event in told])
    good: dict[UUID, AppEvent] = {}
    rejected, duplicates = [], 0
    for event in told:
        standing = held.get(event.moment_id)
        if standing is None:
            rejected.append(Rejected(event.id, "unknown_moment"))
        elif not standing.created_at - ODD <= event.at <= now + ODD:
            rejected.append(Rejected(event.id, "bad_time"))
        elif event.id in good:
            duplicates += 1
        else:
            good[event.id] = event
    new = await events.insert(db, customer_id=customer_id, events=list(good.values())) if good else set()
    fresh = sorted((event for event in good.values() if event.id in new), key=lambda event: event.at)
    await _step(db, held, fresh, now)
    return Responded(len(new), duplicates + len(good) - len(new), tuple(rejected))


async def _step(db: Connection, held: dict[UUID, Standing], fresh: Iterable[AppEvent], now: datetime) -> None:
    """Carry new events over to their moments, and note each step that was taken for the first time."""
    after = dict(held)
    for event in fresh:
        after[event.moment_id] = stepped(after[event.moment_id], event, now)
    changed = [standing for key, standing in after.items() if standing != held[key]]
    if not changed:
        return
    await events.step(db, standings=changed)
    for name in _COUNTED:
        column = f"{name}_at"
        first = [each.id for each in changed if getattr(held[each.id], column) is None and getattr(each, column)]
        await funnel.note(db, moments=first, step=name)


def stepped(standing: Standing, event: AppEvent, now: datetime) -> Standing:
    """Give where a moment stands after an event.

    What happened is remembered in any case. The moment itself steps on only where that step may follow: one that was not
    delivered in time is over, whatever a phone that was offline tells afterwards.
    """
    at = max(event.at, standing.created_at)
    standing = replace(standing, delivered_at=standing.delivered_at or at)
    if event.type == "opened":
        standing = replace(standing, opened_at=standing.opened_at or at)
    elif event.type == "clicked":
        standing = replace(standing, clicked_at=standing.clicked_at or at)
    elif event.type == "dismissed":
        standing = replace(standing, dismissed_at=standing.dismissed_at or at)
    late = standing.state is Step.CREATED and now >= standing.deliver_by
    following = STEPS[event.type]
    return standing if late or following not in NEXT[standing.state] else replace(standing, state=following)
