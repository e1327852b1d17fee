"""The HTTP/2 client over real TLS: a stand-in for APNs, hypercorn, and servers that speak something else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config

from server.channels.conversation import Answer, Lost
from server.channels.http2 import Http2
from tests.channels.lines import TOKEN, client, push, until
from tests.standins.apns import Apns, Orders
from tests.tls import Authority

LONG_S = 60.0
"""The end of a wait that nobody is meant to see."""


async def _begun(apns: Apns, asking: Coroutine[Any, Any, Answer]) -> asyncio.Future[Answer]:
    """Ask beside the test, and wait until the stand-in has what it is to spoil."""
    task = asyncio.ensure_future(asking)
    await until(lambda: not apns.orders.plan)
    return task


@pytest.fixture
async def apns() -> AsyncIterator[Apns]:
    async with Apns() as standin:
        yield standin


async def test_2600_error_answers_on_one_connection_do_not_end_it(apns: Apns) -> None:
    """2,340 of them fill a window of 65,535 bytes: who gives nothing back waits for ever."""
    apns.orders.bad.add(TOKEN)
    async with client(apns.url, apns.ca_file) as http2:
        answers = await asyncio.gather(*(http2.ask(push(), timeout_s=LONG_S) for _ in range(2600)))
        assert {(answer.status, answer.body) for answer in answers} == {(400, b'{"reason": "BadDeviceToken"}')}
        assert (apns.connections, http2.opened) == (1, 1)


async def test_one_stream_at_a_time_is_kept_to_and_everybody_comes_to_their_turn(apns: Apns) -> None:
    apns.orders.streams = 1
    async with client(apns.url, apns.ca_file) as http2:
        answers = await asyncio.gather(*(http2.ask(push(), timeout_s=LONG_S) for _ in range(30)))
        assert {answer.status for answer in answers} == {200}
        assert (apns.most_at_once, apns.connections) == (1, 1)


async def test_a_limit_that_is_raised_is_used_at_once(apns: Apns) -> None:
    """As at Apple, where a provider token opens one stream, and a thousand once it has proven good."""
    async with client(apns.url, apns.ca_file) as http2:
        await http2.ask(push(), timeout_s=LONG_S)
        apns.orders.delay_s = 0.2
        await asyncio.gather(*(http2.ask(push(), timeout_s=LONG_S) for _ in range(150)))
        assert 50 < apns.most_at_once <= 100  # ours; a machine that is busy may have answered the first by then


async def test_a_goaway_in_mid_flight_loses_nothing_and_sends_nothing_twice(apns: Apns) -> None:
    async with client(apns.url, apns.ca_file) as http2:
        await http2.ask(push(), timeout_s=LONG_S)
        for plan in (["", "", "goaway"], ["", "", "", "goaway_first"]):
            before, apns.orders.delay_s = len(apns.seen), 0.01
            apns.orders.plan.extend(plan)
            answers = await asyncio.gather(*(http2.ask(push(), timeout_s=LONG_S) for _ in range(60)))
            assert {answer.status for answer in answers} == {200}
            ids = [seen.headers["apns-id"] for seen in apns.seen[before:]]
            assert len(ids) - len(set(ids)) == 0
            assert len(set(ids)) == 60
        assert http2.opened == 3


async def test_a_server_that_says_goodbye_with_its_first_word_is_asked_on_another_connection(apns: Apns) -> None:
    apns.orders.farewells = 1
    async with client(apns.url, apns.ca_file) as http2:
        assert (await http2.ask(push(), timeout_s=LONG_S)).status == 200
        assert apns.connections == 2
        apns.orders.farewells = 99
        apns.goaway()
        with pytest.raises(Lost) as lost:
            await http2.ask(push(), timeout_s=LONG_S)
        assert lost.value.unseen
        assert apns.connections < 6  # then comes a pause


async def test_a_refused_stream_is_asked_again_and_then_told(apns: Apns) -> None:
    async with client(apns.url, apns.ca_file) as http2:
        apns.orders.plan.extend(["refuse", "refuse"])
        assert (await http2.ask(push(), timeout_s=LONG_S)).status == 200
        apns.orders.plan.extend(["refuse"] * 3)
        with pytest.raises(Lost) as lost:
            await http2.ask(push(), timeout_s=LONG_S)
        assert lost.value.unseen
        assert len(apns.seen) == 1


@pytest.mark.parametrize("order", ["cut", "cut_first", "reset", "garbage", "huge", "huge_headers"])
async def test_what_may_have_been_done_is_not_repeated_by_itself_and_the_next_one_goes_through(
    apns: Apns, order: str
) -> None:
    async with client(apns.url, apns.ca_file) as http2:
        await http2.ask(push(), timeout_s=LONG_S)
        apns.orders.plan.append(order)
        with pytest.raises(Lost) as lost:
            await http2.ask(push(), timeout_s=LONG_S)
        assert not lost.value.unseen
        assert "127.0.0.1" not in str(lost.value)
        assert (await http2.ask(push(), timeout_s=LONG_S)).status == 200


@pytest.mark.parametrize("order", ["hang", "drip"])
async def test_who_answers_too_slowly_is_left_and_holds_up_nobody(apns: Apns, order: str) -> None:
    apns.orders.streams = 2
    async with client(apns.url, apns.ca_file) as http2:
        await http2.ask(push(), timeout_s=LONG_S)
        apns.orders.plan.append(order)
        slow = await _begun(apns, http2.ask(push(), timeout_s=0.2))
        for _ in range(10):
            assert (await http2.ask(push(), timeout_s=LONG_S)).status == 200
        with pytest.raises(Lost, match="in time") as lost:
            await slow
        assert not lost.value.unseen
        answers = await asyncio.gather(*(http2.ask(push(), timeout_s=LONG_S) for _ in range(10)))
        assert len(answers) == 10  # and its stream is free again
        assert http2.opened == 1


async def test_who_waits_for_room_too_long_is_told_that_nothing_was_sent(apns: Apns) -> None:
    apns.orders.streams = 1
    async with client(apns.url, apns.ca_file) as http2:
        apns.orders.plan.append("hang")
        hanging = await _begun(apns, http2.ask(push(), timeout_s=LONG_S))
        with pytest.raises(Lost) as lost:
            await http2.ask(push(), timeout_s=0.1)
        assert lost.value.unseen
        hanging.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await hanging
        assert (await http2.ask(push(), timeout_s=LONG_S)).status == 200  # who gave up made room
        assert len(apns.seen) == 1


async def test_between_failures_is_a_pause_and_who_comes_during_it_is_told_how_long(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        async with client(f"https://127.0.0.1:{closed.getsockname()[1]}", Authority(tmp_path).ca) as http2:
            told: list[tuple[str, float | None]] = []
            for _ in range(4):
                with pytest.raises(Lost) as lost:
                    await http2.ask(push(), timeout_s=LONG_S)
                assert lost.value.unseen
                told.append((str(lost.value), lost.value.retry_after_s))
            assert [word for word, _ in told] == ["Connection refused"] * 2 + ["pause after failures"] * 2
            assert [wait for _, wait in told[:2]] == [None, 60.0]
            assert all(wait is not None and 0 < wait < 60 for _, wait in told[2:])


async def test_a_server_that_hangs_up_on_everybody_is_given_a_pause(apns: Apns) -> None:
    apns.orders.shares["cut_first"] = 1.0
    async with client(apns.url, apns.ca_file) as http2:
        words = []
        for _ in range(4):
            with pytest.raises(Lost) as lost:
                await http2.ask(push(), timeout_s=LONG_S)
            words.append(str(lost.value))
        assert words == ["connection lost", "connection lost", "pause after failures", "pause after failures"]


async def test_whoever_answers_between_failures_has_failed_once_each_time(apns: Apns) -> None:
    async with client(apns.url, apns.ca_file) as http2:
        for _ in range(3):
            apns.orders.plan.extend(["", "cut_first", "cut_first"])
            await http2.ask(push(), timeout_s=LONG_S)
            for _ in range(2):
                with pytest.raises(Lost, match="connection lost"):
                    await http2.ask(push(), timeout_s=LONG_S)


async def test_an_authority_that_is_not_trusted_is_named(apns: Apns, tmp_path: Path) -> None:
    async with client(apns.url, Authority(tmp_path, "Other").ca) as http2:
        with pytest.raises(Lost, match=r"TLS: .*certificate"):
            await http2.ask(push(), timeout_s=LONG_S)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "nowhere.invalid"])
async def test_a_name_that_is_none_is_told_and_told_again(host: str, tmp_path: Path) -> None:
    """The first is not even asked for: Python's own codec for names refuses it, with another error than the network's."""
    async with client(f"https://{host}", Authority(tmp_path).ca) as http2:
        for _ in range(2):
            with pytest.raises(Lost) as lost:
                await http2.ask(push(), timeout_s=LONG_S)
            assert lost.value.unseen
            assert host not in str(lost.value)


async def test_a_server_without_http2_is_named(tmp_path: Path) -> None:
    files = Authority(tmp_path).server()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.certificate, files.key)
    server = await asyncio.start_server(
        lambda _, writer: writer.write(b"HTTP/1.1 400 \r\n\r\n"), "127.0.0.1", 0, ssl=tls
    )
    async with server, client(f"https://localhost:{server.sockets[0].getsockname()[1]}", files.ca) as http2:
        with pytest.raises(Lost, match="speaks no HTTP/2"):
            await http2.ask(push(), timeout_s=LONG_S)


async def test_hypercorn_is_understood_too(tmp_path: Path) -> None:
    """A server that other people wrote; it ends its answers with an empty frame of data."""
    files, stop = Authority(tmp_path).server(), asyncio.Event()
    config = Config()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    config.bind, config.certfile, config.keyfile = [f"127.0.0.1:{port}"], str(files.certificate), str(files.key)
    config.accesslog = config.errorlog = None
    config.h2_max_concurrent_streams = 10

    async def app(scope: dict, receive: object, send: object) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            event = await receive()  # type: ignore[operator]
            body, more = body + event["body"], event.get("more_body", False)
        content = json.dumps({"path": scope["path"], "sent": len(body), "version": scope["http_version"]}).encode()
        await send({"type": "http.response.start", "status": 400, "headers": [(b"x-kind", b"echo")]})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": content})  # type: ignore[operator]

    running = asyncio.ensure_future(serve(app, config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]
    try:
        async with client(f"https://127.0.0.1:{port}", files.ca, pause_s=0.01) as http2:
            first = await _once_up(http2, running)
            assert json.loads(first.body) == {"path": f"/3/device/{TOKEN}", "sent": 4096, "version": "2"}
            answers = await asyncio.gather(*(http2.ask(push(body=bytes(4096)), timeout_s=LONG_S) for _ in range(60)))
            assert {(answer.status, answer.headers["x-kind"], answer.body) for answer in answers} == {
                (400, "echo", first.body)
            }
            assert http2.opened == 1
    finally:
        stop.set()
        await running


async def _once_up(http2: Http2, running: asyncio.Future[None]) -> Answer:
    async with asyncio.timeout(LONG_S):
        while True:
            assert not running.done()
            try:
                return await http2.ask(push(body=bytes(4096)), timeout_s=LONG_S)
            except Lost:
                await asyncio.sleep(0.02)


async def test_a_stand_in_that_orders_nothing_takes_what_apple_takes() -> None:
    async with Apns(orders=Orders(delay_s=0.01)) as apns, client(apns.url, apns.ca_file) as http2:
        assert (await http2.ask(push(), timeout_s=LONG_S)).status == 200
        assert apns.seen[0].headers["apns-topic"] == "example.app"
