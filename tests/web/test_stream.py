"""The stream of moments: nothing is missed, whoever made it, and it ends when it must."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from server.store.knocks import listen
from server.store.pool import Pool
from server.web import stream as stream_door
from server.web.parts import PARTS
from tests.pipeline.town import document, fix, street
from tests.web.phones import Phone, Phones, phones

INSIDE = {"trigger": "inside", "places": {"any": True}}


class Stream:
    """An open stream, read event by event."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def event(self) -> dict[str, str]:
        """Read the next event; comments and `retry` are passed over."""
        told: dict[str, str] = {}
        while True:
            line = (await asyncio.wait_for(self.response.content.readline(), 10)).decode()
            if not line:
                raise EOFError
            if line == "\n" and "data" in told:
                return told
            name, _, value = line.rstrip("\n").partition(": ")
            if name in ("event", "id", "data"):
                told[name] = value


@contextlib.asynccontextmanager
async def listening(phone: Phone, **headers: str) -> AsyncIterator[Stream]:
    """Listen as a phone does."""
    url = phone.served.url + "/v1/moments/stream"
    async with phone.served.http.get(url, headers=phone.headers | headers) as response:
        assert response.status == 200, await response.read()
        assert response.headers["Content-Type"].startswith("text/event-stream")
        yield Stream(response)


@contextlib.asynccontextmanager
async def cafe(pool: Pool, **changes: Any) -> AsyncIterator[Phones]:
    """A store in which every fix makes a moment."""
    async with phones(pool, **changes) as town:
        await town.town.open_shop()
        await town.town.publish(document(when=INSIDE))
        await town.rules.refresh()
        yield town


async def test_a_moment_comes_as_an_event_with_its_id(pool: Pool) -> None:
    async with cafe(pool) as town:
        phone = await town.phone()
        async with listening(phone) as stream:
            moment = await phone.moment()
            event = await stream.event()
            assert (event["event"], event["id"]) == ("moment", moment["id"])
            assert msgspec.json.decode(event["data"]) == moment


async def test_a_moment_that_another_process_made_comes_too(pool: Pool, db_dsn: str) -> None:
    async with cafe(pool) as town, street(db_dsn) as elsewhere:
        phone = await town.phone()
        async with listening(phone) as stream:
            [moment] = (await elsewhere.ping(phone.customer_id, fix(), foreground=False)).moments
            assert (await stream.event())["id"] == str(moment.id)
            assert moment.channel == "in_app"  # somebody listens: no push is needed


async def test_a_knock_of_another_process_wakes_the_stream_without_a_look(
    pool: Pool, db_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_door, "LOOK_S", 3600.0)
    async with cafe(pool) as town, street(db_dsn) as elsewhere:
        phone, away = await town.phone(), await town.phone()
        knocks = asyncio.create_task(listen(db_dsn, town.arrivals.hear))
        try:
            async with listening(phone) as stream:
                await elsewhere.ping(
                    away.customer_id, fix(), foreground=False
                )  # nobody is woken for who listens nowhere
                for _ in range(2):
                    [moment] = (await elsewhere.ping(phone.customer_id, fix(), foreground=False)).moments
                    assert (await stream.event())["id"] == str(moment.id)
        finally:
            knocks.cancel()
            await asyncio.gather(knocks, return_exceptions=True)


async def test_whoever_may_have_missed_a_knock_looks(pool: Pool, db_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_door, "LOOK_S", 3600.0)
    async with cafe(pool) as town, street(db_dsn) as elsewhere:
        phone = await town.phone()
        async with listening(phone) as stream:
            [moment] = (await elsewhere.ping(phone.customer_id, fix(), foreground=False)).moments
            town.arrivals.hear("push")
            town.arrivals.hear(None)
            assert (await stream.event())["id"] == str(moment.id)


async def test_the_heart_beats_while_nothing_happens(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_door, "BEAT_S", 0.02)
    async with cafe(pool) as town:
        phone = await town.phone()
        async with listening(phone) as stream:
            assert stream.response.headers["X-Accel-Buffering"] == "no"
            assert stream.response.headers["Cache-Control"] == "no-store"
            beats = 0
            while beats < 3:
                beats += (await asyncio.wait_for(stream.response.content.readline(), 10)).startswith(b":")


async def test_a_reader_who_takes_nothing_is_let_go(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    flood = b":" + b"x" * 2**25 + b"\n\n"
    monkeypatch.setattr(stream_door, "PATIENCE_S", 0.2)
    monkeypatch.setattr(stream_door, "_RETRY", flood)
    async with cafe(pool) as town:
        phone = await town.phone()
        reader, writer = await asyncio.open_connection("127.0.0.1", town.served.port, limit=2**10)
        authorization = phone.headers["Authorization"]
        head = f"GET /v1/moments/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {authorization}\r\n\r\n"
        writer.write(head.encode())
        async with asyncio.timeout(20):
            for open_streams in (1, 0):
                while town.arrivals.streams(phone.customer_id) != open_streams:
                    await asyncio.sleep(0.01)
        taken = 0
        with contextlib.suppress(ConnectionError):
            while piece := await asyncio.wait_for(reader.read(2**16), 20):
                taken += len(piece)
        writer.close()
        assert taken < len(flood)


async def test_what_waits_undelivered_comes_first_and_a_resumed_stream_goes_on_after_the_last(pool: Pool) -> None:
    async with cafe(pool) as town:
        phone = await town.phone()
        made = [(await phone.moment())["id"] for _ in range(3)]
        async with listening(phone) as stream:
            assert [(await stream.event())["id"] for _ in range(3)] == made
        async with listening(phone, **{"Last-Event-ID": made[0]}) as stream:
            assert [(await stream.event())["id"] for _ in range(2)] == made[1:]
        async with listening(phone, **{"Last-Event-ID": "nonsense"}) as stream:
            assert (await stream.event())["id"] == made[0]


async def test_nobody_hears_anothers_moments(pool: Pool) -> None:
    async with cafe(pool) as town:
        phone, other = await town.phone(), await town.phone()
        async with listening(other) as stream:
            await phone.moment()
            mine = await other.moment()
            assert (await stream.event())["id"] == mine["id"]


async def test_more_streams_than_allowed_are_429(pool: Pool) -> None:
    async with cafe(pool, limits__streams_per_customer=2) as town:
        phone = await town.phone()
        async with listening(phone), listening(phone):
            third = await phone.call("GET", "/v1/moments/stream")
            assert (third.status, third.headers["Retry-After"]) == (429, "1")


async def test_a_stream_ends_when_the_house_closes(pool: Pool) -> None:
    async with cafe(pool) as town:
        phone = await town.phone()
        async with listening(phone) as stream:
            town.served.app[PARTS].stopping.set()
            rest = await asyncio.wait_for(stream.response.content.read(), 10)
            assert rest.startswith(b"retry: 2000\n\n")


async def test_a_stream_that_was_left_no_longer_counts_as_listening(pool: Pool) -> None:
    async with cafe(pool) as town:
        phone = await town.phone()
        async with listening(phone):
            assert (
                await town.town.count("SELECT count(*) FROM customer_state WHERE stream_until > clock_timestamp()") == 1
            )
        for _ in range(200):
            left = "SELECT count(*) FROM customer_state WHERE stream_until > clock_timestamp()"
            if not await town.town.count(left):
                break
            await asyncio.sleep(0.02)
        else:
            raise AssertionError("still listening")
        assert town.arrivals.streams(phone.customer_id) == 0
