"""Pushes by Firebase and to browsers per second, beside a plain loop of aiohttp: a part of `bench.push`.

Claimed: `Fcm.send` (message, access token, receipt) and `WebPush.send` (message, encryption for one browser, VAPID, receipt)
reach at least 400 a second each from one process; `Fcm.send` at least half of what a loop reaches that posts one written
message again and again, for its own processor time, and the encryption leaves `WebPush.send` at least 0.3 of such a loop.

Measured: as many under way as the settings have by default; each stand-in is another process, which checks signatures and
bodies, and opens what is for a browser. It is the slower end, so the comparison is by our processor time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import structlog
from aiohttp import ClientSession, TCPConnector
from yarl import URL

from bench.process import serving
from bench.table import goal, ratio, show
from passes.google.credentials import read_service_account
from server.channels import webpush as push
from server.channels.base import Alert, Outcome, Receipt, Subscription, collapse_id
from server.channels.fcm import SCOPE, Fcm, headers_for, payload_for
from server.channels.oauth import TokenSource
from server.channels.outward import open_outward
from server.channels.reach import STAND_INS
from server.channels.vapid import Vapid, new_key
from server.channels.webpush import WebPush
from tests.standins.fcm import PROJECT
from tests.standins.webpush import bytes_of

AT_ONCE: Mapping[str, int] = {"fcm": 100, "webpush": 50}
TOKEN = "bench:" + "x" * 140
FCM_LOOP, WEB_LOOP = "a loop of posts to Firebase", "a loop of posts to a browser"


class Town(NamedTuple):
    """Where the stand-ins are, and what proves who we are there."""

    firebase: str
    account: bytes
    vapid: Vapid
    browser: Subscription


def alert(now: datetime) -> Alert:
    """Write a moment of usual length."""
    moment = uuid4()
    return Alert(
        id=uuid4(),
        moment_id=moment,
        title="Warm bleiben",
        body="Ein Kaffee für dich, zwei Minuten weit, bis elf Uhr.",
        collapse_id=collapse_id("coffee", moment),
        expires_at=now + timedelta(hours=1),
        image_url="https://brand.example/cup.jpg",
        action={"type": "pass"},
    )


@contextlib.asynccontextmanager
async def town() -> AsyncIterator[Town]:
    """Run the stand-ins, each in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="kairos-bench-") as name:
        account = Path(name) / "account.json"
        async with (
            serving("tests.standins", "fcm", "--quiet", "--account", str(account)) as firebase,
            serving("tests.standins", "webpush", "--quiet") as browsers,
            ClientSession() as session,
        ):
            vapid = Vapid(new_key(), subject="mailto:bench@brand.example", setting="")
            async with session.get(f"{browsers.url}/subscribe", params={"key": vapid.public}) as response:
                told = json.loads(await response.read())
            browser = Subscription(told["endpoint"], bytes_of(told["keys"]["p256dh"]), bytes_of(told["keys"]["auth"]))
            yield Town(firebase.url, account.read_bytes(), vapid, browser)


async def crowd(one: Callable[[], Awaitable[None]], at_once: int, for_s: float) -> int:
    """Keep so many under way until the time is over; gives how many were done."""
    end, done = time.perf_counter() + for_s, 0

    async def some() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await one()
            done += 1

    await asyncio.gather(*(some() for _ in range(at_once)))
    return done


def _taken(receipt: Receipt) -> None:
    assert receipt.outcome is Outcome.SENT, receipt


def _tokens(session: ClientSession, there: Town) -> TokenSource:
    return TokenSource(session, read_service_account(there.account), scope=SCOPE)


async def by_fcm(there: Town, for_s: float) -> int:
    """Send notifications by the channel."""
    session = ClientSession(connector=TCPConnector(limit=0))
    log = structlog.get_logger()
    fcm = Fcm(session, _tokens(session, there), base_url=URL(there.firebase), project=PROJECT, timeout_s=30, log=log)

    async def one() -> None:
        now = datetime.now(UTC)
        _taken(await fcm.send(alert(now), TOKEN, now=now))

    done = await crowd(one, AT_ONCE["fcm"], for_s)
    await fcm.close()
    return done


