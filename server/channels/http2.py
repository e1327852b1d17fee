"""Our own small HTTP/2 client: one kept connection to one server under one identity, many requests at once on it.

Rule 1: who asks waits for room or for a connection in turn, at most as long as they said, and holds up nobody.
Rule 2: what the server certainly did not look at (GOAWAY, REFUSED_STREAM, never sent) is asked again by itself, a few
times. What may have been done is told as lost: to repeat it is the outbox's business.
Rule 3: a connection that is silent is asked for a sign of life; one that is dead is left, and another one opened. Between
failures is a pause that grows; who comes during it is told at once how long it lasts.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Final

from yarl import URL

from server.channels.connection import Asked, Patience, Wire, plain
from server.channels.conversation import Answer, Lost, Request

TRIES: Final = 3
"""Connections on which one request is begun: whoever refuses it so often means it."""


class Http2:
    """A client for one server. Made inside the event loop that uses it; `close` ends its connection."""

    def __init__(self, base: URL, *, tls: ssl.SSLContext, patience: Patience) -> None:
        """Keep where to; nothing is opened before somebody asks. `tls` carries the identity, if there is one."""
        self._host, self._port, self._authority = base.host or "", base.port or 443, base.host_port_subcomponent or ""
        tls.set_alpn_protocols(["h2"])
        self._tls, self._patience = tls, patience
        self._queue: deque[Asked] = deque()
        self._wire: Wire | None = None
        self._leaving: set[Wire] = set()
        self._opening: asyncio.Task[None] | None = None
        self._failures, self._paused_until = 0, 0.0
        self._closed = False
        self.opened = 0
        """Connections made so far."""

    async def ask(self, request: Request, *, timeout_s: float) -> Answer:
        """Ask and wait for the whole answer; raises Lost where none comes in time."""
        asked = Asked(request, asyncio.get_running_loop().create_future())
        self._queue.append(asked)
        self._pump()
        try:
            async with asyncio.timeout(timeout_s):
                return await asked.answer
        except TimeoutError:
            if asked.wire is not None:
                asked.wire.probe()
            raise Lost("no answer in time", unseen=asked.wire is None) from None
        finally:
            if asked.wire is not None:
                asked.wire.drop(asked)
                self._pump()

    async def close(self) -> None:
        """Let go of every connection; who still waits is told."""
        self._closed = True
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
        wires = [wire for wire in (self._wire, *self._leaving) if wire is not None]
        self._wire = None
        for wire in wires:
            wire.close("closed")
        self._fail("closed")
        await asyncio.gather(*(wire.gone for wire in wires))

    def _pump(self) -> None:
        """Begin whatever waits, as far as there is room; open a connection where there is none."""
        while self._queue and self._queue[0].answer.done():
            self._queue.popleft()
        if not self._queue:
            return
        if self._closed:
            self._fail("closed")
        elif self._wire is None:
            self._open_soon()
        else:
            while self._queue and self._wire.room > 0:
                asked = self._queue.popleft()
                if not asked.answer.done():
                    self._wire.begin(asked)

    def _open_soon(self) -> None:
        if self._opening is not None:
            return
        left = self._paused_until - asyncio.get_running_loop().time()
        if left > 0:
            self._fail("pause after failures", retry_after_s=left)
        else:
            self._opening = asyncio.create_task(self._open())

    async def _open(self) -> None:
        patience, wire = self._patience, Wire(self, self._authority, self._patience)
        try:
            async with asyncio.timeout(patience.connect_s):
                await asyncio.get_running_loop().create_connection(
                    lambda: wire,
                    self._host,
                    self._port,
                    ssl=self._tls,
                    server_hostname=self._host,
                    happy_eyeballs_delay=0.25,  # where IPv6 leads nowhere, IPv4 is tried soon (RFC 8305)
                )
                await wire.ready()
        except Exception as error:  # whatever it is: somebody waits, and the next one must find no ruin
            wire.close("not opened")
            self._opening = None
            self._fail(plain(error), retry_after_s=self._pause())
        except asyncio.CancelledError:
            wire.close("not opened")
            raise
        else:
            self._opening, self._wire = None, wire
            self.opened += 1
            self.changed(wire)  # it may have said goodbye with its first word

    def _pause(self) -> float:
        self._failures += 1
        pause = self._patience.pause(self._failures)
        self._paused_until = asyncio.get_running_loop().time() + pause
        return pause

    def _fail(self, reason: str, *, retry_after_s: float | None = None) -> None:
        """Tell everybody who waits that it will not be now."""
        waiting, self._queue = self._queue, deque()
        for asked in waiting:
            if not asked.answer.done():
                asked.answer.set_exception(Lost(reason, unseen=True, retry_after_s=retry_after_s or None))

    def answered(self) -> None:
        """Somebody was answered: whatever failed before is over."""
        self._failures = 0

    def lost(self, asked: Asked, lost: Lost) -> None:
        """A request came back without an answer: again from the front of the queue, if that is safe."""
        asked.wire = None
        if lost.unseen and asked.tries < TRIES and not self._closed:
            self._queue.appendleft(asked)
        elif not asked.answer.done():
            asked.answer.set_exception(lost)

    def changed(self, wire: Wire) -> None:
        """Something may have made room, or ended this connection."""
        if wire is self._wire and not wire.takes:
            self._wire = None
            if not wire.was_answered:
                self._pause()
        if wire.gone.done():
            self._leaving.discard(wire)
        elif not wire.takes:
            self._leaving.add(wire)
        self._pump()
