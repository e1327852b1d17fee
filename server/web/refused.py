"""What a browser shows where a page was refused: why, in words, and a way on. Programs get problem details (`problems`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from server.errors import Refusal
from server.web.door import DOOR, REQUEST_ID, Door
from server.web.languages import catalogue, language_for
from server.web.pages import HTML, render
from server.web.parts import PARTS

_REASONS: Final[Mapping[int, str]] = {403: "forbidden", 404: "not_found", 429: "too_many"}
_FOR_PROGRAMS: Final = ("/v1/", "/wallet/", "/static/")


def wants_page(request: web.Request) -> bool:
    """Tell whether somebody opened a page, or an address where none is, in a browser."""
    if request.method != "GET" or "text/html" not in request.headers.get("Accept", ""):
        return False
    opened = request.get(DOOR)
    return opened.produces == HTML if isinstance(opened, Door) else not request.path.startswith(_FOR_PROGRAMS)


def in_words(request: web.Request, refusal: Refusal, answer: web.Response) -> web.Response:
    """Put a page in place of the problem's details; status and headers stay. The text of the refusal is for programs."""
    language = language_for(request)
    words = {**catalogue("common")[language], **catalogue("refused")[language]}
    why = _REASONS.get(refusal.status, "away" if refusal.status >= 500 else "wrong")
    words["title"] = words.get(f"title_{why}", words["title"])
    answer.body = render(
        "refused.html",
        brand=request.app[PARTS].settings.programme.name,
        csrf="",
        language=language,
        words=words,
        ways=[],
        facts={},
        reason=words[why],
        number=request[REQUEST_ID],
    )
    answer.content_type, answer.charset = HTML, "utf-8"
    answer.headers.update({"Vary": "Accept, Accept-Language, Cookie", "Content-Language": language})
    return answer
