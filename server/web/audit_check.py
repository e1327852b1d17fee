"""The audit as a file, and its chain checked: portion by portion, since a chain of years is longer than an answer may take."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import msgspec
from aiohttp import web

from server.errors import FieldError, Invalid
from server.store import audit
from server.store.audit import Entry, Mark, Sought
from server.web.audit import AuditQuery, sought_by
from server.web.call import Call
from server.web.csv_lines import MEDIA, line_of
from server.web.door import door
from server.web.paging import read_cursor, write_cursor
from server.web.streamed import streamed

COLUMNS: Final = ("seq", "at", "actor", "action", "object", "before_hash", "after_hash", "address", "request_id")
_PORTION: Final = 1000


class CheckQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where to go on."""

    cursor: str | None = None


class Checked(msgspec.Struct, frozen=True):
    """Rows 1 to `rows` follow one from the other; `broken_at` is the first that does not. `next` where there are more."""

    rows: int
    hash: str
    broken_at: int | None
    next: str | None


@door(
    "GET",
    "/v1/audit/verification",
    query=CheckQuery,
    answer=Checked,
    summary="Check the audit's chain, up to limits.audit_rows at once",
    tags=("House",),
)
async def check(call: Call) -> Checked:
    """Check some rows; whoever makes a cursor up is told of a chain that is not there."""
    after = _mark(call.query.cursor)
    rows = call.parts.settings.limits.audit_rows
    async with call.pool.transaction(isolation="repeatable_read", readonly=True) as db:
        found = await audit.look(db, after=after, rows=rows)
    mark = found.mark
    following = None if found.done else write_cursor((mark.seq, mark.hash.hex()))
    return Checked(mark.seq, mark.hash.hex(), found.broken_at, following)


def _mark(cursor: str | None) -> Mark:
    found = read_cursor(cursor, tuple[int, str])
    if found is None:
        return Mark()
    try:
        return Mark(found[0], bytes.fromhex(found[1]))
    except ValueError:
        raise Invalid(errors=[FieldError("cursor", "is not one that we gave")]) from None


@door(
    "GET",
    "/v1/audit/export",
    query=AuditQuery,
    produces=MEDIA,
    stream=True,
    summary="What was changed, by whom, as CSV: all that is sought",
    tags=("House",),
)
async def export(call: Call) -> web.StreamResponse:
    """Stream the deeds, the newest first; `limit` and `cursor` mean nothing here and are refused."""
    if call.query.limit is not None or call.query.cursor is not None:
        name = "limit" if call.query.limit is not None else "cursor"
        raise Invalid(errors=[FieldError(name, "is for GET /v1/audit: a file holds everything")])
    return await streamed(call, _lines(call, sought_by(call)), media=MEDIA, name="audit.csv")


async def _lines(call: Call, sought: Sought) -> AsyncIterator[bytes]:
    yield line_of(COLUMNS).encode()
    before: int | None = None
    while True:
        async with call.pool.acquire() as db:
            entries = await audit.page(db, before=before, limit=_PORTION, sought=sought)
        for entry in entries:
            yield line_of(_cells(entry)).encode()
        if len(entries) < _PORTION:
            return
        before = entries[-1].seq


def _cells(entry: Entry) -> list[object]:
    return [getattr(entry, name) for name in COLUMNS]
