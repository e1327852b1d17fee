"""Writing offers and segments: read against what exists, counted in the rules' number, kept as a version, written down.

epoch + 1 → read the document → rows → audit

The rules' number comes first: its row is held until the COMMIT, so nobody takes away a place or a segment between the
check of a document that names it and its becoming the rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from server.decision.reading import Known, Wrong, WrongDocument
from server.decision.rules import NARROW_M, Identity, Parsed, parse, parse_segment
from server.errors import Conflict, FieldError, Invalid, NotFound
from server.model.context import Programme
from server.model.place import Area, Place, Point
from server.pipeline.approving import OtherVersion, Sizing, ask, too_many
from server.pipeline.author import Author
from server.pipeline.pass_jobs import touch
from server.pipeline.translating import check_spoken
from server.pipeline.voiding import void_offer
from server.signals.geojson import read_geometry
from server.signals.outline import Outline
from server.store import epoch, offers, segments
from server.store import known as names
from server.store.approvals import Approval
from server.store.ids import new_id
from server.store.known import PlaceRow
from server.store.offers import OfferRow, Status
from server.store.pool import Connection
from server.store.segments import SegmentRow

_UNBORN: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""When a document is only read for its mistakes, the offer's age does not matter."""

_SEGMENT_NAME: Final = 64


class NameTaken(Conflict):
    """Another one has this name already."""

    code, title = "name_taken", "Name taken"


class Unwritable(Invalid):
    """The offer's document has mistakes."""


class WrongState(Conflict):
    """The offer's state does not allow that."""

    code, title = "wrong_state", "Wrong state"


class Written(NamedTuple):
    """An offer as it now is, what its author should be told, and how many passes were voided with it.

    `waits`: its newest version is not live, since a second person must approve it first.
    """

    offer: OfferRow
    warnings: tuple[Wrong, ...] = ()
    voided: int = 0
    waits: Approval | None = None


async def known(db: Connection, *, document: Any, programme: Programme) -> Known:
    """Look up what exists of all that a document names: segments, tags, places, and the narrow fences it reaches."""
    texts = set(_texts(document))
    ids = {identifier for text in texts if (identifier := _identifier(text)) is not None}
    found = await names.find(db, texts=texts, ids=ids, everywhere=_everywhere(document), narrower_m=NARROW_M)
    places = [_place(row) for row in found.places]
    named = {place.geofence_id: place for place in places} | {place.id: place for place in places}
    return Known(programme, found.segments, named, found.tags)


def _texts(value: Any) -> Iterator[str]:
    """Give every text of a document, however deep: its depth was bounded when it was read."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _identifier(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _everywhere(document: Any) -> bool:
    """Tell whether the offer's trigger means any place."""
    for key in ("when", "places", "any"):
        document = document.get(key) if isinstance(document, Mapping) else None
    return document is True


def _place(row: PlaceRow) -> Place:
    kind: Literal["store", "geofence"] = "store" if row.is_store else "geofence"
    shape = read_geometry(row.geometry) if row.geometry is not None else None
    if isinstance(shape, Area):
        outline = Outline.of(shape)
        point, radius = Point(outline.lat, outline.lon), outline.radius_m
    else:
        point, radius = Point(row.lat or 0.0, row.lon or 0.0), row.radius_m or 0.0
    return Place(row.id, row.geofence_id, kind, row.name, point, radius, row.zone, row.tags)


async def read(db: Connection, *, document: Any, programme: Programme, identity: Identity) -> Parsed:
    """Read an offer's document against what exists now; raises Unwritable with the path of every mistake."""
    try:
        return parse(document, identity=identity, known=await known(db, document=document, programme=programme))
    except WrongDocument as error:
        raise Unwritable(errors=[FieldError(*each) for each in error.errors]) from None


async def create(db: Connection, *, document: Mapping[str, Any], programme: Programme, by: Author) -> Written:
    """Write a draft; raises Invalid, NameTaken."""
    await epoch.bump(db)
    _check_status(document, "draft")
    identity = Identity(new_id(), 1, _UNBORN)
    parsed = await read(db, document=document, programme=programme, identity=identity)
    made = await offers.insert(db, id=identity.id, name=parsed.offer.name, document=document, author=by.actor)
    if made is None:
        raise NameTaken
    await by.record(db, "offer.create", f"offer:{made.id}", after=_summary(made))
    return Written(made, parsed.warnings)


async def change(
    db: Connection,
    *,
    offer_id: UUID,
    document: Mapping[str, Any],
    programme: Programme,
    by: Author,
    sizing: Sizing | None = None,
    over: int | None = None,
) -> Written:
    """Write an offer's next version; where the offer is live it is too, unless somebody must approve it first.

    `over` is the version that the document began from. Raises NotFound, Invalid, NameTaken, WrongState, OtherVersion where
    another one was written since, and Untranslated where it would be live.
    """
    await epoch.bump(db)
    before = await _found(db, offer_id)
    _check_version(before, over)
    _check_status(document, before.status)
    identity = Identity(offer_id, before.version + 1, before.created_at)
    parsed = await read(db, document=document, programme=programme, identity=identity)
    if await offers.name_taken(db, name=parsed.offer.name, offer_id=offer_id):
        raise NameTaken
    after = await offers.change(
        db, offer_id=offer_id, name=parsed.offer.name, document=document, author=by.actor
    )  # fmt: skip
    if after is None:
        raise WrongState("The offer has ended; its document stays as it is.")
    if after.status == "live":
        check_spoken(parsed.offer.moment, programme)
    over = await too_many(db, offer=after, parsed=parsed.offer, sizing=sizing) if after.status == "live" else None
    if after.status == "live" and over is None:
        after = await _enter(db, after, "live")
        await _follow(db, before, after, by=by)
    await by.record(db, "offer.change", f"offer:{offer_id}", before=_summary(before), after=_summary(after))
    if over is None:
        return Written(after, parsed.warnings)
    waits = await ask(db, offer=after, expected=over, by=by)
    return Written(after, (*parsed.warnings, _waiting(waits)), waits=waits)


