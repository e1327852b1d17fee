"""Previews: an offer's moment as its readers would see it, per locale, manner of address, placement and way out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Annotated, Any, Final, Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta

from server.decision.rules import Identity
from server.errors import FieldError, Forbidden, Invalid, NotFound
from server.model.customer import Customer
from server.model.offer import Offer, Placement
from server.pipeline import authoring
from server.pipeline.authoring import Unwritable
from server.pipeline.faces import face_of
from server.pipeline.preview import Reader, Seen, first_place, preview, spoken_to
from server.pipeline.specimen import CODE, Stores, specimen, stores_for
from server.pipeline.translating import untranslated
from server.store import customers, offers
from server.store.offers import MOST_VERSIONS
from server.store.pool import Connection
from server.web import offers as offer_doors
from server.web.access import Kind as Caller
from server.web.call import Call
from server.web.door import door
from server.web.faces import FaceAnswer, face_answer, view_of
from server.web.offers import Warned
from server.web.preview_reader import ReaderBody, check, made_up, place_of, weather_of

_NOBODY: Final = UUID(int=0)


class PreviewBody(ReaderBody, frozen=True, kw_only=True):
    """For a made-up reader, or one that an admin names by `customer_id`."""

    customer_id: UUID | None = None
    version: Annotated[int, Meta(ge=1, le=MOST_VERSIONS)] | None = None


class DraftBody(ReaderBody, frozen=True, kw_only=True):
    """A document that is not written yet, and who reads it."""

    document: dict[str, Any]


class PayloadAnswer(msgspec.Struct, frozen=True):
    """What a push service would be given. `whole` false: words are cut for it, the app fetches the rest."""

    way: str
    bytes: int
    limit: int
    whole: bool


class SeenAnswer(msgspec.Struct, frozen=True):
    """One content in one placement; `cut`: its words are longer than a moment may be; `pass`: what its reader would take."""

    locale: str
    formality: Literal["du", "sie"] | None
    placement: Placement
    variants: list[str]
    title: str
    body: str
    image_url: str | None
    action: Mapping[str, Any]
    cut: bool
    push: list[PayloadAnswer]
    pass_: FaceAnswer | None = msgspec.field(name="pass")


class PreviewAnswer(msgspec.Struct, frozen=True):
    """The offer in this version; `place` is what the words name (null: the offer means no place that is there)."""

    offer: str
    place: str | None
    items: list[SeenAnswer]


class DraftAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The same of a document, and what its author would be told on writing it; with `errors` there is nothing to see."""

    place: str | None = None
    items: list[SeenAnswer] = []
    errors: list[Warned] = []
    warnings: list[Warned] = []


DRAFT: Final = {"locale": "en-US", "document": offer_doors.EXAMPLE}


@door(
    "POST",
    "/v1/offers/{id}/preview",
    body=PreviewBody,
    answer=PreviewAnswer,
    summary="See an offer's words as its readers would, in every language and placement",
    example={"locale": "de-DE", "formality": "sie", "customer": {"attributes": {"first_name": "Kim"}}},
    tags=("Marketing",),
)
async def show_preview(call: Call) -> PreviewAnswer:
    """Render an offer's newest version, or the one asked for; who would get it is asked by a dry run."""
    body: PreviewBody = call.body
    check(body)
    if body.customer_id is not None and Caller.ADMIN not in call.principal.roles:
        raise Forbidden("Only admins may name a customer; state a made-up one by `customer` and `locale`.")
    await call.parts.rules.refresh()
    async with call.transaction() as db:
        draft = await _draft(call, db)
        customer = await _customer(call, db)
        return PreviewAnswer(*await _render(call, db, draft, customer))


