"""The stream of moments: nothing is missed, whoever made it, and it ends when it must."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec

from server.store.pool import Pool
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
