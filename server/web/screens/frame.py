"""What all pages share: the language, who is there, where they may go, and the words and facts that their scripts get.

A page is a template (`templates/NAME.html`, extending `page.html`), its words (`words/NAME.toml`) and at most one script of
its own (`static/js/NAME.js`). Nothing on a page is markup that somebody else wrote: templates escape, scripts set text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from server.signals.weather.credits import CREDITS
from server.web import languages
from server.web.access import Kind, Principal
from server.web.call import Call, Reply
from server.web.languages import Language, catalogue
from server.web.pages import HTML, render

_AUTHORS: Final = frozenset({Kind.MARKETER, Kind.ADMIN})
_READERS: Final = _AUTHORS | {Kind.ANALYST}
_ADMIN: Final = frozenset({Kind.ADMIN})
_TILL: Final = frozenset({Kind.TILL})

PLACES: Final[tuple[tuple[str, str, frozenset[Kind]], ...]] = (
    ("/dashboard", "nav_dashboard", _READERS),
    ("/dashboard/offers", "nav_offers", _READERS),
    ("/dashboard/calendar", "nav_calendar", _READERS),
    ("/dashboard/places", "nav_places", _READERS),
    ("/dashboard/why", "nav_why", _AUTHORS),
    ("/counter", "nav_counter", _TILL),
    ("/dashboard/admin", "nav_admin", _ADMIN),
)
"""Where the bar on top of each page leads: path, word, and whom it is shown to (the access table decides, not this)."""


class Way(NamedTuple):
    """One entry of the bar; `here`: it is the page that is shown, or one below it."""

    path: str
    name: str
    here: bool


def language_for(call: Call) -> Language:
    """Give the language that was chosen on a page, else the one that the browser asks for."""
    return languages.language_for(call.request)


def show(
    call: Call,
    template: str,
    *,
    words: str | tuple[str, ...],
    status: int = 200,
    facts: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    below: str | None = None,
    **values: Any,
) -> Reply:
    """Show a page. `words` names its dictionary (or several), `facts` (JSON) go to its script, `values` to its template.

    `below` is the entry of the bar that it belongs to, where its address does not say so.
    """
    language, settings = language_for(call), call.parts.settings
    said = dict(catalogue("common")[language])
    for name in (words,) if isinstance(words, str) else words:
        said |= catalogue(name)[language]
    body = render(
        template,
        brand=settings.programme.name,
        csrf=call.csrf or "",
        language=language,
        words=said,
        ways=ways_for(call.principal, below or call.request.path, said),
        credit=CREDITS.get(settings.weather.provider),
        facts={
            "roles": sorted(call.principal.roles),
            "who": call.principal.id if call.csrf else None,
            "zone": settings.programme.time_zone,
            "brand": settings.programme.name,
            "tiles": settings.map.tiles_url,
            "tiles_credit": settings.map.tiles_credit,
            **(facts or {}),
        },
        **values,
    )
    told = {"Vary": "Accept-Language, Cookie", "Content-Language": language, **(headers or {})}
    return Reply(status, body, headers=told, media=HTML)


def ways_for(principal: Principal, path: str, words: Mapping[str, str]) -> list[Way]:
    """List where somebody may go; the deepest entry that leads to `path` is marked."""
    may = [(to, words[word]) for to, word, kinds in PLACES if kinds & principal.roles]
    above = [to for to, _ in may if path == to or path.startswith(f"{to}/")]
    here = max(above, key=len, default="")
    return [Way(to, name, to == here) for to, name in may]
