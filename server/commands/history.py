"""The demo's past: a week in Lindenquell, lived through by the code that serves, on a clock that is moved.

Who walks where and who taps what follows from hashes of names and hours: two demos on one day have the same past.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import NamedTuple, cast
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from server.commands.town import SHOPS, ZONE, Shop, at, position
from server.errors import Refusal, Unavailable
from server.model.customer import Consents
from server.model.money import Money
from server.model.place import Point
from server.model.weather import Kind, Sky, Weather
from server.pipeline.accept import accept
from server.pipeline.arrive import Arrivals
from server.pipeline.batch import Answer, Batch
from server.pipeline.redeem import redeem
from server.pipeline.respond import respond
from server.pipeline.rules import Rules, programme_of
from server.settings import Settings
from server.signals.assemble import Reported
from server.store import customers, funnel, stores
from server.store.clock import DatabaseClock
from server.store.events import AppEvent, EventType
from server.store.pool import Pool
from server.store.redemptions import Purchase, Till
from server.store.time_machine import turn
from server.wallet.issue import Desk

DAYS = 7
LONG_AGO = timedelta(days=DAYS + 2)
"""When the town was founded, before its people came."""

PEOPLE = 240
TRIES = 30
"""Half a minute of a machine that has other things to do; who starts a demo would rather wait than be refused."""

_NAMES = ("Kim", "Ada", "Jonas", "Mia", "Emil", "Lena", "Paul", "Nora", "Ben", "Ida", "Finn", "Ella")
_SKIES = (
    ("drizzle", 6.0, 0.4, 3.0),
    ("clear", 14.0, 0.0, 2.0),
    ("rain", 8.0, 2.1, 5.0),
    ("clouds", 11.0, 0.0, 4.0),
)
"""Kind, °C, mm an hour, m/s: one sky a day, taking turns."""

_TAPS: tuple[tuple[EventType, float], ...] = (("opened", 0.78), ("clicked", 0.75))
"""How likely each tap is after the step before."""

_HOURS = {
    "cafe": (7, 8, 9, 10),
    "bakery": (7, 8, 12, 16, 17),
    "bistro": (12, 13),
    "bookshop": (11, 15, 17),
    "flowers": (17,),
}
"""When people go where."""


def share(*words: object) -> float:
    """Draw a number in [0, 1) from words: the same words draw the same number."""
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


class Person(NamedTuple):
    """Somebody of the town: their number, their customer id, where they live."""

    number: int
    customer_id: UUID
    home: Point


class Visit(NamedTuple):
    """Somebody at a shop's counter at an instant."""

    person: Person
    shop: Shop
    at: datetime


def visits(people: Sequence[Person], *, now: datetime) -> Iterator[tuple[datetime, list[Visit]]]:
    """Give the visits of the last days hour by hour, oldest first; nothing within the last hour."""
    zone = ZoneInfo(ZONE)
    today = now.astimezone(zone).date()
    for back in range(DAYS, -1, -1):
        day = today - timedelta(days=back)
        for hour in range(7, 20):
            instant = datetime.combine(day, time(hour, 12), zone)
            if instant > now - timedelta(hours=1):
                return
            going = [Visit(who, shop, instant) for who in people for shop in _going(who, day.isoformat(), hour)]
            if going:
                yield instant, going


def _going(who: Person, day: str, hour: int) -> Sequence[Shop]:
    """Tell where somebody goes in an hour, if anywhere: a third of the town is out on any day, each to one or two shops."""
    if share(who.number, day, "out") > 0.35:
        return ()
    wanted = [shop for shop in SHOPS if hour in _HOURS.get(shop.tag, ())]
    if not wanted or share(who.number, day, hour) > 0.3:
        return ()
    return (wanted[int(share(who.number, day, hour, "where") * len(wanted))],)


def batch_of(visit: Visit) -> Batch:
    """Give what the phone of a visitor reports: two fixes at home, one at the door, one a little more than two minutes later."""
    shop = position(visit.shop)
    fixes = [
        _fix(visit, ago, point)
        for ago, point in ((1500, visit.person.home), (1400, visit.person.home), (130, shop), (2, shop))
    ]
    return Batch(visit.person.customer_id, visit.at, tuple(fixes), foreground=True, zone=ZONE)


def _fix(visit: Visit, seconds_ago: int, point: Point) -> Reported:
    identifier = uuid5(visit.person.customer_id, f"{visit.at.isoformat()} {seconds_ago}")
    captured = visit.at - timedelta(seconds=seconds_ago)
    return Reported(id=identifier, captured_at=captured, point=point, accuracy_m=8.0)


