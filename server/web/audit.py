"""GET /v1/audit: who did what, searched, checked and as a file. Rows are written by those who do it, in their own transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from server.store import audit
from server.store.audit import Sought
from server.store.pool import Connection
from server.web.call import Call
from server.web.door import door
from server.web.instants import EVER, Range, read_range
from server.web.paging import PageQuery, cut, page_size, read_cursor

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Deed(msgspec.Struct, frozen=True):
    """A row of the chain; hashes are SHA-256 in hex, `hash` of this row with `previous` in it."""

    seq: int
    at: datetime
    actor: str
    action: str
    object: str
    before_hash: str | None
    after_hash: str | None
    address: str | None
    request_id: str | None
    previous: str
    hash: str


class Deeds(msgspec.Struct, frozen=True):
    """A page, the newest first."""

    items: list[Deed]
    next: str | None


class AuditQuery(
    PageQuery, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}
):
    """Which deeds: of whom (`user:…`, `key:…`), what (`user.create`, or `user` for all that begin so), to what, when."""

    actor: Text | None = None
    action: Text | None = None
    object: Text | None = None
    start: str | None = None
    end: str | None = None


@door("GET", "/v1/audit", query=AuditQuery, answer=Deeds, summary="What was changed, by whom", tags=("House",))
async def read(call: Call) -> Deeds:
    """List deeds."""
    size = page_size(call.query, most=call.parts.settings.limits.page_items)
    before, sought = read_cursor(call.query.cursor, tuple[int]), sought_by(call)
    async with call.connection() as db:
        rows = await audit.page(db, before=before[0] if before else None, limit=size + 1, sought=sought)
    entries, following = cut(rows, size=size, keys=lambda entry: (entry.seq,))
    return Deeds([_deed(entry) for entry in entries], following)


def sought_by(call: Call) -> Sought:
    """Read what is sought; raises Invalid."""
    query = call.query
    span: Range | tuple[None, None] = (None, None)
    if query.start is not None or query.end is not None:
        span = read_range(query.start, query.end, zone=call.parts.settings.programme.time_zone, usual=EVER)
    return Sought(query.actor, query.action, query.object, *span)


def _deed(entry: audit.Entry) -> Deed:
    return Deed(*entry[:-2], previous=entry.previous.hex(), hash=entry.hash.hex())


async def note(
    db: Connection,
    call: Call,
    *,
    action: str,
    object: str,  # noqa: A002  the column's word
    before: Any = None,
    after: Any = None,
    actor: str | None = None,
) -> None:
    """Write down what this call does, in its transaction and after everything else in it.

    `actor` where it is somebody whom the call does not name: who is about to log in.
    """
    await audit.record(
        db,
        actor=actor or call.principal.id,
        action=action,
        object=object,
        before=before,
        after=after,
        address=call.address,
        request_id=call.request_id,
    )
