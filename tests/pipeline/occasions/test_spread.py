"""A firing reaches everybody it means, once, also where whoever carries it is killed in the middle."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from server.errors import Unavailable
from server.model.ids import firing_id
from server.pipeline.occasions import spread as module
from server.pipeline.occasions.knock import knock
from server.pipeline.occasions.spread import birthdays_on, spread
from server.store import firings
from server.store.firings import Firing
from tests.pipeline.occasions.test_timetable import scheduled
from tests.pipeline.town import TOWN, Street, Town, document, fix, off, street


async def _fire(town: Town, offer: UUID, *, zone: str = "Europe/Berlin", **more: Any) -> Firing:
    """Fire a scheduled offer now."""
    async with town.pool.transaction() as db:
        at = await db.fetchval("SELECT clock_timestamp()")
        firing = Firing(firing_id(str(offer), zone, at.isoformat()), "schedule", at, offer, 1, zone, **more)
        assert await firings.fire_offer(db, firing=firing)
    return firing


async def _run(process: Street) -> int:
    """Carry firings to their ends and decide what they made."""
    now = await process.now()
    made = await spread(process.pool, process.rules, now=process.clock.now)
    await knock(process.pool, process.arrivals, now=now)
    return made


async def _told(town: Town) -> set[UUID]:
    return {row["customer_id"] for row in await town.rows("SELECT customer_id FROM moments")}


async def test_an_offer_for_any_place_reaches_everybody_who_agreed(town: Town, db_dsn: str) -> None:
    offer = await town.publish(scheduled(cron="0 7 * * *", tz="Europe/Berlin"))
    customers = await town.customers(30)
    await town.customer(location=False)
    async with street(db_dsn) as process:
        await _fire(town, offer)
        assert await _run(process) == 30
        assert await _run(process) == 0
    assert await _told(town) == set(customers)
    assert await town.count("SELECT count(*) FROM moments") == 30
    assert await town.count("SELECT count(*) FROM occasions") == 0


async def test_an_offer_for_places_reaches_those_who_are_there(town: Town, db_dsn: str) -> None:
    here = await town.open_shop(tags=frozenset({"a"}))
    await town.open_shop(off(3_000), name="Other")
    tokyo = await town.open_shop(TOWN._replace(lat=10), tags=frozenset({"a"}), time_zone="Asia/Tokyo")
    offer = await town.publish(scheduled(cron="0 7 * * *", places={"tag": "a"}))
    inside, near, other, away, unseen = await town.customers(5)
    async with street(db_dsn) as process:
        for customer, at in ((inside, here.at), (near, off(400)), (other, off(3_000)), (away, tokyo.at)):
            await process.ping(customer, fix(at))
        await _fire(town, offer)
        assert await _run(process) == 1
        await _fire(town, offer, zone="Asia/Tokyo")
        assert await _run(process) == 1
    rows = await town.rows("SELECT customer_id, place_id FROM moments")
    assert {row["customer_id"]: row["place_id"] for row in rows} == {inside: here.id, away: tokyo.id}
    assert unseen not in await _told(town)


async def test_a_customers_own_clock_reaches_those_at_home_in_its_zone(town: Town, db_dsn: str) -> None:
    offer = await town.publish(scheduled(cron="0 7 * * *", tz="customer_home"))
    berlin, lima = await town.customers(2)
    async with town.pool.transaction() as db:
        await db.execute("UPDATE customers SET time_zone = 'America/Lima' WHERE id = $1", lima)
    async with street(db_dsn) as process:
        await _fire(town, offer, zone="America/Lima")
        assert await _run(process) == 1
        assert await _told(town) == {lima}
        await _fire(town, offer)
        assert await _run(process) == 1
    assert await _told(town) == {berlin, lima}


async def test_for_any_place_the_place_is_where_somebody_is_else_their_home(town: Town, db_dsn: str) -> None:
    offer = await town.publish(scheduled(cron="0 7 * * *"))
    travels, stays = await town.customers(2)
    async with street(db_dsn) as process:
        await process.ping(travels, fix(TOWN._replace(lat=40.7, lon=-74.0)))
        await _fire(town, offer, zone="America/New_York")
        assert await _run(process) == 1
        assert await _told(town) == {travels}
        await _fire(town, offer)
        assert await _run(process) == 1
    assert await _told(town) == {travels, stays}


async def test_killed_in_the_middle_another_goes_on_and_nobody_is_reached_twice(
    town: Town, db_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = await town.publish(scheduled(cron="0 7 * * *", tz="Europe/Berlin"))
    customers = await town.customers(60)
    advance, left = firings.advance, 6

    async def dies(db: Any, **more: Any) -> bool:
        nonlocal left
        left -= 1
        taken = await advance(db, **more)
        if left == 0:
            raise Unavailable  # after the statement, before COMMIT: as a killed process leaves it
        return taken

    async with street(db_dsn) as one, street(db_dsn) as two:
        await asyncio.gather(one.now(), two.now())
        await _fire(town, offer)
        monkeypatch.setattr(module.firings, "advance", dies)
        with pytest.raises(Unavailable):
            await spread(one.pool, one.rules, now=one.clock.now)
        monkeypatch.undo()
        reached = await town.count("SELECT count(*) FROM customers WHERE bucket < (SELECT next_chunk FROM firings)")
        assert await town.count("SELECT count(*) FROM firings WHERE next_chunk BETWEEN 1 AND 1023") == 1
        assert await town.count("SELECT count(*) FROM occasions") == reached
        made = await asyncio.gather(*(spread(each.pool, each.rules, now=each.clock.now) for each in (one, two, two)))
        assert sum(made) == 60 - reached
        assert await town.count("SELECT count(*) FROM occasions") == 60
        await asyncio.gather(_run(one), _run(two))
    assert await _told(town) == set(customers)
    assert await town.count("SELECT count(*) FROM moments") == 60


async def test_no_more_is_made_than_can_be_decided(town: Town, db_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    offer = await town.publish(scheduled(cron="0 7 * * *", tz="Europe/Berlin"))
    customers = await town.customers(200)
    monkeypatch.setattr(module, "BACKLOG", 10)
    monkeypatch.setattr(module, "MANY", 10)
    async with street(db_dsn) as process:
        await _fire(town, offer)
        rounds = []
        while len(await _told(town)) < 200:
            rounds.append(await _run(process))
            assert rounds[-1] > 0
    assert sum(rounds) == 200
    assert len(rounds) > 3
    assert await _told(town) == set(customers)
    [row] = await town.rows("SELECT count(DISTINCT created_at) FROM moments")
    assert row["count"] >= len(rounds)  # each is judged when its turn comes


@pytest.mark.parametrize(("minutes", "reached"), [(2, 20), (4, 0)])
async def test_what_stood_still_for_too_long_is_given_up(town: Town, db_dsn: str, minutes: int, reached: int) -> None:
    offer = await town.publish(scheduled(cron="0 7 * * *", tz="Europe/Berlin"))
    await town.customers(20)
    async with street(db_dsn) as process:
        await _fire(town, offer)
        async with town.pool.transaction() as db:
            still = "UPDATE firings SET at = at - interval '1 hour', moved_at = now() - make_interval(mins => $1)"
            await db.execute(still, minutes)
        assert await _run(process) == reached
    assert await town.count("SELECT count(*) FROM firings WHERE next_chunk = 1024") == 1
    assert await town.count("SELECT count(*) FROM moments") == reached


async def test_a_firing_whose_offer_is_gone_ends_without_reaching_anybody(town: Town, db_dsn: str) -> None:
    offer = await town.publish(scheduled(cron="0 7 * * *", tz="Europe/Berlin"))
    await town.customers(3)
    await _fire(town, offer)
    async with town.pool.transaction() as db:
        await db.execute("UPDATE offers SET status = 'ended'")
    async with street(db_dsn) as process:
        assert await _run(process) == 0
    assert await town.count("SELECT count(*) FROM firings WHERE next_chunk = 1024") == 1


async def _events(town: Town, process: Street, kind: Any, *, later: timedelta = timedelta(0), **more: Any) -> int:
    async with town.pool.transaction() as db:
        at = await db.fetchval("SELECT clock_timestamp()") + later
        await firings.fire(db, firing=Firing(firing_id(kind, at.isoformat()), kind, at, **more))
    return await _run(process)


async def test_a_birthday_is_told_once_a_year_wherever_one_moves(town: Town, db_dsn: str) -> None:
    offer = await town.publish(document(when={"trigger": "event", "event": "birthday"}))
    born, other = await town.customers(2)
    [row] = await town.rows("SELECT now() AT TIME ZONE 'Europe/Berlin' AS now")
    async with town.pool.transaction() as db:
        await db.execute(
            "UPDATE customers SET attributes = jsonb_build_object('birthday', $2::text) WHERE id = $1",
            born,
            f"1990-{row['now']:%m-%d}",
        )
    async with street(db_dsn) as process:
        assert await _events(town, process, "birthday", zone="Europe/Berlin") == 1
        async with town.pool.transaction() as db:
            await db.execute("UPDATE customers SET time_zone = 'Europe/Paris'")
        assert await _events(town, process, "birthday", zone="Europe/Paris") == 0
    [moment] = await town.rows("SELECT customer_id, offer_id FROM moments")
    assert moment == {"customer_id": born, "offer_id": offer}
    assert other not in await _told(town)


async def test_a_spell_of_absence_is_told_once_and_the_next_one_again(town: Town, db_dsn: str) -> None:
    week = timedelta(days=7)
    await town.publish(document(when={"trigger": "event", "event": "inactivity", "after": "P7D"}))
    await town.publish(document("month", when={"trigger": "event", "event": "inactivity", "after": "P30D"}))
    away, here = await town.customers(2)
    async with street(db_dsn) as process:
        await process.ping(here, fix())
        async with town.pool.transaction() as db:
            await db.execute("UPDATE customers SET created_at = now() - interval '8 days'")
        assert await _events(town, process, "inactivity", after=week) == 1
        assert await _events(town, process, "inactivity", after=week) == 0
        assert await _events(town, process, "inactivity", after=timedelta(days=30)) == 0
        async with town.pool.transaction() as db:  # something was heard, and again nothing for a week
            await db.execute("UPDATE customers SET created_at = now() - interval '7 days'")
        assert await _events(town, process, "inactivity", after=week) == 1
    rows = await town.rows("SELECT customer_id, offer_name FROM moments")
    assert rows == [{"customer_id": away, "offer_name": "coffee"}] * 2


@pytest.mark.parametrize(
    ("day", "kept"),
    [
        (date(2026, 2, 28), ["02-28", "02-29"]),
        (date(2028, 2, 28), ["02-28"]),
        (date(2028, 2, 29), ["02-29"]),
        (date(2026, 3, 1), ["03-01"]),
        (date(2100, 2, 28), ["02-28", "02-29"]),
    ],
)
def test_who_was_born_on_a_leap_day_has_a_birthday_every_year(day: date, kept: list[str]) -> None:
    assert birthdays_on(day) == kept
