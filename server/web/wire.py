"""The wire below the doors: how long a connection may idle, and what is said to whoever speaks no HTTP.

aiohttp answers malformed requests itself, in plain text and with a traceback in the log for each. Here they get the
same shape as every other problem, and one line per interval in the log, however many there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from aiohttp import web
from aiohttp.http_parser import HttpRequestParser
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from server.errors import Misconfigured, Unreadable
from server.store.ids import new_id
from server.web.door import REQUEST_ID
from server.web.middleware import DATA_HEADERS
from server.web.parts import PARTS, Parts
from server.web.problems import Internal, refusal_of, respond_to

_LINGER_S: Final = 2.0
"""How long the rest of an unwanted body is read away, so that the client hears the answer before the connection ends."""
_LINE_BYTES: Final = 8190
_LOG_EVERY_S: Final = 10.0
_LOG: Final = structlog.get_logger("kairos.web")


class Complaints:
    """One line for many malformed requests."""

    def __init__(self, parts: Parts) -> None:
        """Count them in the metrics, too."""
        self._parts = parts
        self._quiet_until = 0.0
        self._unsaid = 0

    def add(self, address: str | None) -> None:
        """Note one; say it where nothing was said for a while."""
        self._parts.metrics.malformed.inc()
        self._unsaid += 1
        now = asyncio.get_running_loop().time()
        if now >= self._quiet_until:
            _LOG.warning("malformed requests", count=self._unsaid, last_from=address)
            self._quiet_until, self._unsaid = now + _LOG_EVERY_S, 0


class _Connection(RequestHandler):
    """aiohttp's protocol, with our words for what is no request."""

    __slots__ = ("_complaints",)

    def __init__(self, manager: web.Server, *, complaints: Complaints, **options: Any) -> None:
        super().__init__(manager, **options)
        self._complaints = complaints

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what never reached a door; the connection is closed after it."""
        self._complaints.add(request.remote)
        if request.writer.output_size > 0:
            raise ConnectionResetError
        refusal = Internal() if status >= 500 else Unreadable("This is no HTTP request that can be read.")
        request_id = str(new_id())
        response = respond_to(refusal, request_id=request_id)
        response.headers.update(DATA_HEADERS)
        response.headers.update({"Server": "", "X-Request-Id": request_id, "Cache-Control": "no-store"})
        response.force_close()
        return response


class _Server(web.Server):
    """aiohttp's server of such connections."""

    def __init__(self, handler: Any, *, complaints: Complaints, **options: Any) -> None:
        super().__init__(handler, **options)
        self._complaints = complaints

    def __call__(self) -> RequestHandler:
        """Make the protocol of a new connection."""
        return _Connection(self, loop=self._loop, complaints=self._complaints, **self._kwargs)


def _last(app: web.Application) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Give the app's handler, with our words for what aiohttp refuses before any middleware (an unknown `Expect`)."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await app._handle(request)
        except web.HTTPException as error:
            request[REQUEST_ID] = str(new_id())
            return respond_to(refusal_of(error) or Internal(), request_id=request[REQUEST_ID])

    return answer


class Runner(web.AppRunner):
    """aiohttp's runner with our wire; `web.TCPSite(Runner(app), …)` as usual."""

    __slots__ = ()

    def __init__(self, app: web.Application) -> None:
        """Prepare to run an app of `server.web.doors.build`; raises Misconfigured where aiohttp lacks its C parser."""
        if "_http_parser" not in HttpRequestParser.__module__:
            raise Misconfigured("aiohttp runs without its C parser here; install a wheel for this platform.")
        super().__init__(app, shutdown_timeout=app[PARTS].settings.server.shutdown_s)

    async def _make_server(self) -> web.Server:
        app, parts = self.app, self.app[PARTS]
        app._set_loop(asyncio.get_running_loop())
        app.on_startup.freeze()
        await app.startup()
        app.freeze()
        return _Server(
            _last(app),
            complaints=Complaints(parts),
            request_factory=app._make_request,
            access_log=None,
            keepalive_timeout=parts.settings.server.keepalive_s,
            lingering_time=_LINGER_S,
            max_line_size=_LINE_BYTES,
            max_field_size=_LINE_BYTES,
            auto_decompress=False,
        )
