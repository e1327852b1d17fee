"""How a stand-in on HTTP/1.1 fails as it is told, whatever it stands for."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

TAKEN: Final = frozenset({"cut"})
"""The deed is done, and nobody hears of it."""
ON_THE_LINE: Final = frozenset({"cut", "reset", "hang", "garbage"})


@dataclass
class Orders:
    """`plan` is used up request by request, then `shares` say how often to do which: reset, cut (done, then reset), hang,
    garbage, or one of the service's own words; "" for nothing."""

    plan: deque[str] = field(default_factory=deque)
    shares: dict[str, float] = field(default_factory=dict)
    delay_s: float = 0.0
    retry_after: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def draw(self) -> str:
        """What to do with the next request."""
        if self.plan:
            return self.plan.popleft()
        drawn = self._chance.random()
        for order, share in self.shares.items():
            if drawn < share:
                return order
            drawn -= share
        return ""

    def headers(self, status: int) -> dict[str, str]:
        """Of an answer of this status."""
        return {"Retry-After": self.retry_after} if self.retry_after and status in (429, 503) else {}


def parse(shares: list[str]) -> dict[str, float]:
    """Read the options of a command line: `503=0.05`."""
    return {what: float(share) for what, _, share in (each.partition("=") for each in shares)}


async def on_the_line(request: web.Request, order: str) -> web.Response:
    """Fail below HTTP."""
    if order == "hang":
        await asyncio.sleep(3600)
    assert request.transport is not None
    if order == "garbage":
        request.transport.write(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
        request.transport.close()
    else:
        request.transport.abort()
    return web.Response()
