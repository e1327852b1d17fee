"""Passes: a moment is turned into one, its customer lists and shows theirs, an admin voids one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec

from server.errors import NotFound
from server.model.pass_ import Pass
from server.pipeline import google_saves, voiding
from server.pipeline.accept import accept
from server.pipeline.google_saves import Facts
from server.store import passes
from server.store.pool import Connection
from server.wallet.links import link_for
from server.web.call import Call, Reply
from server.web.door import door
from server.web.paging import PageQuery, cut, page_size, read_cursor
from server.web.rewards import RewardAnswer, reward_answer


class PassLinks(msgspec.Struct, frozen=True):
    """Where the pass can be had: `apple` a link to the .pkpass, good for five minutes; `google` the one that
    saves it to Google Wallet, None without an issuer and for a pass that is over."""

    apple: str
    google: str | None


class PassAnswer(msgspec.Struct, frozen=True):
    """A pass as its customer sees it. `code` is what the counter scans; where `offline.codes` is on, `qr` is the signed code
    that its QR code holds, and `code` the one that is typed. `valid_until` None: without an end."""

    serial: UUID
    offer_id: UUID
    state: str
    reward: RewardAnswer
    valid_until: datetime | None
    code: str
    uses_left: int
    links: PassLinks
    qr: str | msgspec.UnsetType = msgspec.UNSET


class IssuedAnswer(msgspec.Struct, frozen=True):
    """The pass of a moment."""

    pass_: PassAnswer = msgspec.field(name="pass")


class PassPage(msgspec.Struct, frozen=True):
    """A page of passes, newest first."""

    items: list[PassAnswer]
    next: str | None


class VoidBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Why the pass is voided."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class VoidAnswer(msgspec.Struct, frozen=True):
    """The voided pass."""

    serial: UUID
    state: str
    voided_at: datetime


@door(
    "POST",
    "/v1/moments/{id}/pass",
    answer=IssuedAnswer,
    status=201,
    idempotency="required",
    summary="Take a moment's reward: its pass is issued once, and the same again later",
    example={},
    errors=(404, 409, 410),
    tags=("App",),
)
async def issue(call: Call) -> Reply:
    """Issue the pass of the caller's own moment: 201 for a new one, 200 for the one there is."""
    parts = call.parts
    rules = parts.rules.current if parts.rules.loaded else None
    async with call.transaction() as db:
        accepted = await accept(
            db,
            moment_id=call.uuid("id"),
            customer_id=call.customer_id,
            desk=parts.desk,
            rules=rules,
            every=timedelta(seconds=parts.settings.wallet.relevance_s),
        )
        if accepted.made and parts.google is not None:
            await google_saves.expect(db, accepted.pass_, issuer=parts.google.issuer, now=parts.clock.now())
        known = await _facts(call, db, [accepted.pass_])
    [told] = await _answers(call, [accepted.pass_], known)
    return Reply(201 if accepted.made else 200, IssuedAnswer(told))


@door("GET", "/v1/passes", query=PageQuery, answer=PassPage, summary="List one's own passes", tags=("App",))
async def listed(call: Call) -> PassPage:
    """List the caller's passes, newest first."""
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    after = read_cursor(call.query.cursor, tuple[datetime, UUID])
    async with call.connection() as db:
        found = await passes.page(db, customer_id=call.customer_id, limit=size + 1, after=after)
        page, following = cut(found, size=size, keys=lambda each: (each.created_at, each.serial))
        known = await _facts(call, db, page)
    return PassPage(await _answers(call, page, known), following)


@door(
    "GET",
    "/v1/passes/{serial}",
    answer=PassAnswer,
    summary="Show one of one's own passes",
    errors=(404,),
    tags=("App",),
)
async def show(call: Call) -> PassAnswer:
    """Show one of the caller's own passes."""
    async with call.connection() as db:
        found = await passes.find(db, serial=call.uuid("serial"), customer_id=call.customer_id)
        if found is None:
            raise NotFound
        known = await _facts(call, db, [found])
    [told] = await _answers(call, [found], known)
    return told


@door(
    "POST",
    "/v1/passes/{serial}/void",
    body=VoidBody,
    answer=VoidAnswer,
    idempotency="required",
    summary="Void a pass for good",
    example={"reason": "given to the wrong customer"},
    errors=(404, 409, 410),
    tags=("Counter",),
)
async def void(call: Call) -> VoidAnswer:
    """Void an active pass, with its row in the audit."""
    serial = call.uuid("serial")
    async with call.transaction() as db:
        at = await voiding.void(
            db,
            serial=serial,
            reason=call.body.reason,
            actor=call.principal.id,
            address=call.address,
            request_id=call.request_id,
        )
    return VoidAnswer(serial, "voided", at)


async def _facts(call: Call, db: Connection, found: Sequence[Pass]) -> Facts | None:
    """Read what links to Google Wallet are made of, where there is an issuer; they are signed without the connection."""
    google = call.parts.google
    return await google_saves.facts(db, found, issuer=google.issuer) if google is not None and found else None


async def _answers(call: Call, found: Sequence[Pass], known: Facts | None) -> list[PassAnswer]:
    google, now = call.parts.google, call.parts.clock.now()
    links: dict[UUID, str] = {}
    if google is not None and known is not None:
        links = await google.issuer.links(found, known.words, known.known, now=now)
    return [_answer(call, each, links.get(each.serial), now=now) for each in found]


def _answer(call: Call, pass_: Pass, google: str | None, *, now: datetime) -> PassAnswer:
    parts = call.parts
    base = parts.settings.server.public_url or f"{call.request.scheme}://{call.request.host}"
    return PassAnswer(
        serial=pass_.serial,
        offer_id=pass_.offer_id,
        state=pass_.state_at(now),
        reward=reward_answer(pass_.benefit),
        valid_until=pass_.valid_until,
        code=parts.desk.code(pass_, now=now),
        uses_left=pass_.uses_left,
        links=PassLinks(link_for(pass_.serial, base_url=base, keyring=parts.secrets, now=now), google),
        qr=parts.desk.signed_code(pass_, now=now) or msgspec.UNSET,
    )
