"""/v1/webhooks: an admin says which other systems are told what. Secrets are told once, when they are made."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec

from server.channels.reach import LONGEST_URL, PUBLIC, STAND_INS, wrong_with
from server.decision.durations import read_duration
from server.errors import FieldError, Invalid, NotFound
from server.pipeline import webhooks as pipeline
from server.pipeline.webhooks import Wanted
from server.store import webhooks
from server.store.webhook_events import TYPES
from server.store.webhooks import EVERYTHING, Endpoint
from server.web.call import Call
from server.web.door import door
from server.web.paging import PageQuery, cut, page_size, read_cursor

LONGEST_OVERLAP: Final = timedelta(days=30)
"""Two secrets are twice the chance that one is lost: nobody needs a month to put the new one in."""

Url = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_URL)]
Description = Annotated[str, msgspec.Meta(max_length=200)]
Events = Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=len(TYPES) + 1)]


class NewWebhook(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where to send what: `events` are types of events, or `*` for all of them, also such as come later."""

    url: Url
    events: Events
    description: Description | None = None


class WebhookChange(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What to change; `enabled` true turns an endpoint on again that was turned off, whoever did it."""

    url: Url | msgspec.UnsetType = msgspec.UNSET
    events: Events | msgspec.UnsetType = msgspec.UNSET
    description: Description | msgspec.UnsetType | None = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET


class WebhookAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An endpoint. `disabled_for` says why Kairos turned it off: `gone` (it answered 410) or `failing` (for days).

    `secret` only where one was just made; until `two_secrets_until` messages have a signature of the one before, too.
    """

    id: UUID
    url: str
    events: list[str]
    description: str | None
    enabled: bool
    disabled_for: str | None
    failing_since: datetime | None
    two_secrets_until: datetime | None
    created_at: datetime
    secret: str | msgspec.UnsetType = msgspec.UNSET


class Webhooks(msgspec.Struct, frozen=True):
    """A page, the newest first."""

    items: list[WebhookAnswer]
    next: str | None


class Rotation(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """For how long the secret of before signs, too (ISO 8601, such as PT24H; `webhooks.overlap_s` unless said)."""

    overlap: Annotated[str, msgspec.Meta(max_length=40)] | None = None


@door("GET", "/v1/webhooks", query=PageQuery, answer=Webhooks, summary="The endpoints", tags=("Other systems",))
async def list_webhooks(call: Call) -> Webhooks:
    """List endpoints."""
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    before = read_cursor(call.query.cursor, tuple[UUID])
    async with call.connection() as db:
        rows = await webhooks.page(db, before=before[0] if before else None, limit=size + 1)
    page, following = cut(rows, size=size, keys=lambda row: (row.id,))
    return Webhooks([answer_of(row, now=call.parts.clock.now()) for row in page], following)


@door(
    "POST",
    "/v1/webhooks",
    body=NewWebhook,
    answer=WebhookAnswer,
    status=201,
    idempotency="optional",
    errors=(409,),
    summary="Tell another system from now on; the secret that signs is told once",
    example={"url": "https://hooks.example.com/kairos", "events": ["kairos.redemption.created"]},
    tags=("Other systems",),
)
async def add(call: Call) -> WebhookAnswer:
    """Add an endpoint."""
    body: NewWebhook = call.body
    _check(call, url=body.url, events=body.events)
    async with call.transaction() as db:
        made, secret = await pipeline.create(
            db,
            wanted=Wanted(body.url, _each_once(body.events), body.description),
            keyring=call.parts.secrets,
            now=call.parts.clock.now(),
            most=call.parts.settings.limits.webhooks,
            by=call.author,
        )
    return answer_of(made, now=call.parts.clock.now(), secret=secret)


@door("GET", "/v1/webhooks/{id}", answer=WebhookAnswer, summary="One endpoint", tags=("Other systems",))
async def show(call: Call) -> WebhookAnswer:
    """Show an endpoint."""
    async with call.connection() as db:
        found = await webhooks.find(db, webhook_id=call.uuid("id"))
    if found is None:
        raise NotFound
    return answer_of(found, now=call.parts.clock.now())


@door(
    "PATCH",
    "/v1/webhooks/{id}",
    body=WebhookChange,
    answer=WebhookAnswer,
    summary="Change an endpoint, turn it off or on; what waits for it goes on when it is on again",
    example={"enabled": True, "events": ["*"]},
    tags=("Other systems",),
)
async def change(call: Call) -> WebhookAnswer:
    """Change what is given."""
    given = {name: value for name, value in msgspec.structs.asdict(call.body).items() if value is not msgspec.UNSET}
    _check(call, **{name: given[name] for name in ("url", "events") if name in given})
    async with call.transaction() as db:
        before = await webhooks.hold(db, webhook_id=call.uuid("id"))
        if before is None:
            raise NotFound
        values: dict[str, Any] = {name: getattr(before, name) for name in Wanted.__slots__} | given
        wanted = Wanted(**{**values, "events": _each_once(values["events"])})
        after = await pipeline.change(db, before=before, wanted=wanted, by=call.author)
    return answer_of(after, now=call.parts.clock.now())


@door("DELETE", "/v1/webhooks/{id}", status=204, summary="Remove an endpoint with its log", tags=("Other systems",))
async def remove(call: Call) -> None:
    """Remove an endpoint; what was on its way to it is dropped."""
    async with call.transaction() as db:
        await pipeline.remove(db, webhook_id=call.uuid("id"), by=call.author)


@door(
    "POST",
    "/v1/webhooks/{id}/rotate",
    body=Rotation,
    answer=WebhookAnswer,
    idempotency="optional",
    summary="Sign with a new secret, and for a while with the one before as well",
    example={"overlap": "PT24H"},
    tags=("Other systems",),
)
async def rotate(call: Call) -> WebhookAnswer:
    """Replace the secret."""
    overlap = timedelta(seconds=call.parts.settings.webhooks.overlap_s)
    if call.body.overlap is not None:
        asked = read_duration(call.body.overlap)
        if asked is None or asked > LONGEST_OVERLAP:
            raise Invalid(errors=[FieldError("overlap", "must be an ISO 8601 duration from PT0S to P30D")])
        overlap = asked
    now = call.parts.clock.now()
    async with call.transaction() as db:
        after, secret = await pipeline.rotate(
            db, webhook_id=call.uuid("id"), overlap=overlap, keyring=call.parts.secrets, now=now, by=call.author
        )
    return answer_of(after, now=now, secret=secret)


def _check(call: Call, *, url: str | None = None, events: tuple[str, ...] = ()) -> None:
    """Refuse addresses that are never called, and events that nobody tells of; raises Invalid."""
    errors = []
    if url is not None:
        wrong = wrong_with(url, STAND_INS if call.parts.settings.mode == "test" else PUBLIC)
        errors += [FieldError("url", wrong)] if wrong else []
    errors += [
        FieldError(f"events[{place}]", f"must be {EVERYTHING} or one of {', '.join(TYPES)}")
        for place, name in enumerate(events)
        if name not in TYPES and name != EVERYTHING
    ]
    if errors:
        raise Invalid(errors=errors)


def _each_once(events: tuple[str, ...]) -> list[str]:
    return [EVERYTHING] if EVERYTHING in events else list(dict.fromkeys(events))


def answer_of(row: Endpoint, *, now: datetime, secret: str | msgspec.UnsetType = msgspec.UNSET) -> WebhookAnswer:
    """Tell of an endpoint what may be told."""
    return WebhookAnswer(
        id=row.id,
        url=row.url,
        events=list(row.events),
        description=row.description,
        enabled=row.enabled,
        disabled_for=row.disabled_for,
        failing_since=row.failing_since,
        two_secrets_until=row.old_until if row.old_until is not None and row.old_until > now else None,
        created_at=row.created_at,
        secret=secret,
    )
