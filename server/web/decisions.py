"""GET /v1/decisions: why an offer came, and why it did not: the receipts, for those who write the rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from server.errors import FieldError, Forbidden, Invalid
from server.store import passes, receipts
from server.store.receipts import Line, Mark
from server.web.access import Kind
from server.web.call import Call
from server.web.codec import Instant
from server.web.desk_words import say, without_profile
from server.web.door import door
from server.web.instants import Range, read_range
from server.web.languages import Language
from server.web.paging import PageQuery, cut, page_size, read_cursor
from server.web.whys import Reader, reader_of, why

_YEARS = 1980, 2100
_USUAL = timedelta(days=1)
"""How far back a list of receipts reaches where no range is asked for."""


class DecisionItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One offer that was looked at: the first gate that failed (null: none did) and the values compared.

    `moment_id` is that of the moment which this decision made, of whichever offer; `customer_id` is for admins alone.
    `weight` stands with a plain no (nothing at its place, or nothing that sets it off) where only a share of them is kept:
    it is how many of them this one stands for. Texts of a customer's profile are among the values for admins alone.
    Where a language was asked for, `said` is the reason in it, and `customer_reads` what the customer reads of it.
    """

    offer: str
    gate: str | None
    truth: Literal["holds", "fails", "unknown"]
    reason: str
    values: Mapping[str, Any]
    at: datetime
    moment_id: UUID | None = None
    customer_id: UUID | None = None
    weight: float | None = None
    said: str | None = None
    customer_reads: str | None = None


class Decisions(msgspec.Struct, frozen=True):
    """A page, the newest first."""

    items: list[DecisionItem]
    next: str | None


class DecisionQuery(
    PageQuery, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}
):
    """Exactly one of the four: a moment, the pass that came of one, an offer, a customer.

    `from` and `to` (dates or instants) bound the last two, by default the last day.
    """

    moment_id: UUID | None = None
    serial: UUID | None = None
    offer_id: UUID | None = None
    customer_id: UUID | None = None
    start: str | None = None
    end: str | None = None
    language: Language | None = None


@door(
    "GET",
    "/v1/decisions",
    query=DecisionQuery,
    answer=Decisions,
    summary="Why offers came and did not come",
    tags=("Marketing",),
)
async def list_decisions(call: Call) -> Decisions:
    """List receipts by moment, by pass, by offer, or (for admins) by customer."""
    query: DecisionQuery = call.query
    admin = Kind.ADMIN in call.principal.roles
    if query.customer_id is not None and not admin:
        raise Forbidden("Only an admin may look at one customer.")
    if sum(each is not None for each in (query.moment_id, query.serial, query.offer_id, query.customer_id)) != 1:
        raise Invalid(errors=[FieldError("offer_id", "give exactly one of moment_id, serial, offer_id, customer_id")])
    size = page_size(query, most=call.parts.settings.limits.page_items)
    lines = await _lines(call, query, after=_after(query.cursor), limit=size + 1)
    page, following = cut(lines, size=size, keys=lambda line: (line.at, line.id, line.place))
    reader = _reader(call, query.language)
    return Decisions([_item(line, admin=admin, reader=reader) for line in page], following)


def _reader(call: Call, language: Language | None) -> Reader | None:
    """Say for whom reasons are written: somebody at a desk, on the programme's clock."""
    if language is None:
        return None
    programme = call.parts.settings.programme
    return reader_of(language, {}, zone=programme.time_zone, accepted=None, programme=programme)


def _after(cursor: str | None) -> Mark | None:
    mark = read_cursor(cursor, tuple[Instant, UUID, Annotated[int, msgspec.Meta(ge=0, lt=2**31)]])
    if mark is not None and not _YEARS[0] <= mark[0].year <= _YEARS[1]:
        raise Invalid(errors=[FieldError("cursor", "is not one that we gave")])
    return mark


async def _lines(call: Call, query: DecisionQuery, *, after: Mark | None, limit: int) -> list[Line]:
    now = call.parts.clock.now()
    usual = Range(now - _USUAL, now + timedelta(seconds=1))  # up to what is decided at this very moment
    zone = call.parts.settings.programme.time_zone
    start, end = read_range(query.start, query.end, zone=zone, usual=usual)
    async with call.connection() as db:
        moment = query.moment_id
        if query.serial is not None:
            issued = await passes.find(db, serial=query.serial)
            if issued is None:
                return []
            moment = issued.moment_id
        if moment is not None:
            return await receipts.of_moment(db, moment_id=moment, after=after, limit=limit)
        if query.offer_id is not None:
            found = receipts.of_offer(db, offer_id=query.offer_id, start=start, end=end, after=after, limit=limit)
            return await found
        if query.customer_id is None:
            return []
        return await receipts.of_customer(
            db, customer_id=query.customer_id, start=start, end=end, after=after, limit=limit
        )


def _item(line: Line, *, admin: bool, reader: Reader | None) -> DecisionItem:
    return DecisionItem(
        offer=line.offer,
        gate=line.gate,
        truth=line.truth,
        reason=line.reason,
        values=line.values if admin else without_profile(line.gate, line.values),
        at=line.at,
        moment_id=line.moment_id,
        customer_id=line.customer_id if admin else None,
        weight=line.weight if line.weight != 1 else None,
        said=say(line.reason, reader.language) if reader is not None else None,
        customer_reads=why(line.gate, line.truth, line.reason, line.values, reader) if reader is not None else None,
    )
