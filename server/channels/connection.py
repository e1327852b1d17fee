"""One connection of the HTTP/2 client: bytes between the socket and the conversation, and the clock for its silence."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

from server.channels.conversation import Answer, Conversation, Ended, Lost, Request

HEADER_BYTES: Final = 16_384
"""The headers of an answer: Apple sends about 100 bytes."""
_UNSENT_BYTES: Final = 2**20
"""What may wait for a peer that reads nothing; more than all requests in flight together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How many at once, how large an answer, and how long for what (seconds).

    `silence_s` without a word the peer is asked for a sign of life, which must come within `sign_s`.
    """

    streams: int
    body_bytes: int = 65_536
    connect_s: float = 10.0
    silence_s: float = 60.0
    sign_s: float = 10.0
    pause_s: float = 0.5
    longest_pause_s: float = 30.0

    def pause(self, failures: int) -> float:
        """Give the pause after so many failures in a row. The first is free, for every server restarts at times."""
        return 0.0 if failures < 2 else min(self.longest_pause_s, self.pause_s * 2.0 ** min(failures - 2, 30))


@dataclass(slots=True, eq=False)
class Asked:
    """A request with its answer to come, and where it is under way."""

    request: Request = field(repr=False)
    answer: asyncio.Future[Answer]
    tries: int = 0
    wire: Wire | None = None
    stream: int = 0


class Owner(Protocol):
    """Who is told what happens on a connection."""

    def answered(self) -> None:
        """Somebody was answered: whatever failed before is over."""

    def lost(self, asked: Asked, lost: Lost) -> None:
        """A request came back without an answer."""

    def changed(self, wire: Wire) -> None:
        """Something may have made room, or ended this connection."""


class Wire(asyncio.Protocol):
    """One connection: bytes between the socket and the conversation, and the clock for its silence."""

    def __init__(self, owner: Owner, authority: str, patience: Patience) -> None:
        self._owner, self._patience, self._loop = owner, patience, asyncio.get_running_loop()
        self._talk = Conversation(
            authority, streams=patience.streams, header_bytes=HEADER_BYTES, body_bytes=patience.body_bytes
        )
        self._asked: dict[int, Asked] = {}
        self._transport: asyncio.Transport | None = None
        self._settled: asyncio.Future[None] = self._loop.create_future()
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self._full = self._flushing = self._heard = self._probed = False
        self._timer: asyncio.TimerHandle | None = None
        self.was_answered = False

    @property
    def takes(self) -> bool:
        """Whether requests may be begun here, now or when there is room."""
        return not (self._talk.leaving or self._talk.over)

    @property
    def ended(self) -> bool:
        """Whether nothing more can be heard here."""
        return self._talk.over is not None

    @property
    def room(self) -> int:
        """How many more may be begun now."""
        return 0 if self._full else self._talk.room

    async def ready(self) -> None:
        """Wait for the peer's settings; raises Lost where it speaks no HTTP/2."""
        tls = None if self._transport is None else self._transport.get_extra_info("ssl_object")
        if tls is None or tls.selected_alpn_protocol() != "h2":
            raise Lost("the server speaks no HTTP/2", unseen=True)
        await self._settled

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._flush()
        self._timer = self._loop.call_later(self._patience.silence_s, self._look)

    def data_received(self, data: bytes) -> None:
        self._heard = True
        if self._probed:
            self._probed = False
            self._again(self._patience.silence_s)
        for ended in self._talk.hear(data):
            self._end(ended)
        if self._talk.ready and not self._settled.done():
            self._settled.set_result(None)
        self._flush()
        self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        self._over("connection lost" if exc is None else plain(exc))
        self._gone()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._owner.changed(self)

    def begin(self, asked: Asked) -> None:
        """Begin a request: there is room."""
        asked.wire, asked.tries = self, asked.tries + 1
        asked.stream = self._talk.begin(asked.request)
        self._asked[asked.stream] = asked
        self._flush_soon()

    def drop(self, asked: Asked) -> None:
        """Nobody waits for this one any more."""
        if self._asked.pop(asked.stream, None) is not None:
            self._talk.drop(asked.stream)
            self._flush_soon()
            self._settle()

    def probe(self) -> None:
        """Ask for a sign of life, unless one is due already."""
        if not self._probed and not self.ended:
            self._probed, self._heard = True, False
            self._talk.probe()
            self._flush_soon()
            self._again(self._patience.sign_s)

    def close(self, reason: str) -> None:
        """Let go at once."""
        self._over(reason)
        if self._transport is not None:
            self._transport.abort()
        else:
            self._gone()

    def _gone(self) -> None:
        if not self.gone.done():
            self.gone.set_result(None)
            self._owner.changed(self)

    def _again(self, after_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self.ended:
            self._timer = self._loop.call_later(after_s, self._look)

    def _look(self) -> None:
        """Is anybody there?"""
        if self._heard:
            self._heard = False
            self._again(self._patience.silence_s)
        elif self._probed:
            self.close("no sign of life")
        else:
            self.probe()

    def _end(self, ended: Ended) -> None:
        asked = self._asked.pop(ended.stream, None)
        if asked is None:
            return
        if isinstance(ended.result, Lost):
            self._owner.lost(asked, ended.result)
            return
        self.was_answered, asked.wire = True, None
        self._owner.answered()
        if not asked.answer.done():
            asked.answer.set_result(ended.result)

    def _over(self, reason: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for ended in self._talk.end(reason):
            self._end(ended)
        if not self._settled.done():
            self._settled.set_exception(Lost(reason, unseen=True))
            self._settled.exception()  # it may be that nobody waits for it
        self._owner.changed(self)

    def _settle(self) -> None:
        """Hand on the room there is; a connection that leaves goes when its last stream has ended."""
        if self._transport is not None and (self.ended or (self._talk.leaving and not self._talk.open)):
            reason = self._talk.over or "left"
            self._over(reason)
            self._transport.close()
        else:
            self._owner.changed(self)

    def _flush_soon(self) -> None:
        """Write once for all that is begun in this turn of the loop: one TLS record instead of many."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        data = self._talk.take()
        if not data or self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > _UNSENT_BYTES:
            self.close("the peer reads nothing")


def plain(error: Exception) -> str:
    """Say what went wrong with a connection, without its address."""
    if isinstance(error, Lost):
        return error.reason
    if isinstance(error, TimeoutError):
        return "no connection in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    if isinstance(error, socket.gaierror):  # its numbers are its own
        return "the name is not known"
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else type(error).__name__
