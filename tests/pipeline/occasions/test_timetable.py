"""A schedule's instant fires once in each zone, whoever leads, and not long after it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from server.errors import Unavailable
from server.model.offer import PlaceFilter, Schedule
from server.pipeline.occasions import timetable as module
from server.pipeline.occasions.timetable import Timetable, following, zones_of
from tests.builders import fence_id, offer, place, ruleset, store_id
from tests.pipeline.occasions.test_held import BERLIN
from tests.pipeline.town import TOWN, Town, document, street


def scheduled(name: str = "coffee", **when: Any) -> dict[str, Any]:
    """An offer that a clock sets off, for any place unless `places` says otherwise."""
    return document(name, when={"trigger": "schedule", "places": {"any": True}} | when)


def table() -> Timetable:
    """What a process that has just begun to lead knows."""
    return Timetable(birthday_hour=9, absence_s=3600.0)


async def _fired(town: Town) -> list[tuple[str | None, datetime]]:
    rows = await town.rows("SELECT zone, at FROM firings ORDER BY at, zone")
    return [(row["zone"], row["at"]) for row in rows]


async def _seven(town: Town) -> datetime:
    """The next seven o'clock in UTC, when whatever is published now has long been live."""
    [row] = await town.rows("SELECT now()")
    now: datetime = row["now"]
    return (now + timedelta(days=1)).replace(hour=7, minute=0, second=0, microsecond=0)


async def test_an_instant_fires_once_by_whoever_leads(town: Town, db_dsn: str) -> None:
    await town.publish(scheduled(cron="0 7 * * *", tz="UTC"))
    seven = await _seven(town)
    first, second = table(), table()
    async with street(db_dsn) as process:

        async def fire(by: Timetable, at: datetime) -> int:
            return await by.fire(process.pool, process.rules, now=at)

        assert await fire(first, seven - timedelta(hours=1)) == 0
        assert await fire(first, seven - timedelta(microseconds=1)) == 0
        assert await fire(first, seven) == 1
        assert await fire(first, seven + timedelta(seconds=1)) == 0
        assert await fire(second, seven + timedelta(seconds=2)) == 0
        assert await fire(table(), seven + timedelta(minutes=4)) == 0
        assert await fire(first, seven + timedelta(days=1)) == 1
    assert await _fired(town) == [("UTC", seven), ("UTC", seven + timedelta(days=1))]


async def test_what_was_missed_fires_while_it_is_fresh_and_of_several_the_last(town: Town, db_dsn: str) -> None:
    await town.publish(scheduled(cron="0 7 * * *", tz="UTC") | {"fresh": "PT10M"})
    await town.publish(scheduled("often", cron="* * * * *", tz="UTC"))
    seven = await _seven(town)
    async with street(db_dsn) as process:
        found = table()
        assert await found.fire(process.pool, process.rules, now=seven - timedelta(hours=3)) == 1
        assert await found.fire(process.pool, process.rules, now=seven + timedelta(minutes=9, seconds=30)) == 2
        assert await table().fire(process.pool, process.rules, now=seven + timedelta(minutes=30)) == 1
    times = [at for _, at in await _fired(town)]
    assert times == [
        seven - timedelta(hours=3),
        seven,
        seven + timedelta(minutes=9),
        seven + timedelta(minutes=30),
    ]


async def test_the_place_the_home_or_a_name_says_whose_clock_it_is(town: Town, db_dsn: str) -> None:
    await town.open_shop(tags=frozenset({"a"}))
    await town.open_shop(TOWN._replace(lat=10), tags=frozenset({"a"}), time_zone="Asia/Tokyo")
    await town.open_shop(TOWN._replace(lat=20), time_zone="America/Lima")
    await town.customers(1)
    async with town.pool.transaction() as db:
        await db.execute("UPDATE customers SET time_zone = 'Pacific/Auckland'")
    await town.publish(scheduled("place", cron="0 7 * * *", places={"tag": "a"}))
    await town.publish(scheduled("home", rrule="FREQ=DAILY;BYHOUR=8", tz="customer_home"))
    await town.publish(scheduled("named", cron="0 9 * * *", tz="America/Lima"))
    seven = await _seven(town)
    async with street(db_dsn) as process:
        found, at = table(), seven
        for _ in range(24 * 4):
            at += timedelta(minutes=15)
            await found.fire(process.pool, process.rules, now=at)
    rows = await town.rows("SELECT o.name, f.zone, f.at FROM firings f JOIN offers o ON o.id = f.offer_id")
    clocks = {(row["name"], row["zone"], row["at"].astimezone(ZoneInfo(row["zone"])).hour) for row in rows}
    assert clocks == {
        ("place", "Europe/Berlin", 7),
        ("place", "Asia/Tokyo", 7),
        ("home", "Pacific/Auckland", 8),
        ("home", "Europe/Berlin", 8),  # the programme's: of those who have not said where they are at home
        ("named", "America/Lima", 9),
    }
    assert len(rows) == 5