@door(
    "POST",
    "/v1/preview",
    body=DraftBody,
    answer=DraftAnswer,
    summary="See the words of a document that is not written yet, or what is wrong with it",
    example=DRAFT,
    tags=("Marketing",),
)
async def show_draft(call: Call) -> DraftAnswer:
    """Read a document as if it were written, render it, and forget it."""
    body: DraftBody = call.body
    check(body)
    await call.parts.rules.refresh()
    programme = call.parts.rules.current.ruleset.programme
    identity = Identity(_NOBODY, 1, call.parts.clock.now())
    try:
        async with call.transaction() as db:
            read = await authoring.read(db, document=body.document, programme=programme, identity=identity)
            rendered = await _render(call, db, _Draft(read.offer, body.document), made_up(body))
    except Unwritable as refused:
        return DraftAnswer(errors=[Warned(*each) for each in refused.errors])
    told = [*read.warnings, *untranslated(read.offer.moment, programme)]
    return DraftAnswer(place=rendered.place, items=rendered.items, warnings=[Warned(*each) for each in told])


class _Rendered(NamedTuple):
    """The members of an answer."""

    offer: str
    place: str | None
    items: list[SeenAnswer]


async def _render(call: Call, db: Connection, draft: _Draft, customer: Customer) -> _Rendered:
    """Render what is asked for."""
    body, snapshot = call.body, call.parts.rules.current
    place = place_of(body.place_id, snapshot.ruleset.places.by_id) or first_place(draft.offer, snapshot.ruleset.places)
    stores = await stores_for(db, draft.offer, place, snapshot)
    at = (body.at or call.parts.clock.now()).astimezone(UTC)
    named = getattr(body, "customer_id", None)
    reader = Reader(
        spoken_to(customer, locale=body.locale, formality=body.formality),
        at=at,
        one=any(each is not None for each in (body.locale, body.formality, named)),
        place=place,
        weather=weather_of(body, at),
        placement=body.placement,
    )
    seen = preview(draft.offer, reader, snapshot.ruleset.programme)
    items = [_answer(each, _face(call, draft, each, reader, stores)) for each in seen]
    return _Rendered(draft.offer.label, place.name if place is not None else None, items)


class _Draft(NamedTuple):
    """A version as it would be read now, and as it is written."""

    offer: Offer
    document: Mapping[str, Any]


async def _draft(call: Call, db: Connection) -> _Draft:
    """Read the version that is asked for."""
    row = await offers.find(db, offer_id=call.uuid("id"), version=call.body.version)
    if row is None:
        raise NotFound
    identity = Identity(row.id, row.version, row.created_at)
    programme = call.parts.rules.current.ruleset.programme
    read = await authoring.read(db, document=row.document, programme=programme, identity=identity)
    return _Draft(read.offer, row.document)


async def _customer(call: Call, db: Connection) -> Customer:
    """Give the made-up customer, or the one that an admin names: that is written down."""
    body: PreviewBody = call.body
    if body.customer_id is None:
        return made_up(body)
    found = await customers.find(db, customer_id=body.customer_id)
    if found is None:
        raise Invalid(errors=[FieldError("customer_id", "is no customer's id")])
    await call.author.record(db, "customer.preview", f"customer:{found.id}", after={"offer": str(call.uuid("id"))})
    return Customer(
        found.id, found.consents, zone=found.time_zone, locale=found.locale, attributes=dict(found.attributes)
    )


def _face(call: Call, draft: _Draft, seen: Seen, reader: Reader, stores: Stores) -> FaceAnswer | None:
    """Draw the pass that a reader of this content would take."""
    programme = call.parts.rules.current.ruleset.programme
    made = specimen(draft.offer, draft.document, seen, reader, programme, stores=stores)
    if made is None:
        return None
    view = view_of(call, locale=seen.content.locale, wallet=call.body.wallet, now=reader.at)
    return face_answer(face_of(made, view, code=CODE))


def _answer(seen: Seen, face: FaceAnswer | None) -> SeenAnswer:
    words = seen.words
    return SeenAnswer(
        locale=seen.content.locale,
        formality=seen.content.formality,
        placement=seen.placement,
        variants=list(seen.variants),
        title=words.title,
        body=words.body,
        image_url=words.image_url,
        action=seen.action,
        cut=seen.cut,
        push=[PayloadAnswer(*each) for each in seen.pushes],
        pass_=face,
    )
