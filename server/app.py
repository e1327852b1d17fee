"""The composition root: opens the house from the settings, and closes it again in the other order.

    PostgreSQL → migrations → pools → clock → secrets, certificates → weather → rules → arrivals → outbox → doors → jobs →
    listening

It knows every room and is known by the commands alone. What waits for the network at the start is PostgreSQL; everything
else that is away (weather, geocoder) comes when it comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import structlog
from aiohttp import ClientSession, DummyCookieJar, web

from server.jobs.scheduler import Job, ticking
from server.opening.endings import watch_of
from server.opening.geocoder import open_address_book
from server.opening.google import open_google
from server.opening.outbox import sending
from server.opening.passes import passes_jobs
from server.opening.pools import open_one
from server.opening.web_push import vapid_of
from server.origins import NO_ORIGINS, Origins
from server.pipeline.arrive import Arrivals
from server.pipeline.expire import expire, ring
from server.pipeline.membership import sweep
from server.pipeline.occasions.knock import knock
from server.pipeline.occasions.skies import compare
from server.pipeline.occasions.spread import spread
from server.pipeline.occasions.timetable import Timetable
from server.pipeline.rules import Rules, programme_of
from server.pipeline.scene import Scene
from server.pipeline.workshop import Workshop
from server.settings import Settings
from server.signals.weather.base import Source
from server.signals.weather.cache import WeatherCache
from server.signals.weather.source import open_source
from server.store import conversions, embedded, funnel, happened, loyalty, retention, time_machine, trials
from server.store.check import check_server
from server.store.clock import DatabaseClock
from server.store.migrate import migrate
from server.store.pool import Pool, connect
from server.wallet.issue import Desk, open_desk
from server.wallet.keyring import Keyring, open_keyring
from server.web.doors import all_doors, build, check_doors
from server.web.gauges import add_gauges
from server.web.listener import address_of, listen, metrics_listener
from server.web.metrics import Metrics
from server.web.parts import Parts
from server.web.wire import Runner

CLOCK_S = 5.0
"""How often a quiet process looks at the database's clock."""

_log = structlog.get_logger("kairos")


class Addresses(NamedTuple):
    """Where the database is: as the owner, for migrations and the jobs' lock, and as the role that serves."""

    owner: str
    app: str


class House(NamedTuple):
    """An open house: its parts, its doors, where it listens; setting `look` has its certificates looked at again at once."""

    parts: Parts
    url: str
    metrics_port: int | None
    look: asyncio.Event


@contextlib.asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Addresses]:
    """Give the database that is set, else the embedded one, started or adopted and watched; migrated and checked."""
    if settings.database.url:
        addresses = Addresses(settings.database.url, settings.database.url)
        await _prepare(settings, addresses)
        yield addresses
        return
    log, buffers_mb = structlog.get_logger("kairos.postgresql"), settings.database.embedded_buffers_mb
    async with await embedded.start(settings.home, log=log, buffers_mb=buffers_mb) as server, _beside(server.watch()):
        addresses = Addresses(server.dsn, server.dsn_for("kairos_app"))
        await _prepare(settings, addresses)
        yield addresses


async def _prepare(settings: Settings, addresses: Addresses) -> None:
    async with connect(addresses.owner, application_name="kairos start") as db:
        await check_server(db, log=_log, allow_unsafe=settings.database.allow_unsafe)
        applied = await migrate(db)
    if applied:
        _log.info("migrated", files=applied)


