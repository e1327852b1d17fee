"""Another system that is told what happened: it verifies signatures with the `standardwebhooks` of PyPI, and fails as told.

By hand: `python -m tests.standins webhook --port 0 --secret whsec_… [--fail 503=0.2] [--fail hang=0.01] [--retry-after 7]`.
It answers 204 to a message whose signature is good, 401 to any other, and prints each with whether it was seen before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError


class Heard(NamedTuple):
    """A message as it came: its headers and body, whether a secret of ours had signed it, and the answer's status (0: none)."""

    id: str
    path: str
    headers: dict[str, str]
    body: bytes
    verified: bool
    status: int

    @property
    def event(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Orders:
    """What it does beside what it should.

    `plan` is used up message by message: a status such as "503", or hang, reset, garbage, drip, flood; "" for none.
    `shares` says how often to do which, where the plan has nothing.
    """

    plan: deque[str] = field(default_factory=deque)
    shares: dict[str, float] = field(default_factory=dict)
    delay_s: float = 0.0
    retry_after: str = ""


class Receiver:
    """`async with Receiver() as receiver`: `url`, `heard`, `secrets` and `orders`, which may change at any time."""

    def __init__(
        self,
        *,
        secrets: Iterable[str] = (),
        port: int = 0,
        orders: Orders | None = None,
        tell: Callable[[Heard], None] | None = None,
        seed: int = 0,
    ) -> None:
        self.secrets = list(secrets)
        self.orders = orders or Orders()
        self.heard: list[Heard] = []
        self.base = ""
        self._port, self._tell, self._chance = port, tell, random.Random(seed)
        self._came = asyncio.Condition()
        app = web.Application()
        app.router.add_post("/{path:.*}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01, handler_cancellation=True, access_log=None)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.base = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self.base}/hook"

    @property
    def taken(self) -> Counter[str]:
        """How often each id was taken, that is answered 2xx."""
        return Counter(each.id for each in self.heard if 200 <= each.status < 300)

    def types(self) -> list[str]:
        """The types of what was taken, each event once, in the order in which they came."""
        return list({each.id: each.event["type"] for each in self.heard if 200 <= each.status < 300}.values())

    async def until(self, ready: Callable[[], bool], *, timeout: float = 60.0) -> None:
        """Wait until what came suffices."""
        async with asyncio.timeout(timeout), self._came:
            await self._came.wait_for(ready)

    def is_signed(self, headers: dict[str, str], body: bytes) -> bool:
        """Whether one of the secrets has signed it, a short while ago."""
        for secret in self.secrets:
            try:
                Webhook(secret).verify(body, headers)
            except WebhookVerificationError:
                continue
            return True
        return False

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body, headers = await request.read(), dict(request.headers)
        verified = self.is_signed(headers, body)
        order = self._order()
        status = int(order) if order.isdigit() else {"": 204, "drip": 200, "flood": 200}.get(order, 0)
        status = 401 if order == "" and not verified else status
        found = Heard(headers.get("webhook-id", ""), request.path, headers, body, verified, status)
        await asyncio.sleep(self.orders.delay_s)
        self.heard.append(found)
        if self._tell is not None:
            self._tell(found)
        async with self._came:
            self._came.notify_all()
        return await self._answer(request, order, status)

    def _order(self) -> str:
        if self.orders.plan:
            return self.orders.plan.popleft()
        drawn = self._chance.random()
        for order, share in self.orders.shares.items():
            if drawn < share:
                return order
            drawn -= share
        return ""

    async def _answer(self, request: web.Request, order: str, status: int) -> web.StreamResponse:
        if order in ("reset", "garbage"):
            assert request.transport is not None
            if order == "garbage":
                request.transport.write(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
                request.transport.close()
            else:
                request.transport.abort()
            return web.Response()
        if order == "hang":
            await asyncio.sleep(3600)
        if order in ("drip", "flood"):
            response = web.StreamResponse(status=status)
            await response.prepare(request)
            for _ in range(100_000):
                await response.write(b" " * (1 if order == "drip" else 65_536))
                await asyncio.sleep(0.05 if order == "drip" else 0)
            return response
        headers = {"Retry-After": self.orders.retry_after} if self.orders.retry_after and status >= 300 else {}
        if 300 <= status < 400:
            headers["Location"] = f"{self.base}/elsewhere"
        return web.Response(status=status, headers=headers)


def main(arguments: list[str]) -> None:
    """Run until stopped."""
    reads = argparse.ArgumentParser(prog="python -m tests.standins webhook")
    reads.add_argument("--port", type=int, default=0)
    reads.add_argument("--secret", action="append", default=[])
    reads.add_argument("--fail", action="append", default=[], metavar="WHAT=SHARE")
    reads.add_argument("--delay", type=float, default=0.0)
    reads.add_argument("--retry-after", default="")
    reads.add_argument("--quiet", action="store_true", help="say nothing of messages: for benches")
    given = reads.parse_args(arguments)
    shares = {what: float(share) for what, _, share in (each.partition("=") for each in given.fail)}
    orders = Orders(shares=shares, delay_s=given.delay, retry_after=given.retry_after)
    asyncio.run(
        _run(Receiver(secrets=given.secret, port=given.port, orders=orders, tell=None if given.quiet else _Printer()))
    )


class _Printer:
    def __init__(self) -> None:
        self._known: set[str] = set()

    def __call__(self, heard: Heard) -> None:
        told = {"id": heard.id, "again": heard.id in self._known, "verified": heard.verified, "status": heard.status}
        self._known.add(heard.id)
        print(json.dumps(told | {"body": heard.body.decode("utf-8", "replace")}), flush=True)


async def _run(receiver: Receiver) -> None:
    async with receiver:
        print(f"listening on {receiver.url}", flush=True)
        await asyncio.Event().wait()
