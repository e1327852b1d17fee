"""The wire below the doors: how long a connection may idle, what is said to whoever speaks no HTTP, and who goes short.

aiohttp answers malformed requests itself, in plain text and with a traceback in the log for each. Here they get the
same shape as every other problem, and one line per interval in the log, however many there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import structlog
from aiohttp import web
from aiohttp.http_parser import HttpRequestParser, RawRequestMessage
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from server.errors import Misconfigured, Unreadable
from server.store.ids import new_id
from server.web.door import REQUEST_ID
from server.web.middleware import DATA_HEADERS
from server.web.parts import PARTS, Parts
from server.web.problems import Internal, refusal_of, respond_to
from server.web.short import Asked, ShortWay, short_way
from server.web.visitor import Guess, Visitor

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
    """aiohttp's protocol, with our words for what is no request, and the short way in for pings.

    aiohttp's own task of a connection waits for requests by the future `_waiter`. While a request goes the short way the
    future is held here, so that the task sleeps on; afterwards it gets it back, and what has come meanwhile.
    """

    __slots__ = ("_complaints", "_held", "_short")

    def __init__(
        self, manager: web.Server, *, complaints: Complaints, short: ShortWay | None = None, **options: Any
    ) -> None:
        super().__init__(manager, **options)
        self._complaints = complaints
        self._short = short
        self._held: asyncio.Future[None] | None = None

    def data_received(self, data: bytes) -> None:
        """Take in what came; a plain report of pings on a connection that is idle goes the short way."""
        waiter = self._waiter
        if self._short is None or waiter is None or waiter.done() or self._messages or self._paused:
            super().data_received(data)
            return
        self._waiter = None  # nobody is woken before it is known who answers
        try:
            super().data_received(data)
        finally:
            self._waiter = waiter
        if self._messages and not (len(self._messages) == 1 and self._goes_short(self._short)):
            waiter.set_result(None)

    def _goes_short(self, short: ShortWay) -> bool:
        """Let the one waiting request go the short way; False leaves it to the doors."""
        message, payload = self._messages[0]
        asked = short.read(message, payload) if isinstance(message, RawRequestMessage) else None
        if asked is None or self._loop is None:
            return False
        began_s = self._loop.time()
        guess = short.guess(asked)
        if guess is None:
            if not short.look_up(asked, partial(self._known, short, asked, began_s)):
                return False
            self._hold()
            return True
        self._hold()
        self._go(short, asked, guess, began_s)
        return True

    def _known(self, short: ShortWay, asked: Asked, began_s: float, visitor: Visitor | Exception | None) -> None:
        """Go on now that the token was looked up: whose it is, nobody's, or an error. The door says what is wrong."""
        if self._held is None or self._close or self._force_close:
            self._release()
        elif isinstance(visitor, Visitor) and visitor.principal.customer_id is not None:
            self._go(short, asked, Guess(visitor, None), began_s)
        else:
            self._release()

    def _go(self, short: ShortWay, asked: Asked, guess: Guess, began_s: float) -> None:
        self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()
        if self._manager is not None:
            self._manager.requests_count += 1
        short.go(asked, guess, self._answer, began_s=began_s)

    def _answer(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)
        self._release()

    def _hold(self) -> None:
        """Keep aiohttp's task asleep, and tell a shutdown that something is under way."""
        self._held, self._waiter = self._waiter, None
        self._request_in_progress = True

    def _release(self) -> None:
        """Give aiohttp's task its future back, with what has come meanwhile."""
        waiter, self._held = self._held, None
        self._request_in_progress = False
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)
        if waiter is None:  # the connection is gone
            return
        self._waiter = waiter
        if self._close or self._force_close:
            waiter.cancel()
            if self.transport is not None:
                self.transport.close()
        elif self._messages:
            waiter.set_result(None)
        else:
            close_time = self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
            if self._keepalive_handle is None:
                self._keepalive_handle = self._loop.call_at(close_time, self._process_keepalive)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End; aiohttp's task is woken by its future to end, too."""
        if self._held is not None:
            self._waiter, self._held = self._held, None
        super().connection_lost(exc)

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

    def __init__(self, handler: Any, *, complaints: Complaints, short: ShortWay | None, **options: Any) -> None:
        super().__init__(handler, **options)
        self._complaints, self._short = complaints, short

    def __call__(self) -> RequestHandler:
        """Make the protocol of a new connection."""
        return _Connection(self, loop=self._loop, complaints=self._complaints, short=self._short, **self._kwargs)


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
            short=short_way(app),
            request_factory=app._make_request,
            access_log=None,
            keepalive_timeout=parts.settings.server.keepalive_s,
            lingering_time=_LINGER_S,
            max_line_size=_LINE_BYTES,
            max_field_size=_LINE_BYTES,
            auto_decompress=False,
        )
