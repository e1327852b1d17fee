"""Days are made anew from what is marked, and whoever reads sees every event, at any time."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.model.money import Money
from server.store import loyalty
from server.store.loyalty import Piece, midnight, pieces_of
from server.store.pool import Connection, Pool
from tests.store.test_kpis import told

BERLIN, TOKYO = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")
NOON = datetime(2026, 10, 25, 11, tzinfo=UTC)  # the day of 25 hours
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "America/Havana", "Australia/Lord_Howe", "Africa/Cairo")
"""Among them some in which clocks are changed at midnight, and not by hours."""


@given(
    st.integers(0, 730 * 86_400).map(lambda s: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=s)),
    st.timedeltas(timedelta(0), timedelta(days=40)),
    st.lists(st.floats(0, 1), max_size=2),
    st.sampled_from(ZONES),
)
def test_a_range_is_cut_at_midnights_and_edges_without_gap_or_overlap(
    start: datetime, length: timedelta, shares: list[float], name: str
) -> None:
    zone, end = ZoneInfo(name), start + length
    edges = [start + length * share for share in shares]
    pieces = pieces_of(start, end, edges=edges, zone=zone)
    assert [each.start for each in pieces] == ([start] if length else []) + [each.end for each in pieces[:-1]]
    assert not pieces or pieces[-1].end == end
    assert not [edge for edge in edges for each in pieces if each.start < edge < each.end]
    for day, first, last, whole in pieces:
        assert {at.astimezone(zone).date() for at in (first, last - timedelta(microseconds=1))} == {day}
        outside = {at.astimezone(zone).date() for at in (first - timedelta(microseconds=1), last)}
        assert whole == (day not in outside)


def test_where_midnight_is_shown_twice_the_day_begins_with_the_first() -> None:
    assert midnight(date(2026, 11, 1), ZoneInfo("America/Havana")) == datetime(2026, 11, 1, 4, tzinfo=UTC)


async def seen(db: Connection, piece: Piece, zone: ZoneInfo = BERLIN) -> Counter[str]:
    """How many people each part of a piece has."""
    async with db.transaction(isolation="repeatable_read"):
        groups = await loyalty.read(db, pieces=[piece], parts=["active", "orders", "answers"], zone=zone)
    return Counter({each.part + each.currency: len(each.people) // 8 for each in groups})


async def kept(db: Connection) -> list[tuple[date, str]]:
    rows = await db.fetch("SELECT day, part FROM loyalty_days ORDER BY day, part")
    return [(row["day"], row["part"]) for row in rows]


async def marks(db: Connection) -> int:
    found: int = await db.fetchval("SELECT count(*) FROM loyalty_marks")
    return found


async def test_only_what_key_figures_are_made_of_marks_a_day(db: Connection) -> None:
    await told(db, 1, "visit", NOON)
    assert await marks(db) == 0
    await told(db, 1, "purchase", NOON)
    await told(db, 1, "nps", NOON, score=0)
    assert await marks(db) == 2
    await db.execute("UPDATE customer_events SET at = at + interval '3 days' WHERE name = 'purchase'")
    assert await marks(db) == 4
    await db.execute("DELETE FROM customer_events")
    assert await marks(db) == 6


async def test_a_day_that_is_made_is_read_instead_of_its_events_until_one_of_them_changes(
    db: Connection, pool: Pool
) -> None:
    [day] = [each for each in pieces_of(NOON, NOON + timedelta(days=2), zone=BERLIN) if each.whole]
    assert await loyalty.roll(pool, zone="Europe/Berlin") == 0
    await told(db, 1, "purchase", NOON + timedelta(days=1), amount=Money(300, "EUR"))
    await told(db, 2, "redemption", NOON + timedelta(days=1))
    assert await seen(db, day) == {"active": 2, "ordersEUR": 1}
    assert await loyalty.roll(pool, zone="Europe/Berlin") == 1
    assert (await marks(db), await kept(db)) == (0, [(day.day, "active"), (day.day, "orders")])
    await db.execute("UPDATE loyalty_days SET people = '' WHERE part = 'active'")
    assert await seen(db, day) == {"active": 0, "ordersEUR": 1}  # as it stands there
    await told(db, 3, "purchase", NOON + timedelta(days=1))
    assert await seen(db, day) == {"active": 3, "ordersEUR": 1}
    await db.execute("DELETE FROM customer_events")
    assert await seen(db, day) == {}
    assert await loyalty.roll(pool, zone="Europe/Berlin") == 1
    assert await kept(db) == []


async def test_days_are_those_of_the_zone_that_is_asked_for(db: Connection, pool: Pool) -> None:
    """An evening in Berlin is the next day in Tokyo; until all is made anew there, events are read."""
    late = datetime(2026, 10, 24, 21, tzinfo=UTC)
    await told(db, 1, "purchase", late)
    await loyalty.roll(pool, zone="Europe/Berlin")
    [tokyo] = pieces_of(midnight(date(2026, 10, 25), TOKYO), midnight(date(2026, 10, 26), TOKYO), zone=TOKYO)
    assert await seen(db, tokyo, TOKYO) == {"active": 1}
    for zone, day in (("Asia/Tokyo", 25), ("Europe/Berlin", 24)):
        assert await loyalty.roll(pool, zone=zone) > 0
        assert await kept(db) == [(date(2026, 10, day), "active")]
    assert await seen(db, tokyo, TOKYO) == {"active": 1}


async def test_events_of_before_are_made_into_days_with_the_first_roll(db: Connection, pool: Pool) -> None:
    for days in (0, 1, 5):
        await told(db, 1, "purchase", NOON + timedelta(days=days))
    await db.execute("DELETE FROM loyalty_marks")  # as if they were older than the triggers
    await loyalty.roll(pool, zone="Europe/Berlin")
    assert [day.day for day, _ in await kept(db)] == [25, 26, 30]


async def test_of_many_who_write_and_sum_up_at_once_none_is_lost(db: Connection, pool: Pool) -> None:
    [day] = [each for each in pieces_of(NOON, NOON + timedelta(days=2), zone=BERLIN) if each.whole]

    async def write(first: int) -> None:
        for of in range(first, first + 15):
            async with pool.transaction() as own:
                await told(own, of, "purchase", NOON + timedelta(days=1))
                await asyncio.sleep(0)

    async def sum_up() -> None:
        for _ in range(12):
            await loyalty.roll(pool, zone="Europe/Berlin")

    async with asyncio.TaskGroup() as group:
        for first in (0, 15, 30):
            group.create_task(write(first))
        for _ in range(2):
            group.create_task(sum_up())
    assert await seen(db, day) == {"active": 45}
    await loyalty.roll(pool, zone="Europe/Berlin")
    [row] = await db.fetch("SELECT octet_length(people) / 8 AS people FROM loyalty_days")
    assert row["people"] == 45


async def test_a_day_that_is_marked_again_and_again_is_made_once_each_time(db: Connection, pool: Pool) -> None:
    """Tills that never rest: whenever a day is made, something else has happened on it already."""
    await db.execute("""
