"""The first page: what runs here, and where to go from it."""

from __future__ import annotations

from typing import Final

from server.web.call import Call, Reply
from server.web.door import door
from server.web.languages import catalogue
from server.web.pages import HTML
from server.web.screens.frame import language_for, show

LINKS: Final = (
    ("/app", "phone"),
    ("/counter", "counter"),
    ("/dashboard", "dashboard"),
    ("/login", "login"),
    ("/docs", "docs"),
    ("/openapi.json", "machines"),
    ("/v1/limits", "limits"),
    ("/readyz", "ready"),
)


@door("GET", "/", produces=HTML, summary="What runs here, with links", tags=("Pages",))
async def start(call: Call) -> Reply:
    """Show the first page; `test` mode is said aloud, for it takes what production refuses."""
    words = catalogue("start")[language_for(call)]
    links = [(path, words[name], words[f"about_{name}"]) for path, name in LINKS]
    return show(call, "start.html", words="start", test=call.parts.settings.mode == "test", links=links)
