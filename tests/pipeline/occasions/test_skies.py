"""A change of weather is told once, to those who are under it, and only where an offer waits for it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from server.model.place import Point
from server.model.weather import Sky, Weather
from server.pipeline.occasions.knock import knock
from server.pipeline.occasions.skies import compare
from server.pipeline.occasions.spread import spread
from tests.pipeline.town import TOWN, Street, Town, document, fix, off, street

WHEN = {"trigger": "weather_change", "places": {"tag": "store"}}
RAIN = {"weather": {"kind": ["rain"]}}
STORE = frozenset({"store"})


class Source:
    """Weather that a test sets: millimetres an hour in the town, none elsewhere."""

    def __init__(self) -> None:
        self.amount: float | None = 0.0
        self.age = timedelta(0)

    def get(self, point: Point, now: datetime) -> Weather | None:
        if self.amount is None:
            return None
        amount = self.amount if abs(point.lat - TOWN.lat) < 1 else 0.0
        return Weather(Sky(now - self.age, kind="rain" if amount >= 0.3 else "clouds", precipitation_mm=amount))

    def watch(self, points: Any) -> None:
        raise AssertionError("nobody is to change what is watched")


async def _look(process: Street, source: Source, amount: float | None, *, minutes: float = 0) -> int:
    """Compare with so many millimetres, and carry what that makes to its end."""
    source.amount = amount
    now = await process.now() + timedelta(minutes=minutes)
    process.sky.weather = source.get(TOWN, now)
    changed = await compare(process.pool, process.rules, source, now=now)
    await spread(process.pool, process.rules, now=lambda: now)
    await knock(process.pool, process.arrivals, now=now)
    return changed


async def test_rain_that_begins_reaches_those_under_it_once(town: Town, db_dsn: str) -> None:
    shop = await town.open_shop(tags=STORE)
    await town.publish(document(when=WHEN, **{"if": RAIN}))
    near, far, unseen = await town.customers(3)
    async with street(db_dsn) as process:
        source = Source()
        await process.ping(near, fix(off(900)))
        await process.ping(far, fix(TOWN._replace(lat=48.0)))
        assert await _look(process, source, 0.0) == 0
        assert await _look(process, source, 0.25, minutes=1) == 0
        assert await _look(process, source, 0.4, minutes=2) == 1
        assert await _look(process, source, 0.5, minutes=2.5) == 0
        assert await _look(process, source, 0.2, minutes=2.6) == 0
        assert await _look(process, source, 0.4, minutes=2.7) == 0
    [moment] = await town.rows("SELECT customer_id, place_id, weather FROM moments")
    assert moment == {"customer_id": near, "place_id": shop.id, "weather": "rain"}
    assert await town.count("SELECT count(*) FROM firings") == 1
    assert unseen != near


async def test_the_end_of_rain_is_a_change_that_an_if_may_want_or_not(town: Town, db_dsn: str) -> None:
    await town.open_shop(tags=STORE)
    await town.publish(document(when=WHEN, **{"if": {"not": RAIN}}))
    customer = await town.customer()
    async with street(db_dsn) as process:
        source = Source()
        await process.ping(customer, fix())
        assert [
            await _look(process, source, amount, minutes=n / 2) for n, amount in enumerate((0.4, 0.3, 0.0, 0.4))
        ] == [
            0,
            0,
            1,
            1,
        ]
    assert await town.count("SELECT count(*) FROM moments") == 1
    assert await town.count("SELECT episode FROM weather_cells") == 2


async def test_who_was_seen_half_an_hour_ago_is_not_under_it_any_more(town: Town, db_dsn: str) -> None:
    await town.open_shop(tags=STORE)
    await town.publish(document(when=WHEN) | {"fresh": "PT2H"})
    old, young = await town.customers(2)
    async with street(db_dsn) as process:
        await process.ping(old, fix(age_s=1_801))
        await process.ping(young, fix(age_s=1_700))
        source = Source()
        await _look(process, source, 0.0)
        assert await _look(process, source, 1.0, minutes=0.01) == 1
    assert [row["customer_id"] for row in await town.rows("SELECT customer_id FROM moments")] == [young]


async def test_processes_that_compare_at_once_tell_it_once(town: Town, db_dsn: str) -> None:
    await town.open_shop(tags=STORE)
    await town.open_shop(TOWN._replace(lat=52.9), name="North", tags=STORE)
    await town.publish(document(when=WHEN))
    async with street(db_dsn) as one, street(db_dsn) as two:
        source = Source()
        await _look(one, source, 0.0)
        source.amount, now = 1.0, await one.now() + timedelta(minutes=1)
        told = await asyncio.gather(*(compare(each.pool, each.rules, source, now=now) for each in (one, two, one, two)))
    assert sum(told) == 2
    cells = [cell for row in await town.rows("SELECT cells FROM firings") for cell in row["cells"]]
    assert len(cells) == len(set(cells)) == 2


async def test_what_is_old_unknown_or_waited_for_by_nobody_is_no_change(town: Town, db_dsn: str) -> None:
    await town.open_shop(tags=STORE)
    offer = await town.publish(document(when=WHEN))
    async with street(db_dsn) as process:
        source = Source()
        await _look(process, source, 0.0)
        assert await _look(process, source, None, minutes=1) == 0
        source.age = timedelta(seconds=5_401)
        assert await _look(process, source, 1.0, minutes=95) == 0
        async with town.pool.transaction() as db:
            await db.execute("UPDATE offers SET status = 'paused' WHERE id = $1", offer)
            await db.execute("UPDATE ruleset_epoch SET epoch = epoch + 1")
        await process.rules.refresh()
        source.age = timedelta(0)
        assert await _look(process, source, 1.0, minutes=96) == 0
    assert await town.count("SELECT count(*) FROM firings") == 0