CREATE FUNCTION once_more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO loyalty_marks SELECT min(at) FROM customer_events;
    RETURN NULL;
END $$;
CREATE TRIGGER again AFTER INSERT ON loyalty_days FOR EACH STATEMENT EXECUTE FUNCTION once_more()""")
    assert await loyalty.roll(pool, zone="Europe/Berlin") == 0
    await told(db, 1, "purchase", NOON)
    for _ in range(2):
        assert await loyalty.roll(pool, zone="Europe/Berlin") == 1
        assert await marks(db) == 1


@pytest.mark.parametrize("command", ["INSERT", "DELETE", "UPDATE"])
async def test_what_is_rolled_back_marks_nothing(db: Connection, command: str) -> None:
    await told(db, 1, "purchase", NOON)
    before = await marks(db)
    statement = {
        "INSERT": "INSERT INTO customer_events (bucket, id, customer_id, name, at)"
        " SELECT bucket, gen_random_uuid(), customer_id, name, at FROM customer_events",
        "DELETE": "DELETE FROM customer_events",
        "UPDATE": "UPDATE customer_events SET at = at",
    }[command]
    transaction = db.transaction()
    await transaction.start()
    await db.execute(statement)
    assert await marks(db) > before
    await transaction.rollback()
    assert await marks(db) == before
