"""The first page: what runs here, and where to go from it."""

from __future__ import annotations

from server.signals.weather.credits import CREDITS
from server.web.call import Call, Reply
from server.web.door import door
from server.web.pages import HTML, render


@door("GET", "/", produces=HTML, summary="What runs here, with links", tags=("Pages",))
async def start(call: Call) -> Reply:
    """Show the first page; `test` mode is said aloud, for it takes what production refuses."""
    settings = call.parts.settings
    page = render(
        "start.html",
        brand=settings.programme.name,
        csrf=call.csrf or "",
        test=settings.mode == "test",
        credit=CREDITS.get(settings.weather.provider),
    )
    return Reply(200, page, media=HTML)
