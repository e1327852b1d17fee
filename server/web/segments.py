"""/v1/segments: named groups of customers that offers ask for."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from server.pipeline import authoring
from server.pipeline.rules import programme_of
from server.store import segments
from server.store.segments import SegmentRow
from server.web.call import Call
from server.web.door import door
from server.web.paging import PageQuery, cut, page_size, read_cursor


class NewSegment(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename={"condition": "if"}):
    """A segment: a name, and a condition without a trigger; without one its members are told from outside."""

    name: str
    condition: dict[str, Any] | None = None


class SegmentAnswer(msgspec.Struct, frozen=True, rename={"condition": "if"}):
    """A saved segment.

    `size` is how many customers were in it at `refreshed_at`; fewer than `privacy.min_group` are not told (`suppressed`).
    It is null where it was not counted yet, and where it cannot be: a segment that asks for a place, its weather or its
    clock has other members at each place.
    """

    id: UUID
    name: str
    condition: dict[str, Any] | None
    created_at: datetime
    size: int | None
    suppressed: bool
    refreshed_at: datetime | None


class Segments(msgspec.Struct, frozen=True):
    """A page, by name."""

    items: list[SegmentAnswer]
    next: str | None


def _answer(row: SegmentRow, *, least: int) -> SegmentAnswer:
    document = None if row.document is None else dict(row.document)
    small = row.size is not None and row.size < least
    size = None if small else row.size
    return SegmentAnswer(row.id, row.name, document, row.created_at, size, small, row.refreshed_at)


@door("GET", "/v1/segments", query=PageQuery, answer=Segments, summary="Segments by name", tags=("Marketing",))
async def list_segments(call: Call) -> Segments:
    """List segments."""
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    after = read_cursor(call.query.cursor, tuple[str])
    async with call.connection() as db:
        rows = await segments.page(db, after=after[0] if after else None, limit=size + 1)
    page, following = cut(rows, size=size, keys=lambda row: (row.name,))
    least = call.parts.settings.privacy.min_group
    return Segments([_answer(row, least=least) for row in page], following)


@door(
    "POST",
    "/v1/segments",
    body=NewSegment,
    answer=SegmentAnswer,
    status=201,
    idempotency="optional",
    summary="Save a segment",
    example={"name": "coffee-drinkers", "if": {"event": {"name": "purchase", "within": "P30D", "count": {"gte": 2}}}},
    errors=(409,),
    tags=("Marketing",),
)
async def create_segment(call: Call) -> SegmentAnswer:
    """Save a segment; a condition is read against what exists, its mistakes told with their paths."""
    async with call.transaction() as db:
        made = await authoring.add_segment(
            db,
            name=call.body.name,
            condition=call.body.condition,
            programme=programme_of(call.parts.settings),
            by=call.author,
        )
    return _answer(made, least=call.parts.settings.privacy.min_group)
