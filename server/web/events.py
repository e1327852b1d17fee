"""POST /v1/events: the app tells what became of its moments."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from server.errors import FieldError, Invalid
from server.pipeline.respond import respond
from server.store.events import AppEvent, EventType
from server.web.call import Call
from server.web.codec import Instant
from server.web.door import door


class EventBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One event, by an id that the app makes; `at` by the phone's clock."""

    id: UUID
    moment_id: UUID
    type: EventType
    at: Instant


class EventBatch(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Some events, in any order."""

    events: Annotated[tuple[EventBody, ...], msgspec.Meta(min_length=1)]


class RejectedAnswer(msgspec.Struct, frozen=True):
    """An event that was not stored: `unknown_moment` or `bad_time`."""

    id: UUID
    code: str


class EventsAnswer(msgspec.Struct, frozen=True):
    """How many events were stored now, how many were known before, and those that were refused."""

    accepted: int
    duplicates: int
    rejected: list[RejectedAnswer]


EXAMPLE = {
    "events": [
        {
            "id": "018f3f2e-7c4a-7b1e-9a57-3f3f2e7c4a01",
            "moment_id": "018f3f2e-7c4a-7b1e-9a57-3f3f2e7c4a02",
            "type": "opened",
            "at": "2026-11-03T07:31:00Z",
        }
    ]
}


@door(
    "POST",
    "/v1/events",
    body=EventBatch,
    answer=EventsAnswer,
    limit="ping_body_bytes",
    summary="Tell what became of moments; each event counts once, by its id",
    example=EXAMPLE,
    tags=("App",),
)
async def tell(call: Call) -> EventsAnswer:
    """Store the caller's events."""
    most = call.parts.settings.limits.events_per_request
    if len(call.body.events) > most:
        raise Invalid(errors=[FieldError("events", f"must have 1 to {most} elements")])
    told = [AppEvent(each.id, each.moment_id, each.type, each.at) for each in call.body.events]
    now = call.parts.clock.now()
    responded = await call.parts.pool.attempt(lambda db: respond(db, customer_id=call.customer_id, told=told, now=now))
    rejected = [RejectedAnswer(*each) for each in responded.rejected]
    return EventsAnswer(responded.accepted, responded.duplicates, rejected)
