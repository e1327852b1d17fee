"""A load generator that costs little itself: keep-alive connections, each asking anew as soon as it was answered.

An HTTP client library takes longer for a request than the servers under test; this one writes ready-made bytes and
looks for the end of the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import psutil

Make = Callable[[], bytes]
"""Gives the next request, whole."""


@dataclass(slots=True)
class Heard:
    """What one stretch of load brought: seconds per answer, and how many answers had which status."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    database_cpu_s: float = 0.0
    waits_s: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    sample: bytes = b""

    @property
    def per_second(self) -> float:
        """How many requests were answered in a second."""
        return len(self.waits_s) / self.seconds

    @property
    def cpu_each_s(self) -> float:
        """How much processor time the server's process spent on one (PostgreSQL's is not in it)."""
        return self.cpu_s / max(1, len(self.waits_s))

    @property
    def database_cpu_each_s(self) -> float:
        """How much processor time PostgreSQL's processes spent on one."""
        return self.database_cpu_s / max(1, len(self.waits_s))

    def percentile_s(self, hundredth: int) -> float:
        """Give a percentile of the waits (s)."""
        return statistics.quantiles(self.waits_s, n=100)[hundredth - 1]


class _Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self, make: Make, heard: Heard, loop: asyncio.AbstractEventLoop, *, until: float) -> None:
        self._make, self._heard, self._loop, self._until = make, heard, loop, until
        self._transport: asyncio.WriteTransport | None = None
        self._data, self._sent = b"", 0.0
        self.done: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        assert self._transport is not None
        self._data, self._sent = b"", self._loop.time()
        self._transport.write(self._make())

    def data_received(self, data: bytes) -> None:
        self._data = data = self._data + data if self._data else data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return
        at = data.find(b"Content-Length: ", 0, end)
        if len(data) < end + 4 + int(data[at + 16 : data.index(b"\r", at)]):
            return
        now, status, heard = self._loop.time(), int(data[9:12]), self._heard
        heard.statuses[status] = heard.statuses.get(status, 0) + 1
        heard.waits_s.append(now - self._sent)
        if now < self._until:
            self._ask()
        else:
            heard.sample = data
            assert self._transport is not None
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None) if exc is None else self.done.set_exception(exc)


def _cpu_s(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system)


def _children_cpu_s(parent: psutil.Process | None) -> float:
    total = 0.0
    for child in parent.children() if parent is not None else ():
        with contextlib.suppress(psutil.NoSuchProcess):
            total += _cpu_s(child)
    return total


async def press(
    url: str, make: Make, *, connections: int, for_s: float, pid: int, database: int | None = None
) -> Heard:
    """Ask a server on so many connections for so long; `pid` is its process, `database` the one whose children serve it."""
    loop, heard, where = asyncio.get_running_loop(), Heard(), urlsplit(url)
    host, port = where.hostname or "", where.port or 80
    server, postmaster = psutil.Process(pid), psutil.Process(database) if database else None
    before, database_before, begun = _cpu_s(server), _children_cpu_s(postmaster), loop.time()
    callers = [
        (await loop.create_connection(lambda: _Caller(make, heard, loop, until=begun + for_s), host, port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(caller.done for caller in callers))
    heard.seconds = loop.time() - begun
    heard.cpu_s, heard.database_cpu_s = _cpu_s(server) - before, _children_cpu_s(postmaster) - database_before
    return heard


def request(path: str, body: str, **headers: str) -> bytes:
    """Write a request with a JSON body; `Idempotency_Key="…"` becomes the header of that name."""
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{named}Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
