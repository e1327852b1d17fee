"""Whatever comes over the wire gets an answer in our shape, or the end of the connection; never a trace of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from server.web.access import Access, Kind
from server.web.call import Call
from server.web.door import door
from server.web.metrics import Metrics
from tests.web.serving import NoPool, Served, serving, settings_with


class Order(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: str = ""


@door("POST", "/v1/orders", body=Order, answer=Order)
async def order(call: Call) -> Order:
    return Order(call.body.name)


@door("GET", "/v1/orders", answer=Order)
async def orders(call: Call) -> Order:
    return Order()


TABLE = {(method, "/v1/orders"): Access(frozenset({Kind.ANON})) for method in ("GET", "POST")}
METRICS = Metrics()
JSON = b"Content-Type: application/json\r\n"
CLOSE = b"Connection: close\r\n"


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    settings = settings_with(server__keepalive_s=0.5, server__body_deadline_s=0.4, limits__requests_per_minute=10**6)
    async with serving([order, orders], settings, NoPool(), table=TABLE, metrics=METRICS) as running:
        yield running


POST = b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

SHAPES = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no version": b"GET /v1/orders\r\n\r\n",
    "http/0.9": b"GET /v1/orders HTTP/0.9\r\nHost: localhost\r\n\r\n",
    "http/2.0": b"GET /v1/orders HTTP/2.0\r\nHost: localhost\r\n\r\n",
    "preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": b"GET /v1/orders HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /v1/orders HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    "length twice": b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "bad chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "space before colon": b"GET /v1/orders HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "folded header": b"GET /v1/orders HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n 2\r\n\r\n",
    "long line": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "long header": b"GET /v1/orders HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 20_000 + b"\r\n\r\n",
    "many headers": b"GET /v1/orders HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: 1\r\n" * 500 + b"\r\n",
    "nul in a header": b"GET /v1/orders HTTP/1.1\r\nHost: localhost\r\nX-A: \x00\r\n\r\n",
}


@pytest.mark.parametrize("shape", sorted(SHAPES))
async def test_a_shape_that_is_no_request_gets_a_400_in_our_words(served: Served, shape: str) -> None:
    answer = await served.raw(SHAPES[shape])
    status = int(answer.split(b" ", 2)[1])
    assert 400 <= status < 500
    assert b"Content-Type: application/problem+json" in answer
    assert b"Server: \r\n" in answer
    assert b"X-Request-I" in answer
    for leak in (b"Traceback", b"aiohttp", b"Python", b".py"):
        assert leak not in answer


async def test_they_are_counted_and_told_in_one_line(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    before = METRICS.malformed._value.get()
    for _ in range(20):
        await served.raw(SHAPES["garbage"])
    assert METRICS.malformed._value.get() == before + 20
    captured = capsys.readouterr()
    assert (captured.out + captured.err).count("malformed requests") <= 1
    assert "Traceback" not in captured.out + captured.err


@pytest.mark.parametrize(
    "host", [b"evil.example", b"localhost.evil.example", b"", b"evil.example:80", b"169.254.169.254"]
)
async def test_another_hosts_name_is_misdirected(served: Served, host: bytes) -> None:
    answer = await served.raw(b"GET /v1/orders HTTP/1.1\r\nHost: " + host + b"\r\n" + CLOSE + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 421 ")


async def test_http_1_0_is_spoken(served: Served) -> None:
    assert (await served.raw(b"GET /v1/orders HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.0 200 ")


async def test_requests_behind_each_other_are_answered_in_order(served: Served) -> None:
    def post(name: bytes) -> bytes:
        body = b'{"name":"%s"}' % name
        return (
            b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\n" + JSON + b"Content-Length: %d\r\n\r\n" % len(body) + body
        )

    answer = await served.raw(
        post(b"one") + post(b"two") + b"GET /v1/orders HTTP/1.1\r\nHost: localhost\r\n" + CLOSE + b"\r\n"
    )
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.index(b'"name":"one"') < answer.index(b'"name":"two"')


async def test_a_body_that_ends_too_early_is_no_request(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\n" + JSON + b"Content-Length: 50\r\n\r\n{")
    await writer.drain()
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert b" 200 " not in answer.split(b"\r\n", 1)[0]


async def test_a_connection_that_idles_is_closed(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /v1/orders HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)  # until the server closes
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 OK")


async def test_a_head_that_never_ends_is_closed(served: Served) -> None:
    answer = await served.raw(b"GET /v1/orders HTTP/1.1\r\nHost: loc")
    assert b" 200 " not in answer


async def test_a_client_that_asks_first_may_go_on_or_is_refused_before_it_sends(served: Served) -> None:
    head = POST + b"Expect: 100-continue\r\n" + CLOSE
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head + b"Content-Length: 12\r\n\r\n")
    assert (await asyncio.wait_for(reader.readline(), 5)) == b"HTTP/1.1 100 Continue\r\n"
    await reader.readline()
    writer.write(b'{"name":"a"}')
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 200 ")
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head + b"Content-Length: 99999999\r\n\r\n")
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 413 ")
    writer.close()


@pytest.mark.parametrize(("path", "status"), [(b"/v1/orders", b" 200 "), (b"/nowhere", b" 417 ")])
async def test_an_expectation_that_nobody_knows_breaks_nothing(served: Served, path: bytes, status: bytes) -> None:
    answer = await served.raw(
        b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nExpect: hush-hush\r\n" + CLOSE + b"\r\n"
    )
    assert status in answer.split(b"\r\n", 1)[0]
    assert b"X-Request-I" in answer
    assert b"hush" not in answer


async def test_clients_that_hang_up_leave_a_server_that_answers(served: Served) -> None:
    for _ in range(50):
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\n" + JSON + b"Content-Length: 50\r\n\r\n{")
        await writer.drain()
        writer.transport.abort()
    assert (await served.call("GET", "/v1/orders")).status == 200
