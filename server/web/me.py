"""Customers about themselves: who they are, what they agreed to, why they were told what, everything, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from server.errors import Unauthenticated
from server.pipeline import consent, forget, preferences
from server.pipeline.membership import refresh
from server.pipeline.profile_rules import Value
from server.store import customers, reasons
from server.store.customers import Change, Profile
from server.store.reasons import Mark
from server.web.call import Call
from server.web.door import door
from server.web.paging import PageQuery, cut, page_size, read_cursor
from server.web.profiles import ConsentsAnswer, ConsentsBody, Locale, check_profile, consents_answer, said
from server.web.whys import readable, reader_of, why


class MeAnswer(msgspec.Struct, frozen=True):
    """A customer as they may see themselves."""

    customer_id: UUID
    external_id: str | None
    locale: str | None
    time_zone: str | None
    attributes: Mapping[str, Any]
    segments: list[str]
    topics: Mapping[str, bool]
    consents: ConsentsAnswer
    created_at: datetime


class MeBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What to change; an attribute that is null is removed, one that is not named stays.

    `topics` are what one wants to hear about (true) or not (false); null forgets what was said.
    """

    locale: Locale | msgspec.UnsetType | None = msgspec.UNSET
    time_zone: str | msgspec.UnsetType | None = msgspec.UNSET
    attributes: dict[str, Value] | msgspec.UnsetType = msgspec.UNSET
    topics: dict[str, bool | None] | msgspec.UnsetType = msgspec.UNSET


class DecisionItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One offer that was looked at: the first gate that stopped it (none: it was chosen), and why, in words.

    The words are German or English by the profile's locale, else by Accept-Language.
    """

    offer: str
    gate: str | None
    truth: str
    reason: str
    values: Mapping[str, Any]
    at: datetime
    moment_id: UUID | None = None


class DecisionPage(msgspec.Struct, frozen=True):
    """A page of decisions, newest first."""

    items: list[DecisionItem]
    next: str | None


class ExportAnswer(msgspec.Struct, frozen=True):
    """Everything that is stored of the customer, table by table."""

    customer_id: UUID
    exported_at: datetime
    tables: Mapping[str, list[dict[str, Any]]]


@door("GET", "/v1/me", answer=MeAnswer, summary="Show one's own profile", tags=("App",))
async def show(call: Call) -> MeAnswer:
    """Show the caller's profile."""
    async with call.connection() as db:
        return _answer(await customers.find(db, customer_id=call.customer_id))


@door(
    "PATCH",
    "/v1/me",
    body=MeBody,
    answer=MeAnswer,
    summary="Change one's own profile",
    example={"locale": "de-DE", "attributes": {"first_name": "Kim"}, "topics": {"coffee": True, "books": False}},
    tags=("App",),
)
async def change(call: Call) -> MeAnswer:
    """Change the caller's profile."""
    given = {name: getattr(call.body, name) for name in ("locale", "time_zone", "attributes", "topics")}
    given = {name: value for name, value in given.items() if value is not msgspec.UNSET}
    check_profile(time_zone=given.get("time_zone"), attributes=given.get("attributes"), topics=given.get("topics"))
    async with call.transaction() as db:
        after = await preferences.change(
            db,
            customer_id=call.customer_id,
            to=Change(frozenset(given), **given),
            topics_max=call.parts.settings.limits.topics_per_customer,
            rules=call.parts.rules,
            now=call.parts.clock.now(),
        )
    return _answer(after)


def _answer(profile: Profile | None) -> MeAnswer:
    if profile is None:
        raise Unauthenticated
    return MeAnswer(
        customer_id=profile.id,
        external_id=profile.external_id,
        locale=profile.locale,
        time_zone=profile.time_zone,
        attributes=profile.attributes,
        segments=sorted(profile.segments),
        topics=profile.topics,
        consents=consents_answer(profile.consents),
        created_at=profile.created_at,
    )


@door("GET", "/v1/me/consents", answer=ConsentsAnswer, summary="Show what one agreed to", tags=("App",))
async def consents(call: Call) -> ConsentsAnswer:
    """Show what the caller agreed to."""
    async with call.connection() as db:
        profile = await customers.find(db, customer_id=call.customer_id)
    if profile is None:
        raise Unauthenticated
    return consents_answer(profile.consents)


@door(
    "PUT",
    "/v1/me/consents",
    body=ConsentsBody,
    answer=ConsentsAnswer,
    summary="Agree, or no longer agree; it counts at once",
    example={"location": True, "push": False},
    tags=("App",),
)
async def agree(call: Call) -> ConsentsAnswer:
    """Write what the caller agrees to from now on."""
    terms = call.parts.settings.programme.terms
    async with call.transaction() as db:
        after = await consent.agree(
            db, customer_id=call.customer_id, said=said(call.body), terms=terms, source=call.principal.id
        )
        await refresh(db, rules=call.parts.rules, customer_id=call.customer_id, now=call.parts.clock.now())
    return consents_answer(after)


@door(
    "GET",
    "/v1/me/decisions",
    query=PageQuery,
    answer=DecisionPage,
    summary="Why one did, or did not, get an offer",
    tags=("App",),
)
async def decisions(call: Call) -> DecisionPage:
    """List the caller's receipts in the words of their language."""
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    after = read_cursor(call.query.cursor, tuple[datetime, UUID, int])
    async with call.connection() as db:
        mark = Mark(*after) if after is not None else None
        found = await reasons.page(db, customer_id=call.customer_id, after=mark, limit=size + 1)
        profile = await customers.find(db, customer_id=call.customer_id)
    if profile is None:
        raise Unauthenticated
    reader = reader_of(
        profile.locale,
        profile.attributes,
        zone=profile.time_zone,
        accepted=call.request.headers.get("Accept-Language"),
        programme=call.parts.settings.programme,
    )
    page, following = cut(found, size=size, keys=lambda each: each.mark)
    items = [
        DecisionItem(
            offer=each.offer,
            gate=each.gate,
            truth=each.truth,
            reason=why(each.gate, each.truth, each.reason, each.values, reader),
            values=readable(each.gate, each.values),
            at=each.mark.at,
            moment_id=each.moment_id,
        )
        for each in page
    ]
    return DecisionPage(items, following)


@door("POST", "/v1/me/export", answer=ExportAnswer, summary="Get everything that is stored of oneself", tags=("App",))
async def export(call: Call) -> ExportAnswer:
    """Give the caller everything that is stored of them."""
    tables = await forget.export(call.parts.pool, customer_id=call.customer_id)
    return ExportAnswer(call.customer_id, call.parts.clock.now(), tables)


@door(
    "DELETE",
    "/v1/me",
    status=204,
    summary="Be forgotten: tokens die, passes are voided, rows are erased",
    tags=("App",),
)
async def erase(call: Call) -> None:
    """Forget the caller."""
    async with call.transaction() as db:
        await forget.erase(db, customer_id=call.customer_id)
    call.gate.credentials.forget_customer(call.customer_id)
