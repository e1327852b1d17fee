"""One connection: its silence, its end, and the pauses between failures."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator

import pytest

from server.channels.connection import Asked, Patience, Wire, plain
from server.channels.conversation import Lost
from tests.channels.lines import client, push, until
from tests.standins.apns import Apns

LONG_S = 60.0
"""The end of a wait that nobody is meant to see."""


@pytest.fixture
async def apns() -> AsyncIterator[Apns]:
    async with Apns() as standin:
        yield standin


def test_pauses_double_from_the_second_failure_on_until_the_longest() -> None:
    patience = Patience(streams=1, pause_s=0.5, longest_pause_s=30)
    assert [patience.pause(failures) for failures in (0, 1, 2, 3, 4, 7, 8, 9, 5000)] == [
        0, 0, 0.5, 1, 2, 16, 30, 30, 30,
    ]  # fmt: skip


def test_what_went_wrong_is_said_without_an_address() -> None:
    refused = OSError(errno.ECONNREFUSED, "Connect call failed ('10.1.2.3', 443)")
    several = OSError("Multiple exceptions: [Errno 111] Connect call failed ('10.1.2.3', 443)")
    alert = ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required")
    alert.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    assert plain(refused) == "Connection refused"
    assert plain(several) == "OSError"
    assert plain(alert) == "TLS: TLSV13_ALERT_CERTIFICATE_REQUIRED"
    assert plain(TimeoutError()) == "no connection in time"
    assert plain(socket.gaierror(socket.EAI_NONAME, "Name or service not known")) == "the name is not known"
    assert plain(Lost("GOAWAY", unseen=True)) == "GOAWAY"


class Pipe(asyncio.Transport):
    """The way to a peer that reads nothing."""

    def __init__(self, waiting: int) -> None:
        super().__init__()
        self.waiting, self.aborted = waiting, False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.waiting += len(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        """It was aborted before."""


class House:
    """Who is told what happens on a connection."""

    def __init__(self) -> None:
        self.changes = 0

    def answered(self) -> None:
        """Nobody asks here."""

    def lost(self, asked: Asked, lost: Lost) -> None:
        """Nobody asks here."""

    def changed(self, wire: Wire) -> None:
        self.changes += 1


SETTLED = b"\0\0\0\4\0\0\0\0\0"
PING = b"\0\0\x08\6\0\0\0\0\0" + bytes(8)


async def test_a_peer_that_reads_nothing_is_asked_nothing_more_and_left_in_the_end() -> None:
    house = House()
    wire = Wire(house, "push.example", Patience(streams=10))
    pipe = Pipe(waiting=2**20 - 20_000)  # what it has not read so far
    wire.connection_made(pipe)
    wire.data_received(SETTLED)
    assert wire.room == 10
    wire.pause_writing()
    assert wire.room == 0
    changes = house.changes
    wire.resume_writing()
    assert (wire.room, house.changes) == (10, changes + 1)
    wire.data_received(PING * 500)  # each wants an answer
    assert not pipe.aborted
    wire.data_received(PING * 1000)
    assert pipe.aborted
    assert wire.ended


async def test_a_line_that_gives_no_sign_of_life_is_left(apns: Apns) -> None:
    """Half-open: what is sent goes nowhere, and nobody says so."""
    async with client(apns.url, apns.ca_file, silence_s=0.2, sign_s=0.2) as http2:
        await http2.ask(push(), timeout_s=LONG_S)
        apns.orders.dead_to_pings = True
        apns.orders.plan.append("hang")
        with pytest.raises(Lost, match="no sign of life"):
            await http2.ask(push(), timeout_s=LONG_S)
        apns.orders.dead_to_pings = False
        assert (await http2.ask(push(), timeout_s=LONG_S)).status == 200
        assert http2.opened == 2


async def test_a_quiet_line_that_answers_pings_stays(apns: Apns) -> None:
    async with client(apns.url, apns.ca_file, silence_s=0.01, sign_s=LONG_S) as http2:
        await http2.ask(push(), timeout_s=LONG_S)
        pinged = apns.pings
        await until(lambda: apns.pings >= pinged + 3)
        await http2.ask(push(), timeout_s=LONG_S)
        assert http2.opened == 1


async def test_closing_tells_everybody_who_waits_and_leaves_nothing_open(apns: Apns) -> None:
    apns.orders.streams = 1
    async with client(apns.url, apns.ca_file) as http2:
        apns.orders.plan.append("hang")
        waiting = [asyncio.ensure_future(http2.ask(push(), timeout_s=LONG_S)) for _ in range(3)]
        await until(lambda: bool(apns.open))
        await http2.close()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(result, Lost) for result in results)
        with pytest.raises(Lost, match="closed"):
            await http2.ask(push(), timeout_s=LONG_S)
    await until(lambda: not apns.open)