@contextlib.asynccontextmanager
async def _beside(*work: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """Run tasks while the block lasts."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def open_pools(settings: Settings, dsn: str) -> tuple[Pool, Pool]:
    """Open the house's pool and the counter's own."""
    house = await open_one(settings.database, dsn, name="kairos", size=settings.database.pool_size)
    return house, await open_one(settings.database, dsn, name="kairos till", size=settings.database.till_pool_size)


@contextlib.asynccontextmanager
async def open_weather(settings: Settings, clock: DatabaseClock) -> AsyncIterator[Source]:
    """Give the weather of the setting; a provider on the network is asked behind everybody's back."""
    async with ClientSession(trust_env=False, cookie_jar=DummyCookieJar()) as session:
        source = open_source(settings.weather, session)
        asking = [source.run(clock.now, asyncio.sleep)] if isinstance(source, WeatherCache) else []
        async with _beside(*asking):
            yield source


@contextlib.asynccontextmanager
async def _pools(settings: Settings, dsn: str, clock: DatabaseClock) -> AsyncIterator[tuple[Pool, Pool]]:
    """Open the two pools; the clock is set by the first, and looks again while they are open."""
    pool, till_pool = await open_pools(settings, dsn)
    async with pool, till_pool:
        async with pool.acquire() as db:
            await clock.sync(db)
        async with _beside(clock.follow(pool, every_s=CLOCK_S)):
            yield pool, till_pool


def unshifted(settings: Settings, now: datetime) -> datetime:
    """Give the time from which keys that are made at `now` are good: where the clock is shifted, rows carry two times."""
    return now - max(timedelta(seconds=settings.clock_shift_s), timedelta(0))


@contextlib.asynccontextmanager
async def _desk(
    settings: Settings, clock: DatabaseClock, *, look: asyncio.Event, replaces: bool
) -> AsyncIterator[tuple[Keyring, Desk]]:
    """Open secrets and desk; its certificates are looked at again while it is open."""
    now = clock.now()
    secrets = await asyncio.to_thread(open_keyring, settings.home, now=unshifted(settings, now))
    desk = await asyncio.to_thread(open_desk, settings, keyring=secrets, now=now, log=_log, may_be_over=replaces)
    with contextlib.closing(desk):
        async with _beside(desk.signers.follow(clock.now, every_s=settings.apple.look_s, asked=look)):
            yield secrets, desk


async def _rules(settings: Settings, pool: Pool, weather: Source) -> Rules:
    rules = Rules(pool, programme_of(settings), weather=weather)
    await rules.refresh()
    return rules


@contextlib.asynccontextmanager
async def open_parts(
    settings: Settings, addresses: Addresses, *, look: asyncio.Event, replaces: bool = False, staged: bool = False
) -> AsyncIterator[Parts]:
    """Build the house's parts, with what works beside the street: the clock's looks, certificates', the weather, the rules.

    `replaces`: it takes the place of one that died, so it opens also where no pass can be signed by now; `staged`: a demo's.
    """
    clock, every_s = DatabaseClock(shift=timedelta(seconds=settings.clock_shift_s)), settings.jobs.rules_poll_s
    async with contextlib.AsyncExitStack() as stack:
        pool, till_pool = await stack.enter_async_context(_pools(settings, addresses.app, clock))
        secrets, desk = await stack.enter_async_context(_desk(settings, clock, look=look, replaces=replaces))
        weather = await stack.enter_async_context(open_weather(settings, clock))
        rules = await _rules(settings, pool, weather)
        arrivals = Arrivals(pool=pool, rules=rules, clock=clock, sky=weather.get, settings=settings)
        stack.push_async_callback(arrivals.close)
        workshop = Workshop(pool, settings=settings, dsn=addresses.app)
        stack.push_async_callback(workshop.close)
        parts = Parts(
            settings=settings,
            pool=pool,
            till_pool=till_pool,
            clock=clock,
            rules=rules,
            arrivals=arrivals,
            workshop=workshop,
            desk=desk,
            secrets=secrets,
            weather=weather,
            geocoder=await stack.enter_async_context(open_address_book(settings, pool)),
            stopping=asyncio.Event(),
            metrics=Metrics(),
            watch=watch_of(settings, desk),
            google=await stack.enter_async_context(open_google(settings, desk=desk, keyring=secrets)),
            vapid=await asyncio.to_thread(vapid_of, settings),
            scene=Scene(addresses.owner, clock=clock, weather=weather) if staged else None,
        )
        add_gauges(parts.metrics, parts)
        await stack.enter_async_context(_beside(rules.follow(every_s=every_s, stopping=parts.stopping)))
        yield parts


def jobs_of(parts: Parts) -> list[Job]:
    """List what happens because the clock says so; each may run twice without harm."""
    every, privacy, pool, clock = parts.settings.jobs, parts.settings.privacy, parts.pool, parts.clock
    ages = retention.Ages(
        pings=timedelta(days=privacy.ping_days),
        events=timedelta(days=privacy.event_days),
        tokens=timedelta(days=privacy.token_days),
        webhooks=timedelta(days=parts.settings.webhooks.keep_days),
        signatures=timedelta(seconds=parts.settings.limits.signature_window_s),
    )
    told, zone = parts.settings.lift, parts.settings.programme.time_zone
    terms = trials.Terms(
        programme=parts.settings.programme.holdout > 0,
        within=timedelta(days=told.programme_days),
        wait=timedelta(seconds=told.wait_s),
    )
    again = timedelta(seconds=parts.settings.segments.refresh_s)
    return [
        Job("rollup", every.rollup_s, lambda: funnel.roll(pool, terms=terms)),
        Job("count pings", every.rollup_s, lambda: happened.move(pool)),
        Job("sum up loyalty", every.loyalty_s, lambda: loyalty.roll(pool, zone=zone)),
        Job("attribute moments", every.trials_s, lambda: conversions.look(pool, now=clock.now())),
        Job("follow trials", every.trials_s, lambda: trials.follow(pool, now=clock.now())),
        *passes_jobs(parts),
        Job("ring timers", every.timers_s, lambda: ring(pool, parts.arrivals, now=clock.now())),
        *_occasions(parts),
        Job("expire moments", every.expire_s, lambda: expire(pool, now=clock.now())),
        Job("look for replays", every.replays_s, parts.workshop.look),
        Job("tell what ends", every.endings_s, lambda: parts.watch.tell(clock.now(), log=_log)),
        Job("forget", every.forget_s, lambda: retention.forget(pool, ages=ages)),
        Job("judge segments", every.segments_s, lambda: sweep(pool, parts.rules, clock=clock.now, every=again)),
    ]


def _occasions(parts: Parts) -> list[Job]:
    """List what brings occasions about, and what decides on them."""
    every, pool, rules, clock = parts.settings.jobs, parts.pool, parts.rules, parts.clock
    timetable = Timetable(birthday_hour=parts.settings.programme.birthday_hour, absence_s=every.absence_s)
    return [
        Job("fire schedules", every.schedules_s, lambda: timetable.fire(pool, rules, now=clock.now())),
        Job("spread firings", every.schedules_s, lambda: spread(pool, rules, now=clock.now)),
        Job("compare weather", every.weather_s, lambda: compare(pool, rules, parts.weather, now=clock.now())),
        Job("decide occasions", every.occasions_s, lambda: knock(pool, parts.arrivals, now=clock.now())),
    ]


@contextlib.asynccontextmanager
async def open_house(
    settings: Settings,
    *,
    taken: socket.socket | None = None,
    jobs: bool = True,
    replaces: bool = False,
    staged: bool = False,
    origins: Origins = NO_ORIGINS,
) -> AsyncIterator[House]:
    """Open everything and listen; on leaving, answer what is under way, then close in the other order."""
    taken = taken or listen(settings.server)
    url = address_of(taken)
    if not settings.server.public_url:
        settings = msgspec.structs.replace(settings, server=msgspec.structs.replace(settings.server, public_url=url))
    doors = all_doors()
    check_doors(doors)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(taken.close)
        addresses = await stack.enter_async_context(open_database(settings))
        if staged:
            addresses = addresses._replace(app=time_machine.address_of(addresses.app))
        look = asyncio.Event()
        opening = open_parts(settings, addresses, look=look, replaces=replaces, staged=staged)
        parts = replace(await stack.enter_async_context(opening), origins=origins)
        await stack.enter_async_context(sending(parts, dsn=addresses.app, also=(parts.arrivals.hear,)))
        runner = Runner(build(parts, doors))
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        metrics_port = await stack.enter_async_context(metrics_listener(settings.server, parts.metrics))
        if jobs:
            await stack.enter_async_context(ticking(jobs_of(parts), dsn=addresses.app))
        await web.SockSite(runner, taken, backlog=1024).start()
        _log.info("open", url=url, engine=settings.engine, mode=settings.mode)
        try:
            yield House(parts, url, metrics_port, look)
        finally:
            parts.stopping.set()