async def test_a_firing_that_could_not_be_made_is_due_again(
    town: Town, db_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.publish(scheduled(cron="0 7 * * *", tz="UTC"))
    seven = await _seven(town)
    async with street(db_dsn) as process:
        found = table()
        await found.fire(process.pool, process.rules, now=seven - timedelta(hours=1))

        async def away(db: object, *, firing: object) -> bool:
            raise Unavailable

        monkeypatch.setattr(module.firings, "fire_offer", away)
        with pytest.raises(Unavailable):
            await found.fire(process.pool, process.rules, now=seven)
        monkeypatch.undo()
        assert await found.fire(process.pool, process.rules, now=seven + timedelta(seconds=1)) == 1
    assert await _fired(town) == [("UTC", seven)]


async def test_an_offer_that_is_edited_fires_no_instant_twice(town: Town, db_dsn: str) -> None:
    written = scheduled(cron="0 7 * * *", tz="UTC")
    offer_id = await town.publish(written)
    seven = await _seven(town)
    async with street(db_dsn) as process:
        assert await table().fire(process.pool, process.rules, now=seven) == 1
        async with town.pool.transaction() as db:
            await db.execute("UPDATE offers SET version = 2, live_version = 2")
            await db.execute("INSERT INTO offer_versions SELECT offer_id, 2, document, author FROM offer_versions")
            await db.execute("UPDATE ruleset_epoch SET epoch = epoch + 1")
        await process.rules.refresh()
        assert process.rules.current.ruleset.by_id[offer_id].version == 2
        assert await table().fire(process.pool, process.rules, now=seven) == 0
        assert await table().fire(process.pool, process.rules, now=seven + timedelta(days=1)) == 1


async def test_birthdays_are_told_from_their_hour_on_and_absence_once_an_hour(town: Town, db_dsn: str) -> None:
    await town.customers(1)
    await town.publish(document(when={"trigger": "event", "event": "birthday"}))
    await town.publish(document("back", when={"trigger": "event", "event": "inactivity", "after": "P14D"}))
    seven = await _seven(town)
    nine = seven.astimezone(BERLIN).replace(hour=9).astimezone(UTC)
    async with street(db_dsn) as process:
        found = table()
        for minutes in (-70, -65, -1, 0, 1, 59):
            await found.fire(process.pool, process.rules, now=nine + timedelta(minutes=minutes))
        await table().fire(process.pool, process.rules, now=nine + timedelta(minutes=59))
    rows = await town.rows("SELECT kind, zone, at, after_s FROM firings ORDER BY kind, at")
    assert [(row["kind"], row["zone"], row["at"]) for row in rows] == [
        ("birthday", "Europe/Berlin", nine),
        *(("inactivity", None, nine + timedelta(hours=hours)) for hours in (-2, -1, 0)),
    ]
    assert rows[-1]["after_s"] == 14 * 86_400


async def test_without_anything_that_waits_for_a_clock_nothing_fires(town: Town, db_dsn: str) -> None:
    await town.publish()
    async with street(db_dsn) as process:
        assert await table().fire(process.pool, process.rules, now=await _seven(town)) == 0


def test_a_rule_counts_from_the_offers_first_day_or_its_making() -> None:
    made = datetime(2026, 11, 3, 23, 30, tzinfo=UTC)  # the fourth in Berlin
    rule = Schedule(rrule="FREQ=DAILY;INTERVAL=2;BYHOUR=7", tz="Europe/Berlin")
    written = offer(trigger="schedule", schedule=rule, created_at=made)
    assert following(written, "Europe/Berlin", made) == datetime(2026, 11, 4, 6, tzinfo=UTC)
    begun = offer(trigger="schedule", schedule=rule, created_at=made, active_from=date(2026, 11, 5))
    assert following(begun, "Europe/Berlin", made) == datetime(2026, 11, 5, 6, tzinfo=UTC)
    assert following(written, "no/zone", made) is None


def test_places_lie_in_the_zones_of_their_tags_and_ids() -> None:
    there = [
        place(1, zone="Europe/Berlin", tags=frozenset({"a"})),
        place(2, zone="Asia/Tokyo", tags=frozenset({"a", "b"})),
        place(3, zone="no/zone", tags=frozenset({"b"})),
        place(4, zone=None),
    ]
    rules = ruleset(places=there)
    zones = zones_of(rules)
    named = PlaceFilter(ids=frozenset({store_id(1), fence_id(2), store_id(3), store_id(4), store_id(9)}))
    for asked, names in (
        (PlaceFilter(any=True), {"Europe/Berlin", "Asia/Tokyo"}),
        (PlaceFilter(tag="a"), {"Europe/Berlin", "Asia/Tokyo"}),
        (PlaceFilter(tag="b"), {"Asia/Tokyo"}),
        (PlaceFilter(tag="c"), set()),
        (named, {"Europe/Berlin", "Asia/Tokyo"}),
    ):
        assert zones.of(asked, rules) == names
