"""A small server for tests of the web's foundation: real sockets, a real database, and only the doors that are given."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import aiohttp
import msgspec
from aiohttp import web

from server.configuration import load
from server.pipeline.rules import Rules, programme_of
from server.settings import Settings
from server.store.clock import DatabaseClock
from server.store.pool import Pool, open_pool
from server.wallet.watch import Watch
from server.web.access import ACCESS, Table
from server.web.door import Door
from server.web.doors import build
from server.web.metrics import Metrics
from server.web.parts import Parts
from server.web.today_board import Board
from server.web.wire import Runner


def settings_with(**changes: Any) -> Settings:
    """The default settings in test mode, with some changed: `limits__json_depth=4`."""
    settings = msgspec.structs.replace(load(environment={}), mode="test")
    changes = {"server__shutdown_s": 0.2} | changes
    for name, value in changes.items():
        section, _, key = name.partition("__")
        part = msgspec.structs.replace(getattr(settings, section), **{key: value}) if key else value
        settings = msgspec.structs.replace(settings, **{section: part})
    return settings


def parts_of(settings: Settings, pool: Any, **others: Any) -> Parts:
    """The parts that the foundation needs; the others are not reached for by its doors. Rules that nobody gave are not loaded."""
    given = {field.name: others.get(field.name) for field in dataclasses.fields(Parts)}
    given |= {"settings": settings, "pool": pool, "till_pool": others.get("till_pool", pool)}
    given |= {"stopping": asyncio.Event(), "metrics": others.get("metrics") or Metrics()}
    given["watch"] = given["watch"] or Watch()
    given["board"] = given["board"] or Board()
    given["clock"] = given["clock"] or DatabaseClock()
    given["rules"] = given["rules"] or Rules(pool, programme_of(settings))
    return Parts(**given)


class Served(NamedTuple):
    """A running server: its port, a client session, and the app."""

    port: int
    http: aiohttp.ClientSession
    app: web.Application

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def call(self, method: str, path: str, **options: Any) -> Answered:
        """One request without following redirects."""
        async with self.http.request(method, self.url + path, allow_redirects=False, **options) as response:
            return Answered(response.status, await response.read(), response.headers.copy())

    async def raw(self, data: bytes, *, timeout: float = 15.0) -> bytes:
        """Send bytes as they are, and read until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            await writer.drain()
            return await asyncio.wait_for(reader.read(), timeout)
        finally:
            writer.close()


class Answered(NamedTuple):
    """An answer: its status, bytes, headers (case does not matter)."""

    status: int
    body: bytes
    headers: Any

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@contextlib.asynccontextmanager
async def serving(
    doors: Sequence[Door], settings: Settings, pool: Any, *, table: Table = ACCESS, **others: Any
) -> AsyncIterator[Served]:
    """Serve these doors on a free port."""
    runner = Runner(build(parts_of(settings, pool, **others), doors, table=table))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    jar = aiohttp.DummyCookieJar()
    try:
        async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=20)) as http:
            yield Served(port, http, runner.app)
    finally:
        await runner.cleanup()


class NoPool:
    """What stands where a test's doors never ask the database: reaching for it is an error."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"this test does not expect the database to be asked ({name})")


def away() -> Any:
    """A coroutine for a pool on a PostgreSQL that is not there."""
    return open_pool("postgresql://nobody:x@127.0.0.1:1/none", size=1, application_name="tests", acquire_timeout_s=0.3)


__all__ = ["Answered", "NoPool", "Pool", "Served", "away", "parts_of", "serving", "settings_with"]
