"""/dashboard/offers: all offers with their state and how they fared, what waits for a yes, and a place to try them all."""

from __future__ import annotations

from typing import Final

from server.store import approvals, programme, users
from server.store.approvals import Requested
from server.web.access import Kind
from server.web.call import Call, Reply
from server.web.door import door
from server.web.pages import HTML
from server.web.screens.authors import actors, signature
from server.web.screens.frame import language_for, show

_WAITING: Final = 20
"""So many versions that wait for a yes are listed, those that wait longest first."""
_AUTHORS: Final = frozenset({Kind.MARKETER, Kind.ADMIN})


@door("GET", "/dashboard/offers", produces=HTML, summary="The offers, as a page", tags=("Pages",))
async def show_offers(call: Call) -> Reply:
    """Show the page; its script reads the list."""
    language = language_for(call)
    async with call.connection() as db:
        found: list[Requested] = await approvals.requested(db, limit=_WAITING + 1)
        waiting = found[:_WAITING]
        stopped = (await programme.find(db)).paused
        people = await users.names(db, ids=actors(each.requested_by for each in waiting))
    return show(
        call,
        "offers.html",
        words=("decision", "offers"),
        waiting=[(each, signature(each.requested_by, people, language)) for each in waiting],
        stopped=stopped,
        more_waiting=len(found) > _WAITING,
        author=bool(_AUTHORS & call.principal.roles),
    )
