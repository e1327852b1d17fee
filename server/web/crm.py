"""Other systems about customers: profiles are written by the brand's own number, and events are told; nobody is read.

An admin may look a customer up by that number.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec

from server.errors import FieldError, Invalid, NotFound
from server.model.ids import event_id
from server.pipeline import membership
from server.pipeline.membership import refresh
from server.pipeline.preferences import facts_of
from server.pipeline.profile_rules import Value
from server.store import customers, happenings
from server.store.customers import Change, Profile
from server.store.happenings import Happening
from server.store.pool import Connection, Contended
from server.web.access import Kind
from server.web.call import Call
from server.web.codec import Instant, clean
from server.web.door import door
from server.web.profiles import ConsentsAnswer, Locale, check_profile, consents_answer

AHEAD = timedelta(minutes=2)
"""Another system's clock may be off by so much."""

OURS = ("purchase", "redemption", "sign-up", "sign_up", "birthday", "inactivity")
"""Events that Kairos tells itself, or that have a door of their own."""

ANSWER = "nps"
"""An answer to the question how likely somebody is to recommend the brand."""

SEGMENTS = 100
"""Groups that one customer is told to be in."""

ExternalId = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class UpsertBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What to write: what is not named stays; an attribute that is null is removed, one that is not named stays.

    `segments` are all those of which other systems tell the members; kept only of customers who agreed to profiling.
    """

    locale: Locale | msgspec.UnsetType | None = msgspec.UNSET
    time_zone: str | msgspec.UnsetType | None = msgspec.UNSET
    attributes: dict[str, Value] | msgspec.UnsetType = msgspec.UNSET
    segments: Annotated[tuple[str, ...], msgspec.Meta(max_length=SEGMENTS)] | msgspec.UnsetType = msgspec.UNSET


class UpsertAnswer(msgspec.Struct, frozen=True):
    """Whose profile was written, and whether the customer was made now."""

    customer_id: UUID
    created: bool


class FoundCustomer(msgspec.Struct, frozen=True):
    """A customer, as an admin may see them: no position is among it."""

    customer_id: UUID
    external_id: str | None
    locale: str | None
    time_zone: str | None
    attributes: Mapping[str, Any]
    segments: list[str]
    consents: ConsentsAnswer
    created_at: datetime


class CustomersAnswer(msgspec.Struct, frozen=True):
    """The customer of that number, if there is one."""

    items: list[FoundCustomer]
    next: str | None = None


class CustomerQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The brand's own number of the customer."""

    external_id: ExternalId


