"""/app: a phone in the browser. It is a client like every other: what it does goes through /v1 with its customer's token."""

from __future__ import annotations

from typing import get_args

from server.model.place import DAYS
from server.model.weather import Kind
from server.web.call import Call, Reply
from server.web.door import door
from server.web.languages import catalogue
from server.web.pages import HTML
from server.web.screens.frame import language_for, show


@door("GET", "/app", produces=HTML, summary="A phone in the browser", tags=("Pages",))
async def phone(call: Call) -> Reply:
    """Show the phone; its key is public, and signs customers up at most."""
    parts = call.parts
    app = parts.settings.app
    facts = {
        "key": app.key,
        "start": [app.lat, app.lon],
        "scene": parts.scene is not None,
        "throwaway": not parts.settings.apple.pass_type_id,
        "push": parts.vapid is not None,
    }
    said = catalogue("phone")[language_for(call)]
    return show(
        call,
        "phone.html",
        words="phone",
        facts=facts,
        staged=parts.scene is not None,
        days=[(day, said[f"day_{day}"]) for day in DAYS],
        skies=[(kind, said[f"sky_{kind}"]) for kind in get_args(Kind)],
    )
