"""Some days of a town, lived through the real street on a clock that the test moves: who went where, and what they got."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from server.model.place import Point
from server.model.weather import Sky, Weather
from server.pipeline.arrive import Arrivals
from server.pipeline.batch import Batch
from server.pipeline.expire import expire, ring
from server.pipeline.rules import Rules, programme_of
from server.signals.assemble import Reported
from server.store.clock import DatabaseClock
from server.store.ids import new_id
from tests.pipeline.town import Shop, Town, document, off, settings

MONDAY = datetime(2026, 5, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Dial(DatabaseClock):
    """A clock that shows what it is set to, and goes on from there."""

    def set(self, true: datetime, shown: datetime) -> None:
        """Show a time at a true one."""
        self._shift = shown - true
        self.forget()


class Visit(NamedTuple):
    """Somebody comes to a shop at a time: they are inside for a minute or two, by at least one fix that is believed."""

    customer: UUID
    shop: Shop
    at: datetime


@dataclass(slots=True)
class Lived:
    """A town and the days that were lived in it."""

    town: Town
    pressure: Mapping[str, str]
    visits: list[Visit] = field(default_factory=list)
    offers: dict[str, UUID] = field(default_factory=dict)

    async def moments(self, since: datetime) -> dict[UUID, tuple[UUID, UUID, bool, Any]]:
        """What came out from an instant on: by moment the customer, the offer, whether held out, the local day."""
        rows = await self.town.rows("SELECT * FROM moments WHERE created_at >= $1", since)
        return {row["id"]: (row["customer_id"], row["offer_id"], row["held_out"], row["local_day"]) for row in rows}


OFFERS = (
    document(
        "coffee",
        priority=60,
        **{"if": {"all": [{"local_time": {"from": "07:00", "to": "15:00"}}, {"not": {"weather": {"kind": ["snow"]}}}]}},
        limits={
            "per_customer": [{"max": 2, "period": {"calendar": "day", "tz": "customer_home"}}],
            "total": {"units": 5},
        },
        holdout={"share": 0.2, "salt": "lived"},
    ),
    document(
        "tea",
        when={"trigger": "inside", "places": {"tag": "tea"}, "min_confidence": 0.5},
        priority=50,
        limits={
            "per_customer": [{"max": 2, "period": {"rolling": "P1D"}}],
            "per_place": {"units": 3, "period": {"calendar": "day", "tz": "place"}},
        },
    ),
    document(
        "cake",
        when={"trigger": "dwell", "places": {"any": True}, "dwell": "PT2M"},
        priority=70,
        **{"if": {"weather": {"temperature_c": {"lte": 12}}}},
        limits={"per_customer": [{"max": 2, "period": {"rolling": "P7D"}}]},
    ),
    document("near", when={"trigger": "near", "places": {"any": True}, "within_m": 1500}, priority=10, reward=None),
)
"""Four offers that compete: caps of all kinds, a budget, shares of places, a control group, weather, hours, a timer."""

SKIES = (("rain", 9.0), ("clear", 18.0), ("snow", -1.0))


async def live(town: Town, *, people: int = 7, days: int = 2, seed: int = 2) -> Lived:
    """Live some days, and give what there was."""
    chance = Random(seed)
    lived = Lived(town, {"pressure__per_day": "4"})
    shops = [
        await town.open_shop(name="Mitte", tags=("tea",)),
        await town.open_shop(off(0, 150), name="Nebenan", radius_m=90),
        await town.open_shop(off(2600, 0), name="Nord", radius_m=60, tags=("tea",)),
    ]
    for each in OFFERS:
        lived.offers[each["name"]] = await town.publish(each)
    # The same people each time: who belongs to a control group follows from their ids.
    customers = await town.customers(people, ids=[UUID(int=(0xBEEF << 64) + 1025 * n) for n in range(people)])
    chosen = settings(**lived.pressure)
    clock, sky = Dial(), [Weather(Sky(MONDAY))]
    rules = Rules(town.pool, programme_of(chosen))
    await rules.refresh()
    arrivals = Arrivals(pool=town.pool, rules=rules, clock=clock, sky=lambda point, now: sky[0], settings=chosen)
    for day in range(days):
        for hour in (6, 11, 16):
            begin = MONDAY + timedelta(days=day, hours=hour)
            kind, warmth = SKIES[(day + hour) % len(SKIES)]
            sky[0] = Weather(Sky(begin, kind, warmth), (Sky(begin + timedelta(hours=2), "rain"),))  # type: ignore[arg-type]
            going = [(each, chance.choice(shops), chance.random()) for each in customers if chance.random() < 0.8]
            await _outing(lived, arrivals, clock, begin, going, chance=chance)
    await arrivals.close()
    return lived


async def _outing(
    lived: Lived,
    arrivals: Arrivals,
    clock: Dial,
    begin: datetime,
    going: list[tuple[UUID, Shop, float]],
    *,
    chance: Random,
) -> None:
    """Let people come by, stay for some minutes, and leave; some by doubtful fixes, some seeing what they are shown."""
    for minute, north in ((0, 700), (1, 0), (2, 20), (4, 130), (6, 900), (7, 950)):
        now = begin + minute * MINUTE
        async with lived.town.pool.acquire() as db:
            clock.set(await db.fetchval("SELECT clock_timestamp()"), now)
            await clock.sync(db)
        if chance.random() < 0.6:
            await ring(lived.town.pool, arrivals, now=clock.now())
        reports = []
        for customer, shop, luck in going:
            doubtful = minute == 1 and luck < 0.25
            if minute == 1:
                lived.visits.append(Visit(customer, shop, now))
            reports.append(_report(customer, shop, luck, north, now, doubtful=doubtful))
        # One after the other: of two who ask for the last unit in one instant nobody can say who was first.
        answers = [await arrivals.arrive(each) for each in reports]
        seen = [moment.id for answer in answers for moment in answer.moments if chance.random() < 0.7]
        await _see(lived, seen, now)
        if minute == 7:
            async with lived.town.pool.acquire() as db:
                clock.set(await db.fetchval("SELECT clock_timestamp()"), now + 20 * MINUTE)
                await clock.sync(db)
            await expire(lived.town.pool, now=clock.now())


def _report(customer: UUID, shop: Shop, luck: float, north: float, now: datetime, *, doubtful: bool) -> Batch:
    """One fix, of an accuracy and a place that depend on the person's luck."""
    at: Point = off(north, 40 * luck, of=shop.at)
    accuracy = 300.0 if doubtful and luck < 0.08 else 6.0 + 40 * luck * (north != 0)
    fix = Reported(new_id(), now - timedelta(seconds=3), at, accuracy, mock=doubtful and 0.08 <= luck < 0.16)
    if doubtful and luck >= 0.16:
        fix = fix._replace(captured_at=now - timedelta(minutes=4))  # in order, and too old to be acted on
    return Batch(customer, now, (fix,), foreground=luck < 0.9)


async def _see(lived: Lived, moments: list[UUID], now: datetime) -> None:
    async with lived.town.pool.acquire() as db:
        await db.execute(
            "UPDATE moments SET state = 'delivered', delivered_at = $2 WHERE id = ANY ($1::uuid[]) AND state = 'created'",
            moments,
            now,
        )