async def by_webpush(there: Town, for_s: float) -> int:
    """Send to a browser by the channel."""
    webpush = WebPush(open_outward(STAND_INS), there.vapid, timeout_s=30, log=structlog.get_logger())

    async def one() -> None:
        now = datetime.now(UTC)
        _taken(await webpush.send(alert(now), there.browser, now=now))

    done = await crowd(one, AT_ONCE["webpush"], for_s)
    await webpush.close()
    return done


async def _posts(url: str, headers: dict[str, str], body: bytes, at_once: int, for_s: float) -> int:
    async with ClientSession(connector=TCPConnector(limit=0)) as session:

        async def one() -> None:
            async with session.post(url, data=body, headers=headers) as response:
                await response.read()
                assert response.status in (200, 201), response.status

        return await crowd(one, at_once, for_s)


async def by_posts(there: Town, for_s: float) -> int:
    """Post one written message to Firebase, and nothing else."""
    async with ClientSession() as session:
        tokens = _tokens(session, there)
        headers = headers_for(await tokens.token(now=datetime.now(UTC)))
        await tokens.close()
    body = payload_for(alert(datetime.now(UTC)), TOKEN, ttl=timedelta(hours=1))
    url = f"{there.firebase}/v1/projects/{PROJECT}/messages:send"
    return await _posts(url, headers, body, AT_ONCE["fcm"], for_s)


async def by_browser_posts(there: Town, for_s: float) -> int:
    """Post one message that was encrypted before, and nothing else."""
    now = datetime.now(UTC)
    one = alert(now)
    said = there.vapid.authorization(push.origin_of(there.browser.endpoint), now=now)
    headers = push.headers_for(one, said, ttl=timedelta(hours=1))
    body = push.encrypted(push.payload_for(one), there.browser)
    return await _posts(there.browser.endpoint, headers, body, AT_ONCE["webpush"], for_s)


async def measure(rounds: int, for_s: float) -> None:
    """Push in turns, and print."""
    work: dict[str, Callable[[Town, float], Awaitable[int]]] = {
        FCM_LOOP: by_posts, "Fcm.send": by_fcm, WEB_LOOP: by_browser_posts, "WebPush.send": by_webpush,
    }  # fmt: skip
    names = list(work)
    each_s: dict[str, list[float]] = {name: [] for name in names}
    cpu_s: dict[str, list[float]] = {name: [] for name in names}
    async with town() as there:
        for number in range(rounds):
            shift = number % len(names)
            for name in names[shift:] + names[:shift]:
                begun, cpu = time.perf_counter(), time.process_time()
                done = await work[name](there, for_s)
                each_s[name].append((time.perf_counter() - begun) / done)
                cpu_s[name].append((time.process_time() - cpu) / done)
    loops: Mapping[str, str] = {"Fcm.send": FCM_LOOP, "WebPush.send": WEB_LOOP}
    shares = {name: ratio(cpu_s[loops.get(name, name)], cpu_s[name]) for name in names}
    rates = {name: 1 / statistics.median(each_s[name]) for name in names}
    rows: list[Any] = [
        [name, f"{rates[name]:,.0f}", f"{1 / statistics.median(cpu_s[name]):,.0f}", f"{shares[name]:.2f}"]
        for name in names
    ]
    heads = ["", "per second", "per second of our processor time", "of its loop"]
    show(f"Pushes over HTTP/1.1, {rounds} rounds of {for_s} s each", heads, rows)
    for name, asked in (("Fcm.send", 0.5), ("WebPush.send", 0.3)):
        goal(f"push: {name} per second", rates[name], ">=", 400)
        goal(f"push: {name}, of a loop of plain posts by processor time", shares[name], ">=", asked)
