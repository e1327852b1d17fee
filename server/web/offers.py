"""/v1/offers: what marketers write; each write is a version, and publish, pause and end lead the offer's state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec

from server.decision.reading import Wrong
from server.errors import NotFound
from server.pipeline import authoring
from server.pipeline.authoring import Written
from server.pipeline.rules import programme_of
from server.store import approvals, offers
from server.store.offers import OfferRow
from server.web.approvals import ApprovalAnswer, approval_answer, refused, sizing_of
from server.web.call import Call, Reply
from server.web.door import door
from server.web.paging import PageQuery, cut, page_size, read_cursor

_VERSIONS = 200
"""So many versions of an offer are listed with it, the newest first; older ones are found by `?version=`."""

EXAMPLE: Final = {
    "name": "welcome-pretzel",
    "when": {"trigger": "enter", "places": {"any": True}},
    "moment": {
        "surfaces": ["in_app", "push"],
        "content": {"en-US": {"title": "Good to see you", "body": "A pretzel on us, at {{ place.name }}."}},
        "fallback_locale": "en-US",
    },
    "reward": {"type": "free_item", "value": {"minor": 95, "currency": "EUR"}, "valid": {"at_most": "PT8H"}},
}


class Warned(msgspec.Struct, frozen=True):
    """Something that was taken, and may not do what its author hopes: a JSON path and a sentence."""

    field: str
    message: str


class OfferAnswer(msgspec.Struct, frozen=True):
    """An offer with its document. `live_version` is the one that decides (null: none ever did)."""

    id: UUID
    name: str
    status: Literal["draft", "live", "paused", "ended"]
    version: int
    live_version: int | None
    document: dict[str, Any]
    author: str
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    ended_at: datetime | None
    warnings: list[Warned]
    voided_passes: int = 0


class Version(msgspec.Struct, frozen=True):
    """One version in the list of an offer's."""

    version: int
    author: str
    created_at: datetime


class OfferDetail(OfferAnswer, frozen=True, kw_only=True):
    """An offer in one version, its newest versions, and what became of that version's approval (null: none was needed)."""

    versions: list[Version]
    approval: ApprovalAnswer | None


class Offers(msgspec.Struct, frozen=True):
    """A page, in the order in which offers were made."""

    items: list[OfferAnswer]
    next: str | None


