"""GET /v1/export/{type}: whole tables as NDJSON, for an admin's own tools: streamed, one row a line."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
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

NDJSON: Final = "application/x-ndjson"

_TYPES: Final[dict[str, Type]] = {name: name for name in get_args(Type)}
_PIECE_BYTES: Final = 64 * 1024
_PATIENCE_S: Final = 60
"""A reader that takes nothing for so long is gone."""
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
        rows = exports.rows(db, type_=type_, start=span.start, end=span.end, patience_s=_PATIENCE_S)
        async with contextlib.aclosing(rows):
            return await _stream(call, rows, name=type_)


async def _stream(call: Call, rows: AsyncGenerator[dict[str, Any], None], *, name: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Disposition": f'attachment; filename="{name}.ndjson"'})
    response.content_type = NDJSON
    piece = bytearray()
    with contextlib.suppress(_Left):
        async for row in rows:
            piece += encode(row)
            piece += b"\n"
            if len(piece) >= _PIECE_BYTES:
                await _send(call, response, bytes(piece))
                piece.clear()
        await _send(call, response, bytes(piece))
        await response.write_eof()
    return response


class _Left(Exception):
    """The client is gone. It must not be taken for a database that is: both break a connection."""


async def _send(call: Call, response: web.StreamResponse, piece: bytes) -> None:
    """Send a piece; whoever takes none of it for a minute is gone, and the connection with them."""
    try:
        if not response.prepared:
            await response.prepare(call.request)
        async with asyncio.timeout(_PATIENCE_S):
            await response.write(piece)
    except (ConnectionError, TimeoutError):
        if call.request.transport is not None:
            call.request.transport.abort()
        raise _Left from None
