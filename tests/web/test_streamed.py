"""A streamed answer comes whole to whoever reads it, under the name of a file, and leaves nothing behind of who went."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer, make_mocked_request

from server.web.streamed import Events, streamed


@contextlib.asynccontextmanager
async def serving(pieces: Any) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.StreamResponse:
        call: Any = SimpleNamespace(request=request)
        return await streamed(call, pieces(), media="application/geo+json", name="fences.geojson")

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def test_many_small_pieces_and_a_large_one_come_in_their_order() -> None:
    sent = [b"a" * 10, b"b" * 200_000, *(str(number).encode() for number in range(20_000)), b""]

    async def pieces() -> AsyncIterator[bytes]:
        for piece in sent:
            yield piece

    async with serving(pieces) as url, ClientSession() as http, http.get(url) as response:
        assert await response.read() == b"".join(sent)
        assert response.content_type == "application/geo+json"
        assert response.headers["Content-Disposition"] == 'attachment; filename="fences.geojson"'


async def test_who_goes_away_ends_the_reading() -> None:
    ended = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 100_000
        finally:
            ended.set()

    async with serving(pieces) as url, ClientSession() as http:
        response = await http.get(url)
        await response.content.readexactly(100_000)
        response.close()
        assert await asyncio.wait_for(ended.wait(), 10)


async def test_events_for_who_has_left_already_are_a_connection_that_broke() -> None:
    request = make_mocked_request("GET", "/")
    request.protocol.transport = None
    with pytest.raises(ConnectionResetError):
        await Events().prepare(request)