class ToldEvent(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One event: the id is the other system's own, the name what offers wait for, `at` when it happened.

    `score` is what the customer answered from 0 to 10: an event named nps has one, and no other.
    """

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    at: Instant
    score: Annotated[int, msgspec.Meta(ge=0, le=10)] | None = None


class ToldBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Some events of one customer, in any order."""

    events: Annotated[tuple[ToldEvent, ...], msgspec.Meta(min_length=1)]


class RefusedEvent(msgspec.Struct, frozen=True):
    """An event that was not stored: `bad_time` is ahead of our clock."""

    id: str
    code: str


class ToldAnswer(msgspec.Struct, frozen=True):
    """How many events were stored now, how many were known before, and those that were refused."""

    accepted: int
    duplicates: int
    rejected: list[RefusedEvent]


@door(
    "PUT",
    "/v1/customers/{external_id}",
    body=UpsertBody,
    answer=UpsertAnswer,
    summary="Write a customer's profile by the brand's own number; whoever is not known yet is made, with no consent",
    example={"locale": "de-DE", "time_zone": "Europe/Berlin", "attributes": {"tier": "gold", "birthday": "1990-02-29"}},
    tags=("Other systems",),
)
async def upsert(call: Call) -> UpsertAnswer:
    """Write a profile, and tell whose it is; what a person of the staff writes is audited, a machine's doing is not."""
    external_id = _external_id(call)
    given = {name: getattr(call.body, name) for name in ("locale", "time_zone", "attributes")}
    given = {name: value for name, value in given.items() if value is not msgspec.UNSET}
    check_profile(time_zone=given.get("time_zone"), attributes=given.get("attributes"))
    async with call.transaction() as db:
        written = await _write(db, call, external_id, given)
        if Kind.ADMIN in call.principal.roles:
            await call.author.record(db, "customer.write", f"customer:{written.customer_id}", after=given)
        return written


async def _write(db: Connection, call: Call, external_id: str, given: Mapping[str, Any]) -> UpsertAnswer:
    known = await customers.by_external_id(db, external_id=external_id)
    if known is None:
        made = await _make(db, external_id, given)
        if made is not None:
            await _tell(db, made, call.body)  # names are checked, though of a newcomer nothing is kept
            return UpsertAnswer(made, created=True)
        known = await customers.by_external_id(db, external_id=external_id)
    if known is None:  # made by somebody else a moment ago, and erased again
        raise Contended(retry_after_s=1)
    change, now = Change(frozenset(given), **given), call.parts.clock.now()
    await customers.patch(db, customer_id=known, change=change)
    touched = None if await _tell(db, known, call.body) else facts_of(change)
    await refresh(db, rules=call.parts.rules, customer_id=known, now=now, touched=touched)
    return UpsertAnswer(known, created=False)


async def _tell(db: Connection, customer_id: UUID, body: UpsertBody) -> bool:
    """Write in which segments the customer is told to be, and say whether that was told."""
    if body.segments is msgspec.UNSET:
        return False
    await membership.tell(db, customer_id=customer_id, names=body.segments)
    return True


async def _make(db: Connection, external_id: str, given: Mapping[str, Any]) -> UUID | None:
    kept = {name: value for name, value in given.get("attributes", {}).items() if value is not None}
    return await customers.insert(
        db,
        external_id=external_id,
        locale=given.get("locale"),
        time_zone=given.get("time_zone"),
        attributes=kept,
    )


@door(
    "GET",
    "/v1/customers",
    query=CustomerQuery,
    answer=CustomersAnswer,
    summary="Look a customer up by the brand's own number",
    tags=("Other systems",),
)
async def look_up(call: Call) -> CustomersAnswer:
    """Find the customer of a number; nobody has it: an empty list."""
    async with call.connection() as db:
        known = await customers.by_external_id(db, external_id=clean(call.query.external_id))
        profile = await customers.find(db, customer_id=known) if known is not None else None
    return CustomersAnswer([_found(profile)] if profile is not None else [])


def _found(profile: Profile) -> FoundCustomer:
    return FoundCustomer(
        customer_id=profile.id,
        external_id=profile.external_id,
        locale=profile.locale,
        time_zone=profile.time_zone,
        attributes=profile.attributes,
        segments=sorted(profile.segments),
        consents=consents_answer(profile.consents),
        created_at=profile.created_at,
    )


@door(
    "POST",
    "/v1/customers/{external_id}/events",
    body=ToldBody,
    answer=ToldAnswer,
    summary="Tell what happened to a customer; each event counts once, by its id, and may set offers off",
    example={"events": [{"id": "crm-4711", "name": "parcel-delivered", "at": "2026-11-03T07:31:00Z"}]},
    tags=("Other systems",),
)
async def tell(call: Call) -> ToldAnswer:
    """Store events of one customer."""
    told = _checked(call)
    now = call.parts.clock.now()
    good = [event for event in told if event.at <= now + AHEAD]
    rejected = [RefusedEvent(event.id, "bad_time") for event in told if event.at > now + AHEAD]
    async with call.transaction() as db:
        customer_id = await customers.by_external_id(db, external_id=_external_id(call))
        if customer_id is None or await customers.lock(db, customer_id=customer_id) is None:
            raise NotFound
        mine = {event.id: event for event in good}
        made = [
            Happening(
                event_id(customer_id, "told", event.id), customer_id, event.name, min(event.at, now), score=event.score
            )
            for event in mine.values()
        ]
        new = await happenings.tell(db, happenings=made) if made else set()
        touched = frozenset(f"event:{each.name}" for each in made if each.id in new)
        await refresh(db, rules=call.parts.rules, customer_id=customer_id, now=now, touched=touched)
    return ToldAnswer(len(new), len(good) - len(new), rejected)


def _checked(call: Call) -> tuple[ToldEvent, ...]:
    """Refuse too many events, and names that are not another system's to tell."""
    events: tuple[ToldEvent, ...] = call.body.events
    most = call.parts.settings.limits.events_per_request
    if len(events) > most:
        raise Invalid(errors=[FieldError("events", f"must have 1 to {most} elements")])
    wrong = [
        FieldError(f"events[{place}].name", f"is told by Kairos itself or by a door of its own: {', '.join(OURS)}")
        for place, event in enumerate(events)
        if event.name in OURS
    ]
    wrong += [
        FieldError(
            f"events[{place}].score", f"is what an event named {ANSWER} has, and no other: a number from 0 to 10"
        )
        for place, event in enumerate(events)
        if (event.name == ANSWER) is (event.score is None)
    ]
    if wrong:
        raise Invalid(errors=wrong)
    return events


def _external_id(call: Call) -> str:
    """Read the number in the path; one that nobody can have is nobody's."""
    text = call.text("external_id")
    if len(text) > 200:
        raise NotFound
    return text
