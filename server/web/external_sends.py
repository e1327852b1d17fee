"""POST /v1/external-sends: the brand's other systems say what they sent, so that nobody gets too much of everything."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from server.errors import FieldError, Invalid
from server.pipeline.external_sends import Counted, OtherSend, UnknownCustomer, count
from server.store import customers
from server.store.external_sends import Send
from server.store.ids import new_id
from server.store.pool import Connection
from server.web.call import Call, Reply
from server.web.codec import Instant
from server.web.door import door

_AHEAD: Final = timedelta(minutes=2)
"""A clock may be off by as much; what lies further ahead was not sent yet."""

_Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$(?!\n)")]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class SendBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"pressure": "class"}):
    """One message, to a customer by the brand's number or by ours. `id` is the sender's: a repeat of it counts once.

    `at` is when it went out (now, where it is not said), `class` the pressure class whose caps it counts into.
    """

    channel: _Word
    external_id: _Name | None = None
    customer_id: UUID | None = None
    at: Instant | None = None
    pressure: _Word = "marketing"
    id: _Name | None = None


class SendAnswer(msgspec.Struct, frozen=True, rename={"pressure": "class"}):
    """The message as it is kept; `counted` is false for one that is too old for any cap."""

    id: str
    channel: str
    pressure: str
    at: datetime
    counted: bool


class Batch(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Messages of a campaign, each with an id."""

    sends: list[SendBody]


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one: counted now, known before, or refused (`code` as a single one would be)."""

    id: str
    status: Literal["counted", "known", "refused"]
    counted: bool | None = None
    code: str | None = None


class Results(msgspec.Struct, frozen=True):
    """One for each message, in their order."""

    results: list[Result]


@door(
    "POST",
    "/v1/external-sends",
    body=SendBody,
    answer=SendAnswer,
    status=201,
    idempotency="required",
    summary="Count a message that another system sent into the customer's caps; 200 for one that was told before",
    example={"external_id": "4711", "channel": "email", "at": "2026-11-03T07:30:00Z", "id": "newsletter-2026-45"},
    errors=(404, 409),
    tags=("Other systems",),
)
async def told(call: Call) -> Reply:
    """Keep a send, and let decisions under way see it."""
    check(call, call.body)
    async with call.transaction() as db:
        done = await _count(call, db, call.body)
    return Reply(201 if done.new else 200, SendAnswer(*done.send, counted=done.counts))


@door(
    "POST",
    "/v1/external-sends/batch",
    body=Batch,
    answer=Results,
    summary="Count a campaign's messages: each by itself, each once by its id, and one that is refused stops no other",
    example={"sends": [{"external_id": "4711", "channel": "email", "id": "newsletter-2026-45"}]},
    tags=("Other systems",),
    piecemeal=True,
)
async def told_many(call: Call) -> Results:
    """Keep sends one after the other, each in a transaction of its own: a batch that broke off is simply sent again."""
    most = call.parts.settings.limits.sends_per_request
    if not 1 <= len(call.body.sends) <= most:
        raise Invalid(errors=[FieldError("sends", f"must be 1 to {most} (limits.sends_per_request)")])
    for number, body in enumerate(call.body.sends):
        check(call, body, field=f"sends[{number}].", named=True)
    results = []
    for body in call.body.sends:
        try:
            async with call.transaction() as db:
                done = await _count(call, db, body)
        except (UnknownCustomer, OtherSend) as refusal:
            results.append(Result(body.id or "", "refused", code=refusal.reason))
        else:
            results.append(Result(done.send.id, "counted" if done.new else "known", counted=done.counts))
    return Results(results)


async def _count(call: Call, db: Connection, body: SendBody) -> Counted:
    now = call.parts.clock.now()
    return await count(
        db,
        customer_id=await _customer(db, body),
        send=Send(body.id or str(new_id()), body.channel, body.pressure, body.at or now),
        timed=body.at is not None,
        ruleset=call.parts.rules.current.ruleset,
        now=now,
    )


def check(call: Call, body: SendBody, *, field: str = "", named: bool = False) -> None:
    """Check what the shape cannot: one customer, a time that may be, and in a batch an id; raises Invalid."""
    if (body.external_id is None) == (body.customer_id is None):
        raise Invalid(
            errors=[FieldError(f"{field}external_id", "exactly one of external_id and customer_id is needed")]
        )
    if named and body.id is None:
        raise Invalid(errors=[FieldError(f"{field}id", "is required in a batch: by it a repeat is known")])
    check_time(
        body.at, now=call.parts.clock.now(), days=call.parts.settings.privacy.event_days, field=f"{field}at"
    )  # fmt: skip


def check_time(at: datetime | None, *, now: datetime, days: int, field: str = "at") -> None:
    """Refuse what was not sent yet, and what would be forgotten at once; raises Invalid."""
    if at is not None and at > now + _AHEAD:
        raise Invalid(errors=[FieldError(field, "must not lie ahead: tell a message when it has gone out")])
    if at is not None and at < now - timedelta(days=days):
        raise Invalid(errors=[FieldError(field, f"must not be older than {days} days (privacy.event_days)")])


async def _customer(db: Connection, body: SendBody) -> UUID:
    if body.customer_id is not None:
        return body.customer_id
    found = await customers.by_external_id(db, external_id=body.external_id or "")
    if found is None:
        raise UnknownCustomer
    return found
