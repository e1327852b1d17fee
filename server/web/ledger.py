"""GET /v1/redemptions: a customer sees their own, a till today's of its store, an admin all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.store import redemptions
from server.store.pool import Connection
from server.store.redemptions import Entry
from server.web.access import Kind
from server.web.call import Call
from server.web.counter import till_of
from server.web.door import door
from server.web.paging import PageQuery, cut, page_size, read_cursor
from server.web.rewards import MoneyBody, RewardAnswer, reward_of


class LedgerItem(msgspec.Struct, frozen=True):
    """A row of the ledger; `uses_left` as it was told at the till, `value` what it was worth
    (of a percentage: of that purchase), `own` whether the caller is that till."""

    id: UUID
    serial: UUID
    offer_id: UUID
    reward: RewardAnswer
    uses_left: int
    store_id: UUID
    own: bool
    value: MoneyBody | None
    redeemed_at: datetime
    reversed: bool
    reversed_at: datetime | None


class LedgerPage(msgspec.Struct, frozen=True):
    """A page of the ledger, newest first."""

    items: list[LedgerItem]
    next: str | None


@door(
    "GET",
    "/v1/redemptions",
    query=PageQuery,
    answer=LedgerPage,
    summary="List redemptions: a customer's own, today's of a till's store, all for an admin",
    tags=("Counter",),
)
async def ledger(call: Call) -> LedgerPage:
    """List redemptions, newest first."""
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    after = read_cursor(call.query.cursor, tuple[datetime, UUID])
    async with call.connection() as db:
        found = await _entries(call, db, limit=size + 1, after=after)
    page, following = cut(found, size=size, keys=lambda each: (each.redeemed_at, each.id))
    return LedgerPage([_item(each, of=call.principal.id) for each in page], following)


async def _entries(call: Call, db: Connection, *, limit: int, after: tuple[datetime, UUID] | None) -> Sequence[Entry]:
    """Read what this caller may see: the owner is part of each statement's WHERE."""
    if call.principal.kind is Kind.CUSTOMER:
        return await redemptions.own(db, customer_id=call.customer_id, limit=limit, after=after)
    if Kind.ADMIN in call.principal.roles:
        return await redemptions.page(db, limit=limit, after=after)
    store_id = till_of(call).store_id
    zone = await redemptions.zone_of(db, store_id=store_id)
    since = day_began(call.parts.clock.now(), zone or call.parts.settings.programme.time_zone)
    return await redemptions.page(db, store_id=store_id, since=since, limit=limit, after=after)


def day_began(now: datetime, zone: str) -> datetime:
    """Give the instant at which the local day of `now` began: its midnight, or the first instant after a gap there."""
    midnight = now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return midnight.astimezone(UTC)


def _item(entry: Entry, *, of: str) -> LedgerItem:
    return LedgerItem(
        id=entry.id,
        serial=entry.serial,
        offer_id=entry.offer_id,
        reward=reward_of(entry.reward),
        uses_left=entry.uses_left,
        store_id=entry.store_id,
        own=entry.till_id == of,
        value=None if entry.currency is None else MoneyBody(entry.value_minor, entry.currency),
        redeemed_at=entry.redeemed_at,
        reversed=entry.reversed_at is not None,
        reversed_at=entry.reversed_at,
    )
