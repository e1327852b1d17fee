"""Open-Meteo on loopback: asked like the real one, it answers with its weather, or misbehaves in one of many ways.

By hand: `python -m tests.standins weather --port 0 [--order hang] [--good-every 3]`; `PUT /order` with one of ORDERS as its body
changes what it does from now on. It prints a line of JSON for each question.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Self

from aiohttp import web

GOOD: Final = "good"
ORDERS: Final = (
    *(GOOD, "refused", "reset", "hang", "slow", "500", "html", "nan", "infinite", "wrong_type", "impossible"),
    *("empty", "flood", "bomb", "redirect"),
)
"""What it may be told to do. `refused`: nobody listens. `flood`: a gigabyte. `bomb`: a megabyte that unfolds to one."""

SLOW_S: Final = 10.0
FLOOD_BYTES: Final = 2**30
CHUNK: Final = b" " * 65_536
INSIDE: Final = "/inside"
"""Where a redirect leads: a place on loopback that nobody outside may make us ask."""

UNITS: Final = {"precipitation": "mm", "wind_speed_10m": "m/s", "temperature_2m": "°C", "apparent_temperature": "°C"}


class Asked(NamedTuple):
    """A question as it came."""

    path: str
    lat: float
    lon: float
    order: str


class Weather:
    """`async with Weather() as sky`: `url`, `asked`, `order`; `open` are the questions that wait, `sent` the bytes of floods."""

    def __init__(
        self,
        *,
        port: int = 0,
        order: str = GOOD,
        good_every: int = 0,
        slow_s: float = SLOW_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        tell: Callable[[Asked], None] | None = None,
    ) -> None:
        self.asked: list[Asked] = []
        self.open = self.sent = 0
        self.order = order
        self.rain_mm = 1.2
        self._port, self._good_every, self._slow_s, self._now, self._tell = port, good_every, slow_s, now, tell
        self._came, self._go = asyncio.Condition(), asyncio.Event()
        app = web.Application()
        app.router.add_put("/order", self._ordered)
        app.router.add_get("/{path:.*}", self._take)
        app.on_response_prepare.append(_close)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01, handler_cancellation=True, access_log=None)
        self._site: web.TCPSite | None = None

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await self._listen()
        await self.behave(self.order)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where it listens, or did while it listened."""
        return f"http://127.0.0.1:{self._port}"

    async def behave(self, order: str) -> None:
        """Do so from now on; whoever still waits for an answer is let go without one."""
        assert order in ORDERS, order
        self._go.set()
        self._go = asyncio.Event()
        self.order = order
        if order == "refused" and self._site is not None:
            await self._site.stop()
            self._site = None
        elif order != "refused" and self._site is None:
            await self._listen()

    async def until(self, ready: Callable[[], bool], *, timeout: float = 30.0) -> None:
        """Wait until what came suffices."""
        async with asyncio.timeout(timeout), self._came:
            await self._came.wait_for(ready)

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await self._site.start()
        self._port = self._runner.addresses[0][1]

    async def _ordered(self, request: web.Request) -> web.Response:
        order = await request.text()
        if order not in ORDERS or order == "refused":  # nobody could tell it otherwise any more
            return web.Response(status=422, text=" ".join(ORDERS))
        await self.behave(order)
        return web.Response(status=204)

    async def _take(self, request: web.Request) -> web.StreamResponse:
        good = self._good_every and len(self.asked) % self._good_every == 0
        order = GOOD if good else self.order
        question = Asked(
            request.path, *(float(request.query.get(name, "nan")) for name in ("latitude", "longitude")), order
        )
        self.asked.append(question)
        if self._tell is not None:
            self._tell(question)
        self.open += 1
        await self._news()
        try:
            return await self._answer(request, order)
        finally:
            self.open -= 1
            await self._news()

    async def _news(self) -> None:
        async with self._came:
            self._came.notify_all()

    async def _answer(self, request: web.Request, order: str) -> web.StreamResponse:
        match order:
            case "reset":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case "hang" | "slow":
                if not await self._is_over(self._slow_s if order == "slow" else None):
                    return web.Response(status=503)
            case "500":
                return web.Response(status=500)
            case "html":
                return web.Response(text="<html>Welcome to the hotel's network", content_type="text/html")
            case "flood":
                return await self._flood(request)
            case "bomb":
                return web.Response(body=_bomb(), headers={"Content-Encoding": "gzip"}, content_type="application/json")
            case "redirect":
                return web.Response(status=302, headers={"Location": f"{self.url}{INSIDE}"})
        return web.Response(text=self._written(order), content_type="application/json")

    async def _is_over(self, seconds: float | None) -> bool:
        """Wait for so long; not where another order lets it go."""
        try:
            async with asyncio.timeout(seconds):
                await self._go.wait()
        except TimeoutError:
            return True
        return False

    async def _flood(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while self.sent < FLOOD_BYTES:
            await response.write(CHUNK)
            self.sent += len(CHUNK)
        return response

    def _written(self, order: str) -> str:
        """Write an answer; a number that is none stands in it as it is written."""
        figures: dict[str, Any] = {"time": int(self._now().timestamp()), "interval": 3600, "temperature_2m": 6.1}
        figures |= {"precipitation": self.rain_mm, "weather_code": 61, "wind_speed_10m": 3.0}
        figures |= {"wrong_type": {"weather_code": "rain"}, "impossible": {"temperature_2m": 900.0}}.get(order, {})
        text = json.dumps({"utc_offset_seconds": 0, "current_units": UNITS, "current": figures})
        number = {"nan": "NaN", "infinite": "1e999"}.get(order)
        if order == "empty":
            return "{}"
        return text if number is None else text.replace("6.1", number)


async def _close(request: web.Request, response: web.StreamResponse) -> None:
    """Keep no connection alive: when nobody listens, nobody is heard."""
    response.force_close()


def _bomb() -> bytes:
    """A gigabyte in a megabyte: the same block of gzip over and over. Its checksum is wrong, which shows when it is unfolded."""
    packed = zlib.compressobj(wbits=31)
    first = packed.compress(b"") + packed.flush(zlib.Z_FULL_FLUSH)
    block = packed.compress(CHUNK * 16) + packed.flush(zlib.Z_FULL_FLUSH)
    return first + block * 1024 + packed.flush()


def main(arguments: list[str]) -> None:
    """Run until stopped."""
    reads = argparse.ArgumentParser(prog="python -m tests.standins weather")
    reads.add_argument("--port", type=int, default=0)
    reads.add_argument("--order", choices=ORDERS, default=GOOD)
    reads.add_argument("--good-every", type=int, default=0, help="every n-th question is answered well all the same")
    reads.add_argument("--quiet", action="store_true", help="say nothing of questions: for benches")
    given = reads.parse_args(arguments)
    tell = None if given.quiet else lambda asked: print(json.dumps(asked._asdict()), flush=True)
    asyncio.run(_run(Weather(port=given.port, order=given.order, good_every=given.good_every, tell=tell)))


async def _run(sky: Weather) -> None:
    async with sky:
        print(f"listening on {sky.url}", flush=True)
        await asyncio.Event().wait()
