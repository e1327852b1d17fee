"""Deliveries that nobody took: listed, tried once more, or dropped, by an admin; and what waits."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from server.errors import Conflict, NotFound
from server.store import letters
from server.store.letters import Letter
from server.store.pool import Connection
from server.web import audit
from server.web.call import Call
from server.web.door import door
from server.web.paging import PageQuery, cut, page_size, read_cursor

Way = Literal["apns", "fcm", "webpush", "apple_wallet", "google_wallet"]


class NotDead(Conflict):
    """This delivery is no dead letter: it waits, or it is over."""

    code, title = "not_dead", "Not a dead letter"


class TooLate(Conflict):
    """Its time is over: nobody wants it any more."""

    code, title = "too_late", "Too late"


class DeliveriesQuery(PageQuery, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Which deliveries: `dead` ones, or those that are `waiting` (also such as are just being sent); of one way, or all."""

    state: Literal["dead", "waiting"] = "dead"
    way: Way | None = None


class Delivery(msgspec.Struct, frozen=True):
    """A delivery. `channel` is `push`, `apple_wallet` or `google_wallet`; `way` the service, null before a device was found.

    `reason` is the service's word, or ours. A push has a moment, an update of Google's wallet a pass's serial, one of
    Apple's neither: it tells a wallet that some of its passes changed. After `deliver_by` it is not tried again.
    """

    id: UUID
    channel: str
    way: str | None
    state: str
    attempts: int
    reason: str | None
    customer_id: UUID | None
    moment_id: UUID | None
    offer_id: UUID | None
    serial: UUID | None
    created_at: datetime
    deliver_by: datetime


class Deliveries(msgspec.Struct, frozen=True):
    """A page: dead letters the newest first, what waits the longest waiting first."""

    items: list[Delivery]
    next: str | None


@door(
    "GET",
    "/v1/deliveries",
    query=DeliveriesQuery,
    answer=Deliveries,
    summary="List dead letters, or what waits to leave the house",
    tags=("House",),
)
async def listed(call: Call) -> Deliveries:
    """List deliveries, without their addresses."""
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    after = read_cursor(call.query.cursor, tuple[datetime, UUID])
    async with call.connection() as db:
        found = await letters.page(db, kind=call.query.state, way=call.query.way, after=after, limit=size + 1)
    page, following = cut(found, size=size, keys=lambda each: (each.at, each.id))
    return Deliveries([delivery_of(each) for each in page], following)


@door(
    "POST",
    "/v1/deliveries/{id}/retry",
    answer=Delivery,
    idempotency="optional",
    summary="Try a dead letter once more, from its first try on",
    example={},
    errors=(404, 409),
    tags=("House",),
)
async def retry(call: Call) -> Delivery:
    """Put it back into the queue; whether it may still go is asked again there."""
    now = call.parts.clock.now()
    async with call.transaction() as db:
        letter = await _dead(call, db)
        if not await letters.retry(db, ids=[letter.id], now=now):
            raise TooLate
        return await _done(call, db, letter, "delivery.retry")


@door(
    "POST",
    "/v1/deliveries/{id}/drop",
    answer=Delivery,
    idempotency="optional",
    summary="Take a dead letter off the list: it is not tried again",
    example={},
    errors=(404, 409),
    tags=("House",),
)
async def drop(call: Call) -> Delivery:
    """End it for good."""
    async with call.transaction() as db:
        letter = await _dead(call, db)
        await letters.drop(db, ids=[letter.id], now=call.parts.clock.now())
        return await _done(call, db, letter, "delivery.drop")


async def _dead(call: Call, db: Connection) -> Letter:
    letter = await letters.find(db, id_=call.uuid("id"))
    if letter is None:
        raise NotFound
    if letter.state != "dead":
        raise NotDead
    return letter


async def _done(call: Call, db: Connection, before: Letter, action: str) -> Delivery:
    """Tell what it is now, with its row in the audit."""
    after = await letters.find(db, id_=before.id)
    if after is None:
        raise NotFound
    told = {"before": before.state, "after": after.state}
    await audit.note(db, call, action=action, object=f"delivery:{before.id}", **told)
    return delivery_of(after)


def delivery_of(letter: Letter) -> Delivery:
    """Show a delivery."""
    return Delivery(**{name: getattr(letter, name) for name in Delivery.__struct_fields__})
