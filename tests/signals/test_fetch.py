"""A server that lies, hangs, floods, unfolds or sends elsewhere gives nothing, soon; no more than the limit is read."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from server.errors import Misconfigured
from server.signals.fetch import LIMIT_BYTES, FetchFailed, ask, base_of, fetch, tls_context
from tests.signals.standin import certificate, standing_in


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as opened:
        yield opened


async def test_a_body_up_to_the_limit_is_given_and_one_byte_more_is_not(session: ClientSession) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * int(request.query["size"]))

    async with standing_in(answer) as base:
        assert await fetch(session, URL(f"{base}/?size={LIMIT_BYTES}")) == b"x" * LIMIT_BYTES
        with pytest.raises(FetchFailed, match="more than 65536 bytes"):
            await fetch(session, URL(f"{base}/?size={LIMIT_BYTES + 1}"))


async def test_other_statuses_are_taken_where_they_are_asked_for_with_their_headers(session: ClientSession) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=304, headers={"Expires": "soon"})

    async with standing_in(answer) as base:
        found = await ask(session, URL(base), taken=frozenset({200, 304}))
        assert (found.status, found.headers["expires"], found.body) == (304, "soon", b"")
        with pytest.raises(FetchFailed, match="status 304"):
            await ask(session, URL(base))


async def test_it_says_that_it_wants_json_and_nothing_compressed(session: ClientSession) -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.json_response({})

    async with standing_in(answer) as base:
        await fetch(session, URL(base), headers={"User-Agent": "kairos/test"})
    assert asked[0].headers["Accept-Encoding"] == "identity"
    assert asked[0].headers["Accept"] == "application/json"
    assert asked[0].headers["User-Agent"] == "kairos/test"


async def test_a_gigabyte_is_not_read_to_its_end(session: ClientSession) -> None:
    sent = 0
    gone = asyncio.Event()

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            for _ in range(16_384):
                await response.write(b" " * 65_536)
                sent += 65_536
        finally:
            gone.set()
        return response

    async with standing_in(flood) as base:
        with pytest.raises(FetchFailed, match="more than"):
            await fetch(session, URL(base))
        await asyncio.wait_for(gone.wait(), 20)
    assert sent < 64_000_000, "what the sockets' buffers hold, not the gigabyte"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "GZIP"])
async def test_what_is_compressed_is_not_unfolded(session: ClientSession, encoding: str) -> None:
    bomb = gzip.compress(b" " * 20_000_000, 9)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": encoding})

    async with standing_in(answer) as base:
        with pytest.raises(FetchFailed, match="compressed"):
            await fetch(session, URL(base))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(session: ClientSession, status: int) -> None:
    reached: list[str] = []

    async def inner(request: web.Request) -> web.Response:
        reached.append(request.path)
        return web.json_response({"secret": True})

    async with standing_in(inner) as elsewhere:

        async def send_there(request: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": f"{elsewhere}/internal"})

        async with standing_in(send_there) as base:
            with pytest.raises(FetchFailed, match=f"status {status}"):
                await fetch(session, URL(base))
    assert reached == []


@pytest.mark.parametrize("status", [204, 400, 404, 429, 500, 503])
async def test_only_a_200_is_an_answer(session: ClientSession, status: int) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status)

    async with standing_in(answer) as base:
        with pytest.raises(FetchFailed, match=f"status {status}"):
            await fetch(session, URL(base))


async def test_a_server_that_says_nothing_is_left_after_the_deadline(session: ClientSession) -> None:
    left = asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        try:
            await asyncio.sleep(60)
        finally:
            left.set()
        return web.Response()

    async with standing_in(hang) as base:
        with pytest.raises(FetchFailed, match=r"no whole answer within 0\.1 s"):
            await fetch(session, URL(base), deadline_s=0.1)
        await asyncio.wait_for(left.wait(), 20)


async def test_a_server_that_drips_its_answer_is_left_after_the_deadline_too(session: ClientSession) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(2000):
            await response.write(b" ")
            await asyncio.sleep(0.01)
        return response

    async with standing_in(drip) as base:
        with pytest.raises(FetchFailed, match="no whole answer"):
            await fetch(session, URL(base), deadline_s=0.2)


async def test_a_closed_port_a_cut_answer_and_nonsense_are_failures(session: ClientSession) -> None:
    replies = [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", b"\x16\x03\x01 garbage\r\n\r\n", b"\r\n"]

    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(replies.pop() if replies else b"")
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for _ in range(3):
        with pytest.raises(FetchFailed):
            await fetch(session, URL(f"http://127.0.0.1:{port}/"), deadline_s=5)
    server.close()
    await asyncio.wait_for(server.wait_closed(), 20)
    with pytest.raises(FetchFailed):
        await fetch(session, URL(f"http://127.0.0.1:{port}/"))


async def test_a_failure_repeats_neither_the_address_nor_the_answer(session: ClientSession) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=500, text="canary-body")

    async with standing_in(answer) as base:
        with pytest.raises(FetchFailed) as failure:
            await fetch(session, URL(f"{base}/?apikey=canary-key"))
    assert "canary" not in str(failure.value)


async def test_who_is_cancelled_is_cancelled(session: ClientSession) -> None:
    entered = asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        entered.set()
        await asyncio.sleep(60)
        return web.Response()

    async with standing_in(hang) as base:
        task = asyncio.create_task(fetch(session, URL(base)))
        await asyncio.wait_for(entered.wait(), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_over_tls_the_authority_of_the_setting_is_believed_and_no_other(
    session: ClientSession, tmp_path: Path
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"secure": request.secure})

    file, context = certificate(tmp_path)
    async with standing_in(answer, tls=context) as base:
        trusted = tls_context(str(file), setting="weather.ca_file")
        assert await fetch(session, URL(base), ssl_context=trusted) == b'{"secure": true}'
        with pytest.raises(FetchFailed, match="Certificate"):
            await fetch(session, URL(base))


def test_no_file_of_authorities_means_the_systems_and_a_wrong_one_no_start(tmp_path: Path) -> None:
    assert tls_context("", setting="weather.ca_file") is None
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing")
    for wrong in ("/nonexistent/ca.pem", str(empty)):
        with pytest.raises(Misconfigured, match=r"weather\.ca_file: .*ca\.pem"):
            tls_context(wrong, setting="weather.ca_file")


@pytest.mark.parametrize(
    "wrong", ["", "ftp://example.org", "example.org", "https://", "https://example.org:port", "/v1"]
)
def test_a_base_that_is_no_address_is_no_start(wrong: str) -> None:
    with pytest.raises(Misconfigured, match=r"weather\.base_url"):
        base_of(wrong, setting="weather.base_url")
    assert str(base_of("https://example.org/sub", setting="weather.base_url")) == "https://example.org/sub"