class OffersQuery(PageQuery, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Filters of the list, a part of the name (in whatever case), and its order."""

    status: Literal["draft", "live", "paused", "ended"] | None = None
    search: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    order: Literal["oldest", "newest"] = "oldest"


class VersionQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which version's document is wanted; the newest if none is named."""

    version: int | None = None


class OverQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The version that the document began from: where somebody wrote another one since, nothing is written."""

    version: int | None = None


class SeenQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The version that was looked at: where somebody wrote another one since, it is not published unseen."""

    version: int | None = None


class Ending(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What ends with an offer: its passes stay redeemable unless they shall be void."""

    void_passes: bool = False


def _answer(offer: OfferRow, warnings: Sequence[Wrong] = (), voided: int = 0) -> OfferAnswer:
    return OfferAnswer(**_fields(offer), warnings=[Warned(*each) for each in warnings], voided_passes=voided)


def _fields(offer: OfferRow) -> dict[str, Any]:
    return {name: getattr(offer, name) for name in OfferRow.__slots__}


def _written(written: Written) -> OfferAnswer:
    return _answer(written.offer, written.warnings, written.voided)


@door(
    "GET",
    "/v1/offers",
    query=OffersQuery,
    answer=Offers,
    summary="Offers, the oldest first unless asked",
    tags=("Marketing",),
)
async def list_offers(call: Call) -> Offers:
    """List offers with their newest documents."""
    query: OffersQuery = call.query
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    after = read_cursor(call.query.cursor, tuple[UUID])
    async with call.connection() as db:
        rows = await offers.page(
            db,
            after=after[0] if after else None,
            status=query.status,
            limit=size + 1,
            search=query.search or None,
            newest=query.order == "newest",
        )
    page, following = cut(rows, size=size, keys=lambda offer: (offer.id,))
    return Offers([_answer(row) for row in page], following)


@door(
    "POST",
    "/v1/offers",
    body=dict,
    answer=OfferAnswer,
    status=201,
    idempotency="optional",
    summary="Write an offer: a draft until it is published",
    example=EXAMPLE,
    errors=(409,),
    tags=("Marketing",),
)
async def create_offer(call: Call) -> OfferAnswer:
    """Take a document as version 1 of a draft."""
    async with call.transaction() as db:
        programme = programme_of(call.parts.settings)
        return _written(await authoring.create(db, document=call.body, programme=programme, by=call.author))


@door(
    "GET",
    "/v1/offers/{id}",
    query=VersionQuery,
    answer=OfferDetail,
    summary="An offer, in its newest version or the one asked for",
    tags=("Marketing",),
)
async def show_offer(call: Call) -> OfferDetail:
    """Give one offer with its versions."""
    identifier, version = call.uuid("id"), call.query.version
    if version is not None and not 0 < version < 2**31:
        raise NotFound
    async with call.connection() as db:
        found = await offers.find(db, offer_id=identifier, version=version)
        if found is None:
            raise NotFound
        listed = await offers.versions(db, offer_id=identifier, limit=_VERSIONS)
        approval = await approvals.find(db, offer_id=identifier, version=found.version)
    told = approval_answer(approval, least=call.parts.settings.privacy.min_group) if approval is not None else None
    return OfferDetail(**_fields(found), warnings=[], versions=[Version(*each) for each in listed], approval=told)


@door(
    "PUT",
    "/v1/offers/{id}",
    body=dict,
    query=OverQuery,
    answer=OfferAnswer,
    summary="Write the next version; of a live offer it is live at once",
    example=EXAMPLE,
    errors=(409,),
    tags=("Marketing",),
)
async def change_offer(call: Call) -> OfferAnswer:
    """Take a document as the next version; receipts and open dwell timers keep the one they were made by."""
    sizing = await sizing_of(call)
    async with call.transaction() as db:
        return _written(
            await authoring.change(
                db,
                offer_id=call.uuid("id"),
                document=call.body,
                programme=programme_of(call.parts.settings),
                by=call.author,
                sizing=sizing,
                over=call.query.version,
            )
        )


@door(
    "POST",
    "/v1/offers/{id}/publish",
    query=SeenQuery,
    answer=OfferAnswer,
    idempotency="optional",
    summary="Let an offer's newest version live",
    errors=(409,),
    tags=("Marketing",),
)
async def publish_offer(call: Call) -> OfferAnswer | Reply:
    """Read the document again against what exists now, and let it decide from then on; ask for a yes where one is needed."""
    sizing = await sizing_of(call)
    async with call.transaction() as db:
        written = await authoring.publish(
            db,
            offer_id=call.uuid("id"),
            programme=programme_of(call.parts.settings),
            by=call.author,
            sizing=sizing,
            version=call.query.version,
        )
    return (
        _written(written) if written.waits is None else refused(call, written.waits)
    )  # what was asked for stays asked


@door(
    "POST",
    "/v1/offers/{id}/pause",
    answer=OfferAnswer,
    idempotency="optional",
    summary="Let a live offer rest until it is published again",
    errors=(409,),
    tags=("Marketing",),
)
async def pause_offer(call: Call) -> OfferAnswer:
    """Stop an offer; passes that were given out stay good."""
    async with call.transaction() as db:
        return _written(await authoring.pause(db, offer_id=call.uuid("id"), by=call.author))


@door(
    "POST",
    "/v1/offers/{id}/end",
    body=Ending,
    answer=OfferAnswer,
    idempotency="optional",
    summary="End an offer for good, with its passes if asked",
    example={"void_passes": False},
    errors=(409,),
    tags=("Marketing",),
)
async def end_offer(call: Call) -> OfferAnswer:
    """End an offer; `void_passes` ends its active passes with it, and tells how many."""
    async with call.transaction() as db:
        ended = await authoring.end(
            db, offer_id=call.uuid("id"), void_passes=call.body.void_passes, by=call.author
        )  # fmt: skip
        return _written(ended)