@dataclass(slots=True)
class Past:
    """What a past is lived with; `desk` signs, `pool` lives by the dial."""

    pool: Pool
    settings: Settings
    desk: Desk
    tills: Mapping[str, UUID]
    """The stores' ids by name."""


async def live(past: Past, *, now: datetime, told: Callable[[str], None]) -> int:
    """Live through the days; gives how many moments there were. `told` hears of each day."""
    clock = DatabaseClock()
    rules = Rules(past.pool, programme_of(past.settings))
    people = await _settle(past, now=now)
    await rules.refresh()
    moments, day = 0, None
    arrivals = Arrivals(pool=past.pool, rules=rules, clock=clock, sky=sky_of, settings=past.settings)
    try:
        for instant, going in visits(people, now=now):
            if instant.date() != day:
                day = instant.date()
                told(f"{day:%a %d %b}")
            await _move(past.pool, clock, instant)
            answers = await asyncio.gather(*(patiently(arrivals.arrive, batch_of(visit)) for visit in going))
            for visit, answer in zip(going, answers, strict=True):
                moments += len(answer.moments)
                await _react(past, visit, answer)
            await funnel.roll(past.pool)
    finally:
        await arrivals.close()
    return moments


async def patiently(arrive: Callable[[Batch], Awaitable[Answer]], batch: Batch) -> Answer:
    """Report as a phone does: who is turned away by a busy machine waits as asked, and says the same again."""
    for _ in range(TRIES):
        try:
            return await arrive(batch)
        except Unavailable as error:
            await asyncio.sleep(error.retry_after_s or 0)
    return await arrive(batch)


async def _move(pool: Pool, clock: DatabaseClock, instant: datetime) -> None:
    async with pool.transaction() as db:
        await turn(db, shift=timedelta(0))
    clock.forget()
    async with pool.acquire() as db:
        true = await clock.sync(db)
        await turn(db, shift=instant - true)
        clock.forget()
        await clock.sync(db)


async def _settle(past: Past, *, now: datetime) -> list[Person]:
    people = []
    async with past.pool.transaction() as db:
        await turn(db, shift=-timedelta(days=DAYS + 1))
        for number in range(PEOPLE):
            name = _NAMES[int(share(number, "name") * len(_NAMES))]
            made = await customers.insert(
                db, external_id=f"lindenquell-{number}", locale="de-DE", time_zone=ZONE, attributes={"first_name": name}
            )
            if made is None:
                raise LookupError("this town is settled already")
            agreed = Consents(location=True, push=share(number, "push") < 0.7, profiling=True)
            await customers.agree(
                db,
                customer_id=made,
                consents=agreed,
                changed=customers.PURPOSES,
                terms=past.settings.programme.terms,
                source="demo",
            )
            east, north = 1500 + 400 * share(number, "east"), -1200 + 2400 * share(number, "north")
            people.append(Person(number, made, at(east, north)))
    return people


def sky_of(point: Point, now: datetime) -> Weather | None:
    """Give the weather of a day of the past."""
    kind, temperature, rain, wind = _SKIES[now.toordinal() % len(_SKIES)]
    return Weather(Sky(now, cast("Kind", kind), temperature, None, rain, wind))


async def _react(past: Past, visit: Visit, answer: Answer) -> None:
    """Let somebody see, open, tap, take and redeem what came, or not."""
    who, now = visit.person, answer.now
    for moment in answer.moments:
        steps: list[EventType] = ["delivered"]
        for step, likely in _TAPS:
            if share(who.number, moment.id, step) > likely:
                break
            steps.append(step)
        told = [AppEvent(uuid5(moment.id, step), moment.id, step, now) for step in steps]
        async with past.pool.transaction() as db:
            await respond(db, customer_id=who.customer_id, told=told, now=now)
        if "clicked" in steps and share(who.number, moment.id, "pass") < 0.9:
            await _redeem(past, visit, moment.id)


async def _redeem(past: Past, visit: Visit, moment_id: UUID) -> None:
    who = visit.person
    try:
        async with past.pool.transaction() as db:
            taken = await accept(db, moment_id=moment_id, customer_id=who.customer_id, desk=past.desk)
        if share(who.number, moment_id, "redeemed") < 0.72:
            till = Till(past.tills[visit.shop.name], f"demo:{visit.shop.name}", 30)
            amount = Money(1500 + int(share(moment_id) * 3000), "EUR")
            async with past.pool.transaction() as db:
                await redeem(db, serial=taken.pass_.serial, till=till, purchase=Purchase(amount))
    except Refusal:
        return  # a moment without a reward, a purchase below the minimum: life in a town


async def tills_of(pool: Pool) -> Mapping[str, UUID]:
    """Give the stores' ids by name."""
    async with pool.acquire() as db:
        return {row.name: row.id for row in await stores.page(db, after=None, limit=200)}
