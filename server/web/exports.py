"""GET /v1/export/{type}: whole tables as NDJSON, for an admin's own tools: streamed, one row a line."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterable, AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final, get_args

import msgspec
from aiohttp import web

from server.errors import Invalid, NotFound, Unavailable
from server.store import exports
from server.store.exports import Type
from server.web.audit import note
from server.web.call import Call
from server.web.codec import encode
from server.web.door import door
from server.web.instants import Range, read_range
from server.web.streamed import PATIENCE_S, streamed

NDJSON: Final = "application/x-ndjson"

_TYPES: Final[dict[str, Type]] = {name: name for name in get_args(Type)}
_RETRY_S: Final = 10
_ALL: Final = Range(datetime(1980, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, tzinfo=UTC))


class ExportQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename={"start": "from", "end": "to"}):
    """The range, by the server's time (dates in the programme's zone, or instants); everything if none is named."""

    start: str | None = None
    end: str | None = None


@door(
    "GET",
    "/v1/export/{type}",
    query=ExportQuery,
    produces=NDJSON,
    stream=True,
    summary="A table as NDJSON: deliveries, events, redemptions, decisions or pings",
    tags=("Marketing",),
)
async def export(call: Call) -> web.StreamResponse:
    """Stream the rows of a range, the oldest first. A stream without its last chunk was cut off: ask again."""
    type_ = _TYPES.get(call.text("type"))
    if type_ is None:
        raise NotFound
    settings = call.parts.settings
    span = read_range(call.query.start, call.query.end, zone=settings.programme.time_zone, usual=_ALL)
    async with call.transaction() as db:
        await note(db, call, action="export", object=f"export:{type_}")
    async with call.pool.transaction(isolation="repeatable_read", readonly=True) as db:
        if not await exports.take_slot(db):
            raise Unavailable("Other exports are under way; try again.", retry_after_s=_RETRY_S)
        most = settings.limits.passes_per_export
        if not await exports.is_within(db, type_=type_, start=span.start, end=span.end, most=most):
            raise Invalid(f"This range has more than {most} rows (limits.passes_per_export); ask for a shorter one.")
        rows = exports.rows(db, type_=type_, start=span.start, end=span.end, patience_s=PATIENCE_S)
        async with contextlib.aclosing(rows):
            return await streamed(call, _lines(rows), media=NDJSON, name=f"{type_}.ndjson")


async def _lines(rows: AsyncIterable[dict[str, Any]]) -> AsyncIterator[bytes]:
    async for row in rows:
        yield encode(row) + b"\n"
