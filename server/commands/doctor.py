"""`kairos doctor`: walk through everything that must work, and say which step fails and what to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, NamedTuple

import aiohttp
import structlog
import typer
from aiohttp import ClientSession, DummyCookieJar

from server.app import open_database, open_pools, open_weather
from server.commands.house import ConfigOption, DataDirOption, log_to_stderr, read_settings, run
from server.errors import KairosError
from server.model.place import Point
from server.settings import Settings
from server.store.clock import DatabaseClock
from server.store.migrate import pending
from server.store.pool import connect
from server.wallet.issue import open_desk
from server.wallet.keyring import open_keyring

_WARN = timedelta(days=30)
_ANSWER_S = 5.0
_BERLIN = Point(52.52, 13.405)
"""Somewhere that every weather provider knows."""


class Step(NamedTuple):
    """One step of the walk: its name, whether it holds (None: not asked for), and what was found."""

    name: str
    holds: bool | None
    found: str


async def examine(settings: Settings, *, server: str | None) -> list[Step]:
    """Walk through the house; a step that fails does not end the walk, unless the next ones stand on it."""
    steps = [Step("settings", True, f"data directory {settings.home}")]
    clock = DatabaseClock()
    try:
        async with open_database(settings) as addresses:
            steps.append(Step("database", True, "reachable, durable, migrated"))
            steps.append(await _try("migrations", lambda: _migrations(addresses.owner)))
            steps.append(await _try("clock", lambda: _clock(settings, addresses.app, clock)))
            steps += await _certificates(settings, clock)
            steps.append(await _try("weather", lambda: _weather(settings, clock)))
    except KairosError as error:
        steps.append(Step("database", False, str(error)))
    steps.append(await _server(server) if server else Step("server", None, "name a running one with --server"))
    return steps


async def _try(name: str, look: Callable[[], Awaitable[str]]) -> Step:
    try:
        return Step(name, True, await look())
    except (KairosError, OSError) as error:
        return Step(name, False, str(error))


async def _migrations(dsn: str) -> str:
    async with connect(dsn, application_name="kairos doctor") as db:
        missing = await pending(db)
    return f"{len(missing)} missing" if missing else "at head"


async def _clock(settings: Settings, dsn: str, clock: DatabaseClock) -> str:
    pool, till_pool = await open_pools(settings, dsn)
    async with pool, till_pool, pool.acquire() as db:
        return f"the database says {await clock.sync(db):%Y-%m-%d %H:%M:%S} UTC"


async def _certificates(settings: Settings, clock: DatabaseClock) -> list[Step]:
    def open_() -> list[Step]:
        now = clock.now()
        keyring = open_keyring(settings.home, now=now)
        desk = open_desk(settings, keyring=keyring, now=now, log=structlog.get_logger("kairos.doctor"))
        try:
            return [
                Step(f"certificate {name}", end - now > _WARN, f"good until {end:%Y-%m-%d}")
                for name, end in desk.signers.ends().items()
            ]
        finally:
            desk.close()

    try:
        return [Step("secrets", True, "there, and readable by nobody else"), *await asyncio.to_thread(open_)]
    except KairosError as error:
        return [Step("secrets and certificates", False, str(error))]


async def _weather(settings: Settings, clock: DatabaseClock) -> str:
    async with open_weather(settings, clock) as source:
        source.watch([_BERLIN])
        for _ in range(int(_ANSWER_S * 10)):
            weather = source.get(_BERLIN, clock.now())
            if weather is not None:
                return (
                    f"{settings.weather.provider}: {weather.now.kind or 'kind unknown'}, {weather.now.temperature_c} °C"
                )
            if settings.weather.provider == "fixed":
                return "fixed: no observation is set, so weather is unknown and conditions on it show nothing"
            await asyncio.sleep(0.1)
    raise KairosError(
        f"{settings.weather.provider} at {settings.weather.base_url or 'its own address'} gave nothing within {_ANSWER_S:g} s"
    )


async def _server(url: str) -> Step:
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
    try:
        async with (
            ClientSession(timeout=timeout, cookie_jar=DummyCookieJar()) as session,
            session.get(f"{url.rstrip('/')}/readyz") as response,
        ):
            return Step("server", response.status == 200, f"{url} answers /readyz with {response.status}")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return Step("server", False, f"{url} does not answer: {error or type(error).__name__}")


def doctor(
    server: Annotated[str | None, typer.Option(help="The address of a running server to look at, too.")] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Check settings, database, secrets, certificates, weather and a running server; ends with 1 if a step fails."""
    log_to_stderr(quiet=True)

    async def work() -> list[Step]:
        return await examine(read_settings(config, data_dir), server=server)

    steps = run(work)
    for step in steps:
        mark = {True: "ok  ", False: "FAIL", None: "—   "}[step.holds]
        typer.echo(f"{mark}  {step.name}: {step.found}")
    if any(step.holds is False for step in steps):
        raise typer.Exit(1)
