"""The outermost skin: every request gets an id, every answer one shape, whatever happens below.

Rule 1: this file alone turns an exception into a status. Never 500 for a known condition.
Rule 2: no text of an exception leaves the house, in no answer and no log: it may quote what somebody sent.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import structlog
from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.typedefs import Handler

from server.errors import Refusal, Unauthenticated, Unreadable
from server.store.ids import new_text
from server.web.door import DOOR, REQUEST_ID, Door
from server.web.gate import GATE, PasswordChangeRequired, SecondFactorRequired
from server.web.parts import PARTS
from server.web.problems import MEDIA as PROBLEM
from server.web.problems import Internal, Misdirected, refusal_of, respond_to
from server.web.refused import in_words, wants_page
from server.web.way_back import wanted_by, way_to

if TYPE_CHECKING:
    from server.settings import Settings

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
CAMERA_CSP: Final = f"{CSP}; worker-src 'self' blob:; manifest-src 'self'"
"""For pages that read codes from a camera: the reader's worker is made of a text of ours."""

PAGE_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(self), microphone=(), payment=()",
    "X-Frame-Options": "DENY",
}
"""What a browser is told with everything that it may show."""

DATA_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""What is enough for JSON (OWASP, REST Security Cheat Sheet): phones pay for every byte of it."""

_HSTS: Final = {"Strict-Transport-Security": "max-age=31536000"}
_JSON: Final = "application/json"
_DATA: Final = frozenset({_JSON, PROBLEM, "text/event-stream", "application/x-ndjson", "application/geo+json"})
_STARTED: Final = web.RequestKey("started", bool)
_LOG: Final = structlog.get_logger("kairos.web")


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id, and any error its answer."""
    request[REQUEST_ID] = new_text()
    loop = asyncio.get_running_loop()
    began = loop.time()
    response: web.StreamResponse | None = None
    try:
        response = await _answer(request, handler)
        return response
    finally:
        request.app[PARTS].metrics.count(
            method=request.method,
            route=_route(request),
            status=response.status if response is not None else 499,  # nobody waited for the answer
            seconds=loop.time() - began,
        )


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        _check_wire(request)
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            return web.Response(status=error.status, headers={"Location": error.headers.get("Location", "/")})
        return _refuse(request, error)
    except Exception as error:
        if request.get(_STARTED, False):  # an answer is half out: nothing can be said any more but that it ends
            write_down(error, route=_route(request), request_id=request[REQUEST_ID])
            raise ConnectionResetError from None
        return _refuse(request, error)


def _check_wire(request: web.Request) -> None:
    """Refuse protocols and names that are not ours (a proxy before us might read them otherwise)."""
    if request.version not in (HttpVersion10, HttpVersion11):
        raise Unreadable("Only HTTP/1.0 and HTTP/1.1 are spoken here.", code="http_version")
    hosts = request.headers.getall("Host", [])
    if len(hosts) > 1 or (not hosts and request.version == HttpVersion11):
        raise Unreadable("A request needs one Host header.")
    if hosts and not request.app[GATE].known_host(hosts[0]):
        raise Misdirected


def _refuse(request: web.Request, error: Exception) -> web.StreamResponse:
    refusal = refusal_of(error)
    if refusal is None:
        write_down(error, route=_route(request), request_id=request[REQUEST_ID])
        refusal = Internal()
    elif way := _way_to_log_in(request, refusal):
        return web.Response(status=303, headers={"Location": way})
    answer = respond_to(refusal, request_id=request[REQUEST_ID])
    return in_words(request, refusal, answer) if wants_page(request) else answer


def _way_to_log_in(request: web.Request, refusal: Refusal) -> str | None:
    """Send people who open a page to the log-in, which leads back to it, and those who send a form; programs get their status."""
    opened = request.get(DOOR)
    if not isinstance(opened, Door) or opened.produces != "text/html":
        return None
    if request.method != "GET":
        return "/login" if isinstance(refusal, Unauthenticated) and wants_page(request) else None
    if isinstance(refusal, Unauthenticated):
        return way_to("/login", wanted_by(request))
    if isinstance(refusal, SecondFactorRequired):
        return "/account"
    return way_to("/password", wanted_by(request)) if isinstance(refusal, PasswordChangeRequired) else None


def write_down(error: Exception, *, route: str, request_id: str) -> None:
    """Log an unexpected error: its class and where it came from, without the words it carries."""
    frames = traceback.extract_tb(error.__traceback__)
    _LOG.error(
        "unexpected error",
        error=type(error).__name__,
        where=[f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames[-8:]],
        route=route,
        request_id=request_id,
    )


def _route(request: web.Request) -> str:
    opened = request.get(DOOR)
    return opened.path if isinstance(opened, Door) else "unknown"


def data_headers(settings: Settings) -> Mapping[str, str]:
    """Give what every answer with data carries."""
    return {"Server": "", **DATA_HEADERS, **_secure(settings)}


def _secure(settings: Settings) -> Mapping[str, str]:
    return _HSTS if settings.server.public_url.startswith("https://") else {}


def _tiles(settings: Settings) -> str:
    """Give the one site beside ours that pictures may come from: that of the map's tiles, where one is set."""
    found = urlsplit(settings.map.tiles_url)
    return f"{found.scheme}://{found.netloc}" if found.netloc else ""


def _with_tiles(policy: str, site: str) -> str:
    return policy.replace("img-src 'self'", f"img-src 'self' {site}", 1) if site else policy


def finish(settings: Settings) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Give the last touch that every answer gets before it goes out; HSTS only where the public address is https."""
    for_data = data_headers(settings)
    for_pages = {"Server": "", **PAGE_HEADERS, **_secure(settings)}
    tiles = _tiles(settings)

    async def on_prepare(request: web.Request, response: web.StreamResponse) -> None:
        request[_STARTED] = True
        found = response.headers
        if found.get("Content-Type", _JSON) in _DATA:
            found.update(for_data)
        else:
            found.update(for_pages)
            found["Content-Security-Policy"] = _with_tiles(found.get("Content-Security-Policy", CSP), tiles)
        found["X-Request-Id"] = request.get(REQUEST_ID) or new_text()
        if "Cache-Control" not in found:
            found["Cache-Control"] = "no-store"

    return on_prepare
