"""`kairos doctor`: walk through everything that must work, and say which step fails and what to do about it.

A further part is a file `doctor_….py` beside this one with `async def examine_…(ground)`, and a line in PARTS.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import aiohttp
import msgspec
import structlog
import typer
from aiohttp import ClientSession, DummyCookieJar

from server.app import Addresses, open_database, open_pools, open_weather, unshifted
from server.commands.doctor_google import examine_google
from server.commands.doctor_push import examine_push
from server.commands.doctor_step import Ground, Step, attempt
from server.commands.doctor_wallet import examine_wallet
from server.commands.doctor_why import ANSWER_S, unreachable
from server.commands.house import ConfigOption, DataDirOption, fail, log_to_stderr, read_settings, run
from server.errors import KairosError
from server.model.place import Point
from server.settings import Settings
from server.store.clock import DatabaseClock
from server.store.migrate import pending
from server.store.pool import Pool, connect
from server.wallet.issue import open_desk
from server.wallet.keyring import open_keyring
from server.wallet.watch import say

_BERLIN: Final = Point(52.52, 13.405)
"""Somewhere that every weather provider knows."""

PARTS: Final[Sequence[Callable[[Ground], Awaitable[list[Step]]]]] = (examine_push, examine_google, examine_wallet)
"""What is walked through once database, secrets and certificates are there."""


async def examine(settings: Settings, *, server: str | None, trust: ssl.SSLContext | None = None) -> list[Step]:
    """Walk through the house; a step that fails does not end the walk, unless the next ones stand on it."""
    steps = [Step("settings", True, f"data directory {settings.home}")]
    trust = trust or ssl.create_default_context()
    try:
        async with open_database(settings) as addresses:
            steps.append(Step("database", True, "reachable, durable, migrated"))
            steps += await _within(settings, addresses, server=server or "", trust=trust)
    except KairosError as error:
        steps.append(Step("database", False, str(error)))
    steps.append(await _server(server, trust) if server else Step("server", None, "name a running one with --server"))
    return steps


async def _within(settings: Settings, addresses: Addresses, *, server: str, trust: ssl.SSLContext) -> list[Step]:
    """Walk through what stands on the database."""
    clock = DatabaseClock(shift=timedelta(seconds=settings.clock_shift_s))
    steps = [await attempt("migrations", lambda: _migrations(addresses.owner))]
    pool, till_pool = await open_pools(settings, addresses.app)
    async with pool, till_pool:
        async with pool.acquire() as db:
            now = await clock.sync(db)
        steps.append(Step("clock", True, f"the database says {now:%Y-%m-%d %H:%M:%S} UTC"))
        steps.append(await attempt("weather", lambda: _weather(settings, clock)))
        try:
            async with _ground(settings, pool, clock, server=server, trust=trust) as ground:
                steps += _certificates(ground)
                for part in PARTS:
                    steps += await part(ground)
        except KairosError as error:
            steps.append(Step("secrets and certificates", False, str(error)))
    return steps


@contextlib.asynccontextmanager
async def _ground(
    settings: Settings, pool: Pool, clock: DatabaseClock, *, server: str, trust: ssl.SSLContext
) -> AsyncIterator[Ground]:
    """Open what the parts stand on. A certificate that is over opens all the same: it is told as a step."""
    now, log = clock.now(), structlog.get_logger("kairos.doctor")
    secrets = await asyncio.to_thread(open_keyring, settings.home, now=unshifted(settings, now))
    desk = await asyncio.to_thread(open_desk, settings, keyring=secrets, now=now, log=log, may_be_over=True)
    with contextlib.closing(desk):
        yield Ground(settings=settings, pool=pool, clock=clock, secrets=secrets, desk=desk, server=server, trust=trust)


def _certificates(ground: Ground) -> list[Step]:
    """Tell when each certificate ends; one that nothing follows in time fails, and so does a new one that cannot be used."""
    now, signers = ground.clock.now(), ground.desk.signers
    wrong = {notice.name: say(notice, now=now) for notice in signers.notices(now)}
    ends = {name: f"good until {end:%Y-%m-%d}" for name, end in signers.ends().items()}
    told = {name: (False, wrong[name]) if name in wrong else (True, ends[name]) for name in {**ends, **wrong}}
    steps = [
        Step("secrets", True, "there, and readable by nobody else"),
        *(Step(f"certificate {name}", *found) for name, found in told.items()),
    ]
    if not ground.settings.apple.pass_type_id:
        steps.append(
            Step("authority", None, "a throw-away one signs: its passes open on no phone until apple.* is set")
        )
    return steps


async def _migrations(dsn: str) -> str:
    async with connect(dsn, application_name="kairos doctor") as db:
        missing = await pending(db)
    return f"{len(missing)} missing" if missing else "at head"


async def _weather(settings: Settings, clock: DatabaseClock) -> str:
    async with open_weather(settings, clock) as source:
        source.watch([_BERLIN])
        for _ in range(int(ANSWER_S * 10)):
            weather = source.get(_BERLIN, clock.now())
            if weather is not None:
                return (
                    f"{settings.weather.provider}: {weather.now.kind or 'kind unknown'}, {weather.now.temperature_c} °C"
                )
            if settings.weather.provider == "fixed":
                return "fixed: no observation is set, so weather is unknown and conditions on it show nothing"
            await asyncio.sleep(0.1)
    raise KairosError(
        f"{settings.weather.provider} at {settings.weather.base_url or 'its own address'} gave nothing within {ANSWER_S:g} s"
    )


class _Ready(msgspec.Struct):
    """What `/readyz` says, as far as it matters here."""

    warnings: list[str] = []


async def _server(url: str, trust: ssl.SSLContext) -> Step:
    timeout, connector = aiohttp.ClientTimeout(total=ANSWER_S), aiohttp.TCPConnector(ssl=trust)
    try:
        async with (
            ClientSession(timeout=timeout, cookie_jar=DummyCookieJar(), connector=connector) as session,
            session.get(f"{url.rstrip('/')}/readyz") as response,
        ):
            found, body = f"{url} answers /readyz with {response.status}", await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return Step("server", False, f"{url} does not answer: {unreachable(error, url=url)}")
    with contextlib.suppress(msgspec.MsgspecError):
        found = " ".join([found, *msgspec.json.decode(body, type=_Ready).warnings])
    return Step("server", response.status == 200, found)


def doctor(
    server: Annotated[
        str | None, typer.Option(help="The address of a running server: Kairos itself, no proxy.")
    ] = None,
    ca_file: Annotated[Path | None, typer.Option(help="Trust this authority, too, where phones are taught to.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Check everything that must work, up to a wallet's whole life at a running server; ends with 1 if a step fails."""
    log_to_stderr(silent=True)

    async def work() -> list[Step]:
        return await examine(read_settings(config, data_dir), server=server, trust=trusting(ca_file))

    steps = run(work)
    typer.echo(as_json(steps) if json else as_text(steps))
    if any(step.holds is False for step in steps):
        raise typer.Exit(1)


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Believe what the system believes, and one authority more."""
    trust = ssl.create_default_context()
    try:
        if ca_file is not None:
            trust.load_verify_locations(ca_file)
    except OSError as error:  # ssl's own errors are of this kind, too
        fail(f"--ca-file: {ca_file} cannot be used ({error.strerror or 'no certificate in it'})", code=2)
    return trust


def as_text(steps: Sequence[Step]) -> str:
    """Write the steps for people, a line each."""
    marks = {True: "ok  ", False: "FAIL", None: "—   "}
    return "\n".join(f"{marks[step.holds]}  {step.name}: {step.found}" for step in steps)


def as_json(steps: Sequence[Step]) -> str:
    """Write the steps for programs: `ok` as a whole, and each step with true, false, or null where it was not taken."""
    told = [{"name": step.name, "ok": step.holds, "found": step.found} for step in steps]
    whole = all(step.holds is not False for step in steps)
    return msgspec.json.format(msgspec.json.encode({"ok": whole, "steps": told})).decode()
