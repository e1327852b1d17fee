"""GET /v1/redemptions/conflicts: what was given without a network and could not be booked, and what that cost."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from server.store import late
from server.web.access import READERS, Kind
from server.web.call import Call
from server.web.counter import till_of
from server.web.door import door
from server.web.paging import PageQuery, cut, page_size, read_cursor
from server.web.rewards import MoneyBody, RewardAnswer, reward_of


class ConflictItem(msgspec.Struct, frozen=True):
    """One that could not be booked: `code` why, as a redemption would have been refused.

    `served_at` is when the till says it gave it; `before_at`, `before_store` and `before_store_id` tell the use that was
    there before, `cost` what was given for nothing (null: nobody knows). `serial` is for tills and admins.
    """

    id: UUID
    code: str
    served_at: datetime
    received_at: datetime
    store_id: UUID
    store: str | None
    reward: RewardAnswer | None
    before_at: datetime | None
    before_store_id: UUID | None
    before_store: str | None
    cost: MoneyBody | None
    serial: UUID | None


class LossAnswer(msgspec.Struct, frozen=True):
    """What all of them come to, in one currency (null: what those cost is not known)."""

    count: int
    cost: MoneyBody | None


class ConflictPage(msgspec.Struct, frozen=True):
    """A page, newest first, and the losses over all pages."""

    items: list[ConflictItem]
    losses: list[LossAnswer]
    next: str | None


@door(
    "GET",
    "/v1/redemptions/conflicts",
    query=PageQuery,
    answer=ConflictPage,
    summary="What tills gave offline and could not be booked: a till's own store, all for those who read reports",
    tags=("Counter",),
)
async def conflicts(call: Call) -> ConflictPage:
    """List conflicts: the store is part of the statement's WHERE for a till."""
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    after = read_cursor(call.query.cursor, tuple[datetime, UUID])
    store_id = None if READERS & call.principal.roles else till_of(call).store_id
    serials = bool(call.principal.roles & {Kind.ADMIN, Kind.TILL})
    async with call.connection() as db:
        found = await late.conflicts(db, store_id=store_id, after=after, limit=size + 1)
        lost = await late.losses(db, store_id=store_id)
    page, following = cut(found, size=size, keys=lambda each: (each.received_at, each.id))
    losses = [
        LossAnswer(each.times, MoneyBody(each.minor, each.currency) if each.currency is not None else None)
        for each in lost
    ]
    return ConflictPage([_item(each, serials=serials) for each in page], losses, following)


def _item(each: late.Conflict, *, serials: bool) -> ConflictItem:
    outcome = each.outcome
    return ConflictItem(
        id=each.id,
        code=outcome.reason or outcome.outcome,
        served_at=each.scanned_at,
        received_at=each.received_at,
        store_id=each.store_id,
        store=each.store,
        reward=None if outcome.reward is None else reward_of(outcome.reward),
        before_at=outcome.against_at,
        before_store_id=outcome.against_store,
        before_store=each.against,
        cost=None if outcome.cost is None else MoneyBody(outcome.cost.minor, outcome.cost.currency),
        serial=each.serial if serials else None,
    )
