"""The stage of the demo's scene: requests by name, and what a step may demand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp

Say = Callable[[str], None]
Json = dict[str, Any]


class Broken(Exception):
    """A step did not hold; the sentence says what was seen."""


class Push(Protocol):
    """A push as its service got it."""

    @property
    def way(self) -> str:
        """By which service."""

    @property
    def moment_id(self) -> str:
        """Of which moment."""


class Pushed(Protocol):
    """Push services that keep what they were sent."""

    @property
    def sent(self) -> Sequence[Push]:
        """All of it."""

    def subscribe(self, key: str) -> Json:
        """Subscribe a browser with a server's public key."""


@dataclass(slots=True)
class Stage:
    """Where the play takes place: the server, tokens by name, the throw-away authority's root, what was seen so far, and push
    services, if there are any."""

    session: aiohttp.ClientSession
    url: str
    tokens: dict[str, str]
    root: Path
    seen: dict[str, Any] = field(default_factory=dict)
    services: Pushed | None = None

    async def call(
        self, method: str, path: str, *, by: str, expect: int, body: Any = None, key: str | None = None
    ) -> tuple[Any, Mapping[str, str]]:
        """Make a request as somebody; raises Broken where another status comes."""
        headers = {"Authorization": f"Bearer {self.tokens[by]}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self.session.request(method, f"{self.url}{path}", json=body, headers=headers) as response:
            text = await response.text()
            if response.status != expect:
                raise Broken(f"{method} {path} answered {response.status} instead of {expect}: {text[:300]}")
            return json.loads(text) if text else None, response.headers

    async def fetch(self, url: str) -> bytes:
        """Fetch a pass by its link."""
        async with self.session.get(url) as response:
            if response.status != 200 or response.content_type != "application/vnd.apple.pkpass":
                raise Broken(f"the pass's link answered {response.status} {response.content_type}")
            return await response.read()


def demand(holds: bool, sentence: str) -> None:
    """Raise Broken with the sentence unless it holds."""
    if not holds:
        raise Broken(sentence)
