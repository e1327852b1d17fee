"""The short way in for pings: a report that came whole with its head goes from the parser into its lane without a task.

Most of what a request costs is spent on what few of them need: a task and two futures, a request and a response that can
carry anything, a router, signals. Here the commonest request of all is taken before any of that is made.

Rule 1: the HTTP is aiohttp's. What is taken here was parsed by its parser, and only where nothing is out of the ordinary.
Rule 2: whatever is not plain is left to the doors before anything was done, so that there is one place that says no.
Rule 3: an answer is the same as at the door: status, body, headers, metrics.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

import aiohttp
import structlog
from aiohttp import HttpVersion11, web
from aiohttp.helpers import rfc822_formatted_time

from server.errors import Refusal
from server.pipeline.batch import Answer
from server.store.ids import new_text
from server.web import pings
from server.web.access import Kind
from server.web.call import JSON
from server.web.door import DOORS, TABLE
from server.web.gate import GATE
from server.web.middleware import data_headers, write_down
from server.web.parts import PARTS
from server.web.problems import Internal, refusal_of, respond_to
from server.web.visitor import Guess, Visitor

if TYPE_CHECKING:
    from aiohttp.http_parser import RawRequestMessage
    from aiohttp.streams import StreamReader

_KNOWN: Final = "3.14."
"""The short way leans on inner parts of aiohttp's protocol, which a new minor version may change without a word."""

_BEARER: Final = "Bearer "
_MOST_BYTES: Final = 32 * 1024
"""Larger bodies are rare, and aiohttp counts what it has buffered of them."""

_LOG: Final = structlog.get_logger("kairos.web")

Write = Callable[[bytes], None]
"""Takes the whole answer."""


class Asked(NamedTuple):
    """A report as it was read: whose token it came with, and what it says."""

    token: str
    report: pings.PingBatch


class ShortWay:
    """Reads and answers pings for one process; made by `short_way`."""

    def __init__(self, app: web.Application) -> None:
        """Keep what a ping needs of the app."""
        self._parts, self._gate = app[PARTS], app[GATE]
        limits = self._parts.settings.limits
        self._most_bytes, self._most_fixes = min(limits.ping_body_bytes, _MOST_BYTES), limits.fixes_per_request
        self._headers = data_headers(self._parts.settings)
        lines = "".join(f"{name}: {value}\r\n" for name, value in self._headers.items())
        self._head = f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\n{lines}Cache-Control: no-store\r\n".encode()

    def read(self, message: RawRequestMessage, payload: StreamReader) -> Asked | None:
        """Read a parsed request; None for all but a plain report of pings."""
        if message.path != "/v1/pings" or message.method != "POST" or message.version != HttpVersion11:
            return None
        if message.should_close or message.chunked or message.upgrade or message.compression or not payload.is_eof():
            return None
        head = message.headers
        token, hosts = head.get("Authorization", ""), head.getall("Host", ())
        if not token.startswith(_BEARER) or head.get("Content-Type") != JSON:
            return None
        if "Content-Encoding" in head or "Expect" in head or len(hosts) != 1 or not self._gate.known_host(hosts[0]):
            return None
        chunks = payload._buffer  # read_nowait would take it away from the door
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        report = pings.read_plain(data) if len(data) <= self._most_bytes else None
        if report is None or len(report.pings) > self._most_fixes:
            return None
        return Asked(token[len(_BEARER) :], report)

    def guess(self, asked: Asked) -> Guess | None:
        """Tell who asks, where that was known a while ago: the group that the report comes into proves it."""
        return self._gate.credentials.guess(asked.token)

    def look_up(self, asked: Asked, then: Callable[[Visitor | Exception | None], None]) -> bool:
        """Have it looked up who asks; False: the door shall say what is wrong with the token."""
        return self._gate.credentials.ask(asked.token, then)

    def go(self, asked: Asked, guess: Guess, write: Write, *, began_s: float) -> None:
        """Take the report in; `write` gets the answer, at once or later."""
        waiting = _Waiting(self, write, began_s)
        customer = guess.visitor.principal.customer_id
        try:
            if customer is None:
                raise LookupError("a customer's token has no customer")
            self._parts.arrivals.take(pings.batch_of(customer, asked.report, proof=guess.proof), waiting)
        except Exception as error:
            waiting.set_exception(error)

    def answer(self, answer: Answer, *, began_s: float) -> bytes:
        """Write out an answer, and count it."""
        body = pings.written(answer)
        self._count(200, began_s)
        tail = f"X-Request-Id: {new_text()}\r\nContent-Length: {len(body)}\r\nDate: {rfc822_formatted_time()}\r\n\r\n"
        return b"".join((self._head, tail.encode(), body))

    def refuse(self, error: Exception, *, began_s: float) -> bytes:
        """Write out why there is no answer, and count it."""
        request_id = new_text()
        refusal: Refusal | None = refusal_of(error)
        if refusal is None:
            write_down(error, route=pings.report.path, request_id=request_id)
            refusal = Internal()
        response = respond_to(refusal, request_id=request_id)
        self._count(response.status, began_s)
        body = bytes(response.body) if isinstance(response.body, (bytes, bytearray)) else b""
        headers = {
            **response.headers,
            **self._headers,
            "X-Request-Id": request_id,
            "Cache-Control": "no-store",
            "Content-Length": len(body),
            "Date": rfc822_formatted_time(),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {response.status} {response.reason}\r\n{lines}\r\n".encode() + body

    def _count(self, status: int, began_s: float) -> None:
        seconds = asyncio.get_running_loop().time() - began_s
        self._parts.metrics.count(method="POST", route=pings.report.path, status=status, seconds=seconds)


class _Waiting:
    """A connection that waits for the answer to its report."""

    __slots__ = ("_began_s", "_done", "_way", "_write")

    def __init__(self, way: ShortWay, write: Write, began_s: float) -> None:
        self._way, self._write, self._began_s, self._done = way, write, began_s, False

    def done(self) -> bool:
        """Whether it was answered."""
        return self._done

    def set_result(self, answer: Answer, /) -> None:
        """Answer it. Whatever goes wrong here is this one's misfortune, not the group's."""
        self._done = True
        try:
            data = self._way.answer(answer, began_s=self._began_s)
        except Exception as error:
            data = self._way.refuse(error, began_s=self._began_s)
        self._write(data)

    def set_exception(self, error: Exception, /) -> None:
        """Say why there is no answer."""
        self._done = True
        self._write(self._way.refuse(error, began_s=self._began_s))


def short_way(app: web.Application, *, version: str = aiohttp.__version__) -> ShortWay | None:
    """Give the short way of an app; None where its doors are not those of the house, or aiohttp is one we do not know."""
    if not version.startswith(_KNOWN):
        _LOG.warning("pings take the long way", aiohttp=version, known=f"{_KNOWN}x")
        return None
    door = pings.report
    access = app[TABLE].get((door.method, door.path))
    if door not in app[DOORS] or access is None or access.principals != {Kind.CUSTOMER}:
        return None
    return ShortWay(app)
