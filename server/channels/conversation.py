"""One HTTP/2 conversation as a client: what to write and what was heard, without a socket (RFC 9113, by h2).

Rule 1: every byte of an answer is given back to its window at once, whatever the answer is: a peer that may not send any
more hangs the connection, and nobody would know why.
Rule 2: after a GOAWAY what the peer took is heard to its end; what it never looked at is told so, and is safe to repeat.
Rule 3: a peer that breaks the protocol or sends too much loses the conversation, never more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
from hpack import NeverIndexedHeaderTuple

_HEAD: Final = 9
"""Bytes before each frame's content (RFC 9113 §4.1)."""
_GOAWAY: Final = 0x7
_LAST_STREAM: Final = 2**31 - 1
_OUTRIGHT: Final = 2**30
"""Streams that a peer without a limit allows; only to have a number."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. Path, body and headers may hold a token: none is in a repr.

    `once` are headers that are another with each request: the peer's table of headers is not filled with them.
    """

    path: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    once: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    method: str = "POST"


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Lost(Exception):
    """No answer came; the text says why and names no address. `unseen`: the server certainly did nothing with it."""

    def __init__(self, reason: str, *, unseen: bool, retry_after_s: float | None = None) -> None:
        """Keep why, whether it is safe to repeat, and how long nobody need try."""
        super().__init__(reason)
        self.reason, self.unseen, self.retry_after_s = reason, unseen, retry_after_s


class Ended(NamedTuple):
    """A stream that is over, with what came of it."""

    stream: int
    result: Answer | Lost