async def publish(
    db: Connection,
    *,
    offer_id: UUID,
    programme: Programme,
    by: Author,
    sizing: Sizing | None = None,
    version: int | None = None,
) -> Written:
    """Let an offer's newest version live, once it was read again against what exists now.

    `version` is the one that was looked at. Where a second person must approve it, that is asked for and nothing else is
    done (`waits`). Raises NotFound, OtherVersion where another one was written since, WrongState (it is live already, or
    has ended), Invalid (what it names is gone), Untranslated.
    """
    await epoch.bump(db)
    before = await _found(db, offer_id)  # its row is held until the COMMIT: nobody writes a version in between
    _check_version(before, version)
    if not offers.may_go_live(before):
        raise _wrong(before, "live")
    identity = Identity(offer_id, before.version, before.created_at)
    parsed = await read(db, document=before.document, programme=programme, identity=identity)
    check_spoken(parsed.offer.moment, programme)
    over = await too_many(db, offer=before, parsed=parsed.offer, sizing=sizing)
    if over is not None:
        return Written(before, parsed.warnings, waits=await ask(db, offer=before, expected=over, by=by))
    after = await _enter(db, before, "live")
    await offers.open_budget(db, offer_id=offer_id)
    await _follow(db, before, after, by=by)
    await by.record(db, "offer.publish", f"offer:{offer_id}", before=_summary(before), after=_summary(after))
    return Written(after, parsed.warnings)


async def pause(db: Connection, *, offer_id: UUID, by: Author) -> Written:
    """Let a live offer rest: nobody gets it until it is published again; raises NotFound, WrongState."""
    await epoch.bump(db)
    before = await _found(db, offer_id)
    after = await _enter(db, before, "paused")
    await by.record(db, "offer.pause", f"offer:{offer_id}", before=_summary(before), after=_summary(after))
    return Written(after)


async def end(db: Connection, *, offer_id: UUID, void_passes: bool, by: Author) -> Written:
    """End an offer for good, with all its passes that are still active if asked; raises NotFound, WrongState."""
    await epoch.bump(db)
    before = await _found(db, offer_id)
    after = await _enter(db, before, "ended")
    voided = await void_offer(db, offer_id=offer_id, reason="offer_ended") if void_passes else 0
    summary = {**_summary(after), "voided_passes": voided}
    await by.record(db, "offer.end", f"offer:{offer_id}", before=_summary(before), after=summary)
    return Written(after, voided=voided)


async def add_segment(
    db: Connection, *, name: str, condition: Mapping[str, Any] | None, programme: Programme, by: Author
) -> SegmentRow:
    """Save a segment; raises Invalid, NameTaken. Without a condition its members are told from outside."""
    await epoch.bump(db)
    if not 0 < len(name.strip()) <= _SEGMENT_NAME or not name.isprintable():
        raise Invalid(errors=[FieldError("name", f"must be a text of 1 to {_SEGMENT_NAME} printable characters")])
    if condition is not None:
        try:
            parse_segment(condition, await known(db, document=condition, programme=programme))
        except WrongDocument as error:
            raise Invalid(errors=[FieldError(*each) for each in error.errors]) from None
    made = await segments.insert(db, name=name, document=condition)
    if made is None:
        raise NameTaken
    await by.record(db, "segment.create", f"segment:{made.id}", after={"name": name, "if": condition})
    return made


def _check_status(document: Mapping[str, Any], status: Status) -> None:
    """Refuse a document that claims a state: it is led by publish, pause and end. What was answered may come back."""
    if document.get("status", "draft") not in ("draft", status):
        raise Invalid(errors=[FieldError("status", "must be draft: publish, pause and end lead an offer's state")])


def _check_version(before: OfferRow, version: int | None) -> None:
    """Refuse to go on from a version that is not the newest any more, where one is named."""
    if version is not None and version != before.version:
        raise OtherVersion(extra={"version": before.version})


async def _found(db: Connection, offer_id: UUID) -> OfferRow:
    found = await offers.lock(db, offer_id=offer_id)
    if found is None:
        raise NotFound
    return found


async def _enter(db: Connection, before: OfferRow, status: Status) -> OfferRow:
    after = await offers.enter(db, offer_id=before.id, status=status)
    if after is None:
        raise _wrong(before, status)
    return after


async def _follow(db: Connection, before: OfferRow, after: OfferRow, *, by: Author) -> None:
    """Have the passes that are out follow where another version of their offer went live."""
    if before.live_version not in (None, after.live_version):
        await touch(db, offer_id=after.id, by=by.actor)


def _wrong(before: OfferRow, status: Status) -> WrongState:
    return WrongState(f"The offer is {before.status}; it cannot become {status}.", extra={"state": before.status})


def _waiting(approval: Approval) -> Wrong:
    return Wrong(
        "", f"Version {approval.version} waits until a second person has approved it; the one before stays live."
    )


def _summary(offer: OfferRow) -> dict[str, Any]:
    return {"status": offer.status, "version": offer.version, "document": offer.document}
