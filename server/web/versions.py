"""/v1/offers/{id}/versions and …/diff: what was written when by whom, and what one version has that another has not.

To go back, PUT the document of an old version: it becomes the newest, and its receipts say so.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from server.errors import FieldError, Invalid, NotFound
from server.pipeline.differing import Absent, differences
from server.store import offers
from server.store.offers import MOST_VERSIONS, OfferRow
from server.store.pool import Connection
from server.web.call import Call
from server.web.door import door
from server.web.paging import PageQuery, cut, page_size, read_cursor


class VersionItem(msgspec.Struct, frozen=True):
    """One version; `live` is the one that decides now."""

    version: int
    author: str
    created_at: datetime
    live: bool


class Versions(msgspec.Struct, frozen=True):
    """A page, the newest first."""

    items: list[VersionItem]
    next: str | None


class VersionAnswer(msgspec.Struct, frozen=True):
    """One version with its document."""

    offer_id: UUID
    version: int
    live: bool
    document: dict[str, Any]
    author: str


class Change(msgspec.Struct, frozen=True):
    """One member that differs: its JSON path, and what it was and is. What is not there at all is left out."""

    field: str
    before: Any = msgspec.UNSET
    after: Any = msgspec.UNSET


class Diff(msgspec.Struct, frozen=True, rename={"first": "from", "second": "to"}):
    """What the second version has that the first has not, and the other way round."""

    first: int
    second: int
    changes: list[Change]


class DiffQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename={"first": "from", "second": "to"}):
    """Which versions: by default from the one that decides to the newest."""

    first: int | None = None
    second: int | None = None


@door(
    "GET",
    "/v1/offers/{id}/versions",
    query=PageQuery,
    answer=Versions,
    summary="An offer's versions, the newest first",
    tags=("Marketing",),
)
async def list_versions(call: Call) -> Versions:
    """List versions without their documents."""
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    before = read_cursor(call.query.cursor, tuple[int])
    async with call.connection() as db:
        offer = await _offer(db, call.uuid("id"))
        rows = await offers.versions(
            db, offer_id=offer.id, before=before[0] if before else MOST_VERSIONS, limit=size + 1
        )
    page, following = cut(rows, size=size, keys=lambda row: (row.version,))
    live = _live(offer)
    return Versions([VersionItem(*row, live=row.version == live) for row in page], following)


@door(
    "GET",
    "/v1/offers/{id}/versions/{n}",
    answer=VersionAnswer,
    summary="One version of an offer with its document",
    tags=("Marketing",),
)
async def show_version(call: Call) -> VersionAnswer:
    """Give one version."""
    text = call.text("n")
    if not text.isascii() or not text.isdigit():
        raise NotFound
    async with call.connection() as db:
        found = await _offer(db, call.uuid("id"), version=int(text[:20]))
    return VersionAnswer(found.id, found.version, found.version == _live(found), dict(found.document), found.author)


@door(
    "GET",
    "/v1/offers/{id}/diff",
    query=DiffQuery,
    answer=Diff,
    summary="What differs between two versions of an offer",
    tags=("Marketing",),
)
async def show_diff(call: Call) -> Diff:
    """Compare two documents member by member."""
    async with call.connection() as db:
        newest = await _offer(db, call.uuid("id"))
        second = await _asked(db, newest, "to", call.query.second, newest.version)
        first = await _asked(db, newest, "from", call.query.first, _live(newest) or max(1, second.version - 1))
    changes = [
        Change(field, _told(before), _told(after))
        for field, before, after in differences(first.document, second.document)
    ]
    return Diff(first.version, second.version, changes)


def _told(value: Any) -> Any:
    return msgspec.UNSET if isinstance(value, Absent) else value


def _live(offer: OfferRow) -> int | None:
    return offer.live_version if offer.status == "live" else None


async def _offer(db: Connection, offer_id: UUID, *, version: int | None = None) -> OfferRow:
    if version is not None and not 0 < version <= MOST_VERSIONS:
        raise NotFound
    found = await offers.find(db, offer_id=offer_id, version=version)
    if found is None:
        raise NotFound
    return found


async def _asked(db: Connection, newest: OfferRow, field: str, version: int | None, usual: int) -> OfferRow:
    """Find a version of an offer that is there; raises Invalid where it has no such version."""
    wanted = usual if version is None else version
    if not 0 < wanted <= newest.version:
        raise Invalid(errors=[FieldError(field, f"must be a version of this offer: 1 to {newest.version}")])
    return newest if wanted == newest.version else await _offer(db, newest.id, version=wanted)
