"""What endpoints were told, and how that went; tell them again, or try whether they hear at all."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from server.errors import FieldError, Invalid, NotFound
from server.pipeline import webhooks as pipeline
from server.store import webhook_calls, webhooks
from server.store.webhook_calls import Logged
from server.web.call import Call
from server.web.door import door
from server.web.instants import Range, read_range
from server.web.paging import PageQuery, cut, page_size, read_cursor

EVENTS_AT_ONCE: Final = 200


class Tested(msgspec.Struct, frozen=True):
    """The event that is on its way; the log of calls tells how it went."""

    event_id: UUID


class ReplayBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename={"start": "from", "end": "to"}):
    """What to tell once more: what happened in [from, to) (dates in the programme's zone or instants), or these events."""

    start: str | None = None
    end: str | None = None
    events: Annotated[tuple[UUID, ...], msgspec.Meta(min_length=1, max_length=EVENTS_AT_ONCE)] | None = None


class Replayed(msgspec.Struct, frozen=True):
    """How many events are on their way once more; those on their way already are not counted."""

    queued: int


class CallsQuery(PageQuery, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Calls of one state alone: `dead` is given up."""

    state: Literal["queued", "leased", "sent", "dead"] | None = None


class CallAnswer(msgspec.Struct, frozen=True):
    """An event and how telling it went: `reason` is the last try's (`status 503`, `timeout`), `next` when it is tried again."""

    event_id: UUID
    type: str
    subject: str
    at: datetime
    state: str
    attempts: int
    reason: str | None
    queued_at: datetime
    tried_at: datetime | None
    next: datetime | None


class Calls(msgspec.Struct, frozen=True):
    """A page, the newest first."""

    items: list[CallAnswer]
    next: str | None


@door(
    "POST",
    "/v1/webhooks/{id}/test",
    answer=Tested,
    status=202,
    errors=(409,),
    summary="Send an event of type kairos.webhook.test",
    tags=("Other systems",),
)
async def test(call: Call) -> Tested:
    """Queue an event that tells nothing."""
    async with call.transaction() as db:
        return Tested(await pipeline.test(db, webhook_id=call.uuid("id"), now=call.parts.clock.now()))


@door(
    "GET",
    "/v1/webhooks/{id}/calls",
    query=CallsQuery,
    answer=Calls,
    summary="What an endpoint was told, and how that went",
    tags=("Other systems",),
)
async def list_calls(call: Call) -> Calls:
    """List calls."""
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    after = read_cursor(call.query.cursor, tuple[datetime, UUID])
    async with call.connection() as db:
        if await webhooks.find(db, webhook_id=call.uuid("id")) is None:
            raise NotFound
        rows = await webhook_calls.log(
            db, webhook_id=call.uuid("id"), after=after, state=call.query.state, limit=size + 1
        )
    page, following = cut(rows, size=size, keys=lambda row: (row.queued_at, row.event_id))
    return Calls([_call(row) for row in page], following)


@door(
    "POST",
    "/v1/webhooks/{id}/replay",
    body=ReplayBody,
    answer=Replayed,
    status=202,
    errors=(409,),
    summary="Tell an endpoint once more what happened: of a span of time, or some events",
    example={"from": "2026-11-02", "to": "2026-11-03"},
    tags=("Other systems",),
)
async def replay(call: Call) -> Replayed:
    """Queue events again, with the ids that they had."""
    body: ReplayBody = call.body
    span: Range | None = None
    if body.events is None:
        span = read_range(body.start, body.end, zone=call.parts.settings.programme.time_zone)
    elif body.start is not None or body.end is not None:
        raise Invalid(errors=[FieldError("events", "stands alone: give either events, or from and to")])
    async with call.transaction() as db:
        count = await pipeline.replay(
            db,
            webhook_id=call.uuid("id"),
            span=span,
            events=body.events or (),
            most=call.parts.settings.limits.webhook_replay,
            by=call.author,
        )
    return Replayed(count)


def _call(row: Logged) -> CallAnswer:
    return CallAnswer(*row)
