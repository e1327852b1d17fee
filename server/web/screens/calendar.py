"""/dashboard/calendar: which offers run when, whom each day may reach, and the switch that stops the programme."""

from __future__ import annotations

from typing import Final

from server.store import programme, users
from server.web.access import Kind
from server.web.call import Call, Reply
from server.web.door import door
from server.web.pages import HTML
from server.web.screens.authors import actors, signature
from server.web.screens.frame import language_for, show
from server.web.screens.phrases import say_instant

_AUTHORS: Final = frozenset({Kind.MARKETER, Kind.ADMIN})


@door("GET", "/dashboard/calendar", produces=HTML, summary="What is planned, as a page", tags=("Pages",))
async def show_calendar(call: Call) -> Reply:
    """Show the page; its script reads the days."""
    language, zone = language_for(call), call.parts.settings.programme.time_zone
    async with call.connection() as db:
        switch = await programme.find(db)
        by = [switch.changed_by] if switch.changed_by is not None else []
        people = await users.names(db, ids=actors(by))
    return show(
        call,
        "calendar.html",
        words="calendar",
        facts={"least": call.parts.settings.privacy.min_group},
        switch=switch,
        by=signature(switch.changed_by, people, language) if switch.changed_by is not None else None,
        at=say_instant(switch.changed_at, zone, language) if switch.changed_at is not None else None,
        author=bool(_AUTHORS & call.principal.roles),
    )
