"""Connections for the tests of what goes out over HTTP/2: a request that Apple would take, and a client for a stand-in."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

from yarl import URL

from server.channels.connection import Patience
from server.channels.conversation import Request
from server.channels.http2 import Http2

TOKEN = "ab" * 32
"""A device token as Apple makes them."""


def part(value: object) -> str:
    """One part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def push(token: str = TOKEN, body: bytes = b'{"aps":{}}') -> Request:
    """A push whose provider token reads well; a stand-in without keys asks for no more."""
    bearer = f"bearer {part({'alg': 'ES256', 'kid': 'K'})}.{part({'iss': 'T', 'iat': int(time.time())})}.eA"
    return Request(
        f"/3/device/{token}",
        {"apns-topic": "example.app", "apns-push-type": "alert", "apns-priority": "10"},
        {"apns-id": str(uuid4()), "authorization": bearer},
        body,
    )


@contextlib.asynccontextmanager
async def client(url: str, ca_file: Path, **patience: float) -> AsyncIterator[Http2]:
    """A client that trusts one authority, closed at the end."""
    waits = {"streams": 100, "connect_s": 10.0, "pause_s": 60.0, "longest_pause_s": 120.0, **patience}
    made = Http2(URL(url), tls=ssl.create_default_context(cafile=ca_file), patience=Patience(**waits))  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()


async def until(holds: Callable[[], bool]) -> None:
    """Wait for it; a minute is the end of a wait that nobody is meant to see."""
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.005)
