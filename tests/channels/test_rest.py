"""Asking a service: bounded in time and size, never led astray, and nothing of what was asked in an error."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
from aiohttp import ClientSession, DummyCookieJar, web
from yarl import URL

from server.channels.rest import LONGEST_WAIT_S, Heard, Unheard, ask, base_of, retry_after_s, tls_context
from server.errors import Misconfigured

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@contextlib.asynccontextmanager
async def answering(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[URL]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield URL(f"http://127.0.0.1:{runner.addresses[0][1]}/secret-path")
    finally:
        await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession(cookie_jar=DummyCookieJar()) as opened:
        yield opened


async def heard(session: ClientSession, url: URL, **options: object) -> Heard:
    return await ask(session, "POST", url, headers={"Authorization": "Bearer secret"}, body=b"{}", **options)  # type: ignore[arg-type]


async def test_an_answer_is_given_whatever_its_status(session: ClientSession) -> None:
    async def handler(request: web.Request) -> web.Response:
        said = f"{request.method} {request.headers['Authorization']} {(await request.read()).decode()}"
        return web.Response(status=418, text=said)

    async with answering(handler) as url:
        found = await heard(session, url)
    assert (found.status, found.body) == (418, b"POST Bearer secret {}")


async def test_a_redirect_is_an_answer_and_is_not_followed(session: ClientSession) -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.path == "/secret-path"
        raise web.HTTPFound("/elsewhere")

    async with answering(handler) as url:
        assert (await heard(session, url)).status == 302


async def test_who_is_too_slow_too_large_or_gone_is_unheard_and_nothing_sent_is_repeated(
    session: ClientSession,
) -> None:
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async def large(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 5000)

    async def cut(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    for handler, word in ((slow, "no answer in time"), (large, "too large an answer"), (cut, "Disconnected")):
        async with answering(handler) as url:
            with pytest.raises(Unheard) as caught:
                await heard(session, url, deadline_s=0.3, limit_bytes=4000)
        assert word in str(caught.value)
        assert "secret" not in str(caught.value)
    with pytest.raises(Unheard, match="ClientConnectorError"):
        await heard(session, URL("http://127.0.0.1:1/secret"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("999999999999", LONGEST_WAIT_S),
        ("Mon, 23 Nov 2026 08:00:20 GMT", 20.0),
        ("Mon, 23 Nov 2026 07:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("٣", None),
    ],
)
def test_the_wish_to_be_left_alone_is_read_as_seconds_or_as_a_date(text: str, seconds: float | None) -> None:
    assert retry_after_s({"Retry-After": text}, now=NOW) == seconds
    assert retry_after_s({}, now=NOW) is None


def test_plain_http_is_for_stand_ins_on_this_machine_alone() -> None:
    for address in ("http://127.0.0.1:9/x", "http://localhost:9", "http://[::1]:9"):
        assert str(base_of(address, setting="s", loopback=True)).startswith("http://")
        with pytest.raises(Misconfigured, match="s: must be an https address"):
            base_of(address, setting="s", loopback=False)
    for address in ("http://example.com", "ftp://127.0.0.1", "https://", "", "x", "http://127.0.0.1.example.com"):
        with pytest.raises(Misconfigured):
            base_of(address, setting="s", loopback=True)
    assert base_of("https://example.com/v1", setting="s", loopback=False) == URL("https://example.com/v1")


def test_an_authority_that_is_none_is_named_with_its_setting(tmp_path: object) -> None:
    assert tls_context("", setting="x.ca_file") is None
    with pytest.raises(Misconfigured, match=r"x\.ca_file: /nowhere\.pem"):
        tls_context("/nowhere.pem", setting="x.ca_file")