@dataclass(slots=True)
class _Exchange:
    """A stream under way: what of the body is not sent yet, and what of the answer is here."""

    unsent: bytes
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class Conversation:
    """Many requests on one connection. The caller writes what `take` gives after every other call."""

    def __init__(self, authority: str, *, streams: int, header_bytes: int, body_bytes: int) -> None:
        """Begin: at most `streams` requests at once, and answers within those sizes."""
        self._h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding="utf-8", validate_outbound_headers=False)
        )
        self._h2.local_settings = h2.settings.Settings(
            client=True,
            initial_values={
                h2.settings.SettingCodes.ENABLE_PUSH: 0,
                h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: header_bytes,
            },
        )
        self._h2.decoder.max_header_list_size = header_bytes
        self._frame_bytes = self._h2.max_inbound_frame_size
        self._authority, self._streams, self._body_bytes = authority, streams, body_bytes
        self._open: dict[int, _Exchange] = {}
        self._blocked: dict[int, None] = {}
        self._heard = bytearray()
        self.ready = False
        """Whether the peer has told its settings; nothing is asked before."""
        self.leaving = False
        """Whether nothing new may be asked: the peer said so, or the streams' numbers are used up."""
        self.over: str | None = None
        """Why nothing more can be said or heard."""
        self._h2.initiate_connection()

    @property
    def open(self) -> int:
        """How many requests are under way."""
        return len(self._open)

    @property
    def room(self) -> int:
        """How many more may be asked now."""
        if not self.ready or self.leaving or self.over:
            return 0
        theirs = min(self._h2.remote_settings.max_concurrent_streams, _OUTRIGHT)
        return max(0, min(theirs, self._streams) - len(self._open))

    def take(self) -> bytes:
        """Give what is to be written."""
        return self._h2.data_to_send()

    def begin(self, request: Request) -> int:
        """Ask; there must be room. Gives the stream's number."""
        stream = self._h2.get_next_available_stream_id()
        headers: list[tuple[bytes | str, bytes | str]] = [
            (":method", request.method),
            (":scheme", "https"),
            (":authority", self._authority),
            NeverIndexedHeaderTuple(":path", request.path),
            *request.headers.items(),
            *(NeverIndexedHeaderTuple(name, value) for name, value in request.once.items()),
        ]
        self._h2.send_headers(stream, headers, end_stream=not request.body)
        self._open[stream] = _Exchange(request.body)
        self._send_body(stream)
        self.leaving = self.leaving or stream >= _LAST_STREAM - 2
        return stream

    def drop(self, stream: int) -> None:
        """Nobody waits for this answer any more."""
        if self._open.pop(stream, None) is not None and not self.over:
            self._reset(stream)

    def probe(self) -> None:
        """Ask the peer for a sign of life."""
        if not self.over:
            self._h2.ping(b"kairos??")

    def hear(self, data: bytes) -> list[Ended]:
        """Take in what was read; gives the streams that it ended."""
        if self.over:
            return []
        ended: list[Ended] = []
        try:
            for frame in self._apart(data):
                ended += self._gone_away(frame) if frame[3] == _GOAWAY else self._listen(frame)
        except (h2.exceptions.ProtocolError, UnicodeDecodeError, ValueError) as error:
            # h2's own words may repeat what the peer sent.
            ended += self.end(f"protocol ({type(error).__name__})")
        return ended

    def end(self, reason: str) -> list[Ended]:
        """The connection is lost: so is everything under way, and nobody knows how far it came."""
        self.over = self.over or reason
        left, self._open = self._open, {}
        self._blocked.clear()
        return [Ended(stream, Lost(reason, unseen=False)) for stream in left]

    def _apart(self, data: bytes) -> Iterator[bytes]:
        """Give frame by frame: after a GOAWAY h2 would hear no answer, and one bad frame would take good ones with it."""
        heard = self._heard
        heard += data
        at = 0
        try:
            while at + _HEAD <= len(heard):
                length = int.from_bytes(heard[at : at + 3], "big")
                if length > self._frame_bytes:  # h2 would say so, but only when all 16 MB of it are here
                    raise h2.exceptions.FrameTooLargeError
                end = at + _HEAD + length
                if end > len(heard):
                    return
                yield bytes(heard[at:end])
                at = end
        finally:
            del heard[:at]

    def _gone_away(self, frame: bytes) -> list[Ended]:
        if len(frame) < _HEAD + 8 or any(frame[5:_HEAD]):
            raise h2.exceptions.ProtocolError
        self.leaving = True
        last = int.from_bytes(frame[_HEAD : _HEAD + 4], "big") & _LAST_STREAM
        unseen = [stream for stream in self._open if stream > last]
        for stream in unseen:
            del self._open[stream]
            self._blocked.pop(stream, None)
        return [Ended(stream, Lost("GOAWAY", unseen=True)) for stream in unseen]

    def _listen(self, data: bytes) -> list[Ended]:
        ended: list[Ended] = []
        for event in self._h2.receive_data(data):
            match event:
                case h2.events.DataReceived():
                    ended += self._data(event)
                case h2.events.ResponseReceived():
                    self._head(event)
                case h2.events.StreamEnded():
                    ended += self._complete(event.stream_id)
                case h2.events.StreamReset():
                    ended += self._was_reset(event)
                case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                    self.ready = self.ready or isinstance(event, h2.events.RemoteSettingsChanged)
                    for stream in tuple(self._blocked):
                        self._send_body(stream)
        return ended

    def _head(self, event: h2.events.ResponseReceived) -> None:
        exchange = self._open.get(event.stream_id)
        if exchange is not None:
            headers = {str(name): str(value) for name, value in event.headers}
            exchange.status, exchange.headers = int(headers.get(":status", "0")), headers

    def _data(self, event: h2.events.DataReceived) -> Sequence[Ended]:
        if event.flow_controlled_length:  # an empty frame has nothing to give back
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        exchange = self._open.get(event.stream_id)
        if exchange is None:
            return ()
        exchange.body += event.data
        if len(exchange.body) <= self._body_bytes:
            return ()
        self.drop(event.stream_id)
        return (Ended(event.stream_id, Lost("answer too large", unseen=False)),)

    def _complete(self, stream: int) -> Sequence[Ended]:
        exchange = self._open.pop(stream, None)
        if exchange is None:
            return ()
        if self._blocked.pop(stream, 0) is None:  # answered before the body was sent: it will not be
            self._reset(stream)
        return (Ended(stream, Answer(exchange.status, exchange.headers, bytes(exchange.body))),)

    def _was_reset(self, event: h2.events.StreamReset) -> Sequence[Ended]:
        self._blocked.pop(event.stream_id, None)
        if self._open.pop(event.stream_id, None) is None:
            return ()
        refused = event.error_code == h2.errors.ErrorCodes.REFUSED_STREAM
        return (Ended(event.stream_id, Lost("refused stream" if refused else "reset", unseen=refused)),)

    def _reset(self, stream: int) -> None:
        self._blocked.pop(stream, None)
        try:
            self._h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        except h2.exceptions.StreamClosedError:
            return

    def _send_body(self, stream: int) -> None:
        """Send as much as both windows let through; what is left waits for the next WINDOW_UPDATE."""
        exchange = self._open[stream]
        while exchange.unsent:
            fits = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            if fits <= 0:
                self._blocked[stream] = None
                return
            piece, exchange.unsent = exchange.unsent[:fits], exchange.unsent[fits:]
            self._h2.send_data(stream, piece, end_stream=not exchange.unsent)
        self._blocked.pop(stream, None)
