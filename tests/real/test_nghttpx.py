"""Our HTTP/2 client against nghttpx, a proxy in C++ on nghttp2: `apt-get install nghttp2-proxy`.

It stands before the stand-in for APNs, as a company's own proxy would. Three servers in all have no line in common: h2's
server side and hypercorn are asked in tests/channels/test_http2.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.channels.conversation import Lost
from server.channels.http2 import Http2
from tests.channels.lines import TOKEN, client, push, until
from tests.standins.apns import Apns
from tests.tls import Authority, Files

LONG_S = 60.0
"""The end of a wait that nobody is meant to see."""


@contextlib.asynccontextmanager
async def nghttpx(apns: Apns, files: Files, *options: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Run it in front of the stand-in, to which it speaks HTTP/2 over TLS too."""
    found = shutil.which("nghttpx")
    assert found, "apt-get install nghttp2-proxy"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    behind = apns.url.rpartition(":")[2]
    command = [found, "--conf=/dev/null", "--workers=1", "--no-ocsp", f"--frontend=127.0.0.1,{port}"]
    command += [f"--backend=127.0.0.1,{behind};;proto=h2;tls;sni=localhost", f"--cacert={apns.ca_file}", *options]
    command += [str(files.key), str(files.certificate)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        yield f"https://127.0.0.1:{port}", process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.fixture
async def apns() -> AsyncIterator[Apns]:
    async with Apns() as standin:
        yield standin


async def up(http2: Http2) -> None:
    """Wait until it answers for the stand-in."""
    async with asyncio.timeout(LONG_S):
        while True:
            with contextlib.suppress(Lost):
                if (await http2.ask(push(), timeout_s=LONG_S)).status == 200:
                    return
            await asyncio.sleep(0.05)


async def test_pushes_go_through_many_at_once_on_one_connection(apns: Apns, tmp_path: Path) -> None:
    files = Authority(tmp_path).server()
    async with nghttpx(apns, files) as (url, _), client(url, files.ca, pause_s=0.01) as http2:
        await up(http2)
        before, opened = len(apns.seen), http2.opened
        answers = await asyncio.gather(*(http2.ask(push(body=bytes(b"{" + b" " * 4000 + b"}")), timeout_s=LONG_S)
                                         for _ in range(500)))  # fmt: skip
        assert {answer.status for answer in answers} == {200}
        assert len({seen.headers["apns-id"] for seen in apns.seen[before:]}) == 500
        assert http2.opened == opened


async def test_2600_error_answers_do_not_end_the_connection(apns: Apns, tmp_path: Path) -> None:
    files = Authority(tmp_path).server()
    async with nghttpx(apns, files) as (url, _), client(url, files.ca, pause_s=0.01) as http2:
        await up(http2)
        apns.orders.bad.add(TOKEN)
        opened = http2.opened
        answers = await asyncio.gather(*(http2.ask(push(), timeout_s=LONG_S) for _ in range(2600)))
        assert {(answer.status, answer.body) for answer in answers} == {(400, b'{"reason": "BadDeviceToken"}')}
        assert http2.opened == opened


async def test_its_limit_of_streams_is_kept_to(apns: Apns, tmp_path: Path) -> None:
    files = Authority(tmp_path).server()
    options = ("--frontend-http2-max-concurrent-streams=3", "--frontend-http2-window-size=2000")
    async with nghttpx(apns, files, *options) as (url, _), client(url, files.ca, pause_s=0.01) as http2:
        await up(http2)
        apns.most_at_once, apns.orders.delay_s = 0, 0.005
        body = b'{"aps":{"alert":"' + b"x" * 3900 + b'"}}'  # twice its window
        answers = await asyncio.gather(*(http2.ask(push(body=body), timeout_s=LONG_S) for _ in range(60)))
        assert {answer.status for answer in answers} == {200}
        assert apns.most_at_once <= 3
        assert all(seen.body == body for seen in apns.seen[-60:])


async def test_a_proxy_that_is_stopped_gracefully_loses_nothing(apns: Apns, tmp_path: Path) -> None:
    """SIGQUIT: it says GOAWAY, answers what it took, and goes."""
    files = Authority(tmp_path).server()
    async with nghttpx(apns, files) as (url, process), client(url, files.ca, pause_s=0.01) as http2:
        await up(http2)
        before, apns.orders.delay_s = len(apns.seen), 0.3
        waiting = [asyncio.ensure_future(http2.ask(push(), timeout_s=LONG_S)) for _ in range(50)]
        await until(lambda: sum(len(each.running) for each in apns.open) == 50)
        process.send_signal(signal.SIGQUIT)
        answers = await asyncio.gather(*waiting)
        assert {answer.status for answer in answers} == {200}
        assert len(apns.seen) - before == 50
        async with asyncio.timeout(LONG_S):
            await process.wait()
