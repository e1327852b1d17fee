"""/v1/sessions: an admin sees who is logged in, and ends log-ins."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from server.errors import NotFound
from server.store import sessions, users
from server.web.audit import note
from server.web.call import Call
from server.web.door import door
from server.web.paging import PageQuery, cut, page_size, read_cursor


class SessionsQuery(PageQuery, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Which log-ins: those of one person, or all."""

    user_id: UUID | None = None


class ListedSession(msgspec.Struct, frozen=True):
    """A log-in that counts: whose, since when, last seen when, when it ends at the latest.

    `network` is the prefix of the address (IPv4 /24, IPv6 /64) and `browser` its family and system: neither is more exact.
    """

    id: UUID
    user_id: UUID
    email: str
    name: str
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    network: str | None
    browser: str | None


class Sessions(msgspec.Struct, frozen=True):
    """A page, the newest first."""

    items: list[ListedSession]
    next: str | None


def mark_of(query: PageQuery) -> tuple[datetime, UUID] | None:
    """Read where a page begins."""
    found = read_cursor(query.cursor, tuple[datetime, UUID])
    return (found[0], found[1]) if found else None


@door("GET", "/v1/sessions", query=SessionsQuery, answer=Sessions, summary="Who is logged in", tags=("House",))
async def list_sessions(call: Call) -> Sessions:
    """List log-ins that count."""
    settings, query = call.parts.settings, call.query
    size = page_size(query, most=settings.limits.page_items)
    async with call.connection() as db:
        rows = await sessions.page(
            db, idle_s=settings.session.idle_s, limit=size + 1, user_id=query.user_id, before=mark_of(query)
        )
    page, following = cut(rows, size=size, keys=lambda each: (each.created_at, each.id))
    return Sessions([ListedSession(*each) for each in page], following)


@door("DELETE", "/v1/sessions/{id}", status=204, summary="End a log-in", tags=("House",))
async def end(call: Call) -> None:
    """End it: here at once, in other processes within a second."""
    id_ = call.uuid("id")
    async with call.transaction() as db:
        whose = await sessions.end_one(db, id_=id_)
        if whose is None:
            raise NotFound
        await note(db, call, action="session.end", object=f"session:{id_}", before=str(whose))
    call.gate.credentials.forget_user(whose)


@door("DELETE", "/v1/users/{id}/sessions", status=204, summary="End all log-ins of a person", tags=("House",))
async def end_all(call: Call) -> None:
    """End every log-in of theirs, half ones as well."""
    id_ = call.uuid("id")
    async with call.transaction() as db:
        if await users.find(db, id_=id_) is None:
            raise NotFound
        ended = await sessions.end_all(db, user_id=id_)
        await note(db, call, action="session.end_all", object=f"user:{id_}", before=ended)
    call.gate.credentials.forget_user(id_)
