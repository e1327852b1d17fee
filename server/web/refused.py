"""What a browser shows where a page was refused: why, in words, and a way on. Programs get problem details (`problems`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from server.errors import Refusal
from server.web.body import FORM
from server.web.door import DOOR, REQUEST_ID, Door
from server.web.languages import catalogue, language_for
from server.web.pages import HTML, render
from server.web.parts import PARTS

_REASONS: Final[Mapping[int, str]] = {403: "forbidden", 404: "not_found", 429: "too_many"}
_FOR_PROGRAMS: Final = ("/v1/", "/wallet/", "/static/")


def wants_page(request: web.Request) -> bool:
    """Tell whether somebody opened a page, or an address where none is, or sent a form, in a browser."""
    if "text/html" not in request.headers.get("Accept", ""):
        return False
    opened = request.get(DOOR)
    if isinstance(opened, Door):
        return opened.produces == HTML and (request.method == "GET" or opened.media == FORM)
    return request.method == "GET" and not request.path.startswith(_FOR_PROGRAMS)


def _why(request: web.Request, refusal: Refusal) -> str:
    """Name the words for it; a form whose token is an older log-in's is nothing that another role could send."""
    if refusal.reason == "cross_site":
        return "cross_site"
    wrong = "wrong" if request.method == "GET" else "form"
    return _REASONS.get(refusal.status, "away" if refusal.status >= 500 else wrong)


def in_words(request: web.Request, refusal: Refusal, answer: web.Response) -> web.Response:
    """Put a page in place of the problem's details; status and headers stay. The text of the refusal is for programs."""
    language = language_for(request)
    words = {**catalogue("common")[language], **catalogue("refused")[language]}
    why = _why(request, refusal)
    words["title"] = words.get(f"title_{why}", words["title"])
    answer.body = render(
        "refused.html",
        brand=request.app[PARTS].settings.programme.name,
        csrf="",
        language=language,
        words=words,
        ways=[],
        facts={} if request.method == "GET" else {"here": "/"},  # the other language sends no form a second time
        reason=words[why],
        number=request[REQUEST_ID],
    )
    answer.content_type, answer.charset = HTML, "utf-8"
    answer.headers.update({"Vary": "Accept, Accept-Language, Cookie", "Content-Language": language})
    return answer
