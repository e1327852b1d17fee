"""What came of a moment is put down to it once: its redemption, its goal, or a visit, within the time that the offer gives."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from server.model.ids import bucket_of
from server.store import conversions, funnel, reports
from server.store.ids import new_id
from server.store.moments import MomentRow
from server.store.pool import Connection, Pool
from tests import lives
from tests.lives import customer, row

DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
LATER = 30 * DAY
FENCE, ELSEWHERE = UUID(int=0xFE), UUID(int=0xFF)


async def began(db: Connection) -> datetime:
    """An hour ago: redemptions are as of the database's own time."""
    at: datetime = await db.fetchval("SELECT clock_timestamp() - interval '1 hour'")
    return at


async def shown(db: Connection, *rows: MomentRow, seen: bool = True, **document: Any) -> None:
    """An offer, and moments of it that phones told they had."""
    made = await lives.offer_row(db, 1, document=json.dumps(document))
    await db.execute("INSERT INTO offer_versions SELECT id, version, document, author FROM offers WHERE id = $1", made)
    await lives.decide(db, *rows)
    for each in rows if seen else ():
        await lives.told(db, each, "delivered")


async def comes(db: Connection, at: datetime, fence: UUID = FENCE) -> None:
    await db.execute(
        "INSERT INTO visits (bucket, customer_id, at, geofence_id) VALUES ($1, $2, $3, $4)",
        bucket_of(customer(1)), customer(1), at, fence,
    )  # fmt: skip


async def happens(db: Connection, name: str, at: datetime) -> None:
    await db.execute(
        "INSERT INTO customer_events (bucket, id, customer_id, name, at) VALUES ($1, $2, $3, $4, $5)",
        bucket_of(customer(1)), new_id(bucket=bucket_of(customer(1))), customer(1), name, at,
    )  # fmt: skip


async def look(pool: Pool, at: datetime) -> int:
    return await conversions.look(pool, now=at)


async def found(db: Connection) -> list[tuple[Any, Any]]:
    """What was put down to moments, the oldest first."""
    rows = await db.fetch("SELECT converted_by, converted_at FROM moments ORDER BY created_at, id")
    return [(each["converted_by"], each["converted_at"]) for each in rows]


async def facts(db: Connection) -> int:
    return int(await db.fetchval("SELECT count(*) FROM funnel_facts WHERE step = 'converted' AND delta = 1"))


async def test_a_redemption_belongs_to_the_moment_whose_pass_it_used(db: Connection, pool: Pool) -> None:
    start = await began(db)
    mine, later = row(at=start), row(at=start + timedelta(minutes=30))
    await shown(db, mine, later)
    await lives.redeem(db, await lives.accept(db, mine))
    assert await look(pool, start + 2 * DAY) == 2
    [(by, at), other] = await found(db)
    assert (by, other) == ("redemption", (None, None))
    assert at == await db.fetchval("SELECT redeemed_at FROM redemptions")
    assert await facts(db) == 1
    assert await look(pool, start + LATER) == 1  # nobody looks for more where the goal was met
    assert await look(pool, start + LATER) == 0
    assert await facts(db) == 1


async def test_a_visit_counts_and_the_goal_after_it_gives_its_name_and_counts_no_more(
    db: Connection, pool: Pool
) -> None:
    start = await began(db)
    await shown(db, row(at=start), goal={"event": "purchase", "within": "P2D"})
    await comes(db, start)  # that brought the moment
    await comes(db, start + DAY)
    await look(pool, start + DAY + TICK)
    assert await found(db) == [("visit", start + DAY)]
    await happens(db, "purchase", start + 2 * DAY - TICK)
    await look(pool, start + LATER)
    assert await found(db) == [("purchase", start + DAY)]
    assert await facts(db) == 1


@pytest.mark.parametrize(
    ("places", "counts"),
    [
        ({"any": True}, [FENCE, ELSEWHERE]),
        ({"ids": [str(FENCE)]}, [FENCE]),
        ({"tag": "bakery"}, []),
    ],
)
async def test_a_visit_is_one_to_the_offers_places(db: Connection, pool: Pool, places: Any, counts: list[UUID]) -> None:
    start = await began(db)
    await db.execute(
        "INSERT INTO geofences (id, name, lat, lon, radius_m, changed)"
        " VALUES ($1, 'f', 52, 13, 50, 1), ($2, 'e', 53, 13, 50, 1)",
        FENCE, ELSEWHERE,
    )  # fmt: skip
    await shown(db, row(at=start), when={"places": places})
    for number, fence in enumerate((ELSEWHERE, FENCE), 1):
        await comes(db, start + number * DAY, fence)
    await look(pool, start + LATER)
    expected = [start + number * DAY for number, fence in enumerate((ELSEWHERE, FENCE), 1) if fence in counts]
    assert [at for _, at in await found(db)] == [min(expected, default=None)]


async def test_of_two_moments_of_an_offer_the_last_one_before_gets_it(db: Connection, pool: Pool) -> None:
    start = await began(db)
    await shown(db, row(at=start), row(at=start + DAY))
    await comes(db, start + DAY + TICK)
    await look(pool, start + LATER)
    assert await found(db) == [(None, None), ("visit", start + DAY + TICK)]


async def test_what_was_not_seen_or_held_back_brought_nothing_nor_what_came_too_late(
    db: Connection, pool: Pool
) -> None:
    start = await began(db)
    await shown(db, row(at=start), row(at=start + TICK, held_out=True), seen=False, goal={"within": "P1D"})
    await comes(db, start + DAY - TICK)
    await look(pool, start + DAY)
    assert await found(db) == [(None, None), (None, None)]
    await db.execute("UPDATE moments SET delivered_at = created_at WHERE NOT held_out")  # a phone tells late
    await look(pool, start + LATER)
    assert [by for by, _ in await found(db)] == ["visit", None]
    await db.execute("UPDATE moments SET converted_at = NULL, converted_by = NULL, attribute_at = now()")
    await db.execute("UPDATE visits SET at = $1", start + DAY)
    await look(pool, start + LATER)
    assert await found(db) == [(None, None), (None, None)]


async def test_it_counts_once_however_many_look_and_is_in_the_report(db: Connection, pool: Pool) -> None:
    start = await began(db)
    await shown(db, *(row(at=start, offer=1) for _ in range(5)))
    await db.execute("UPDATE moments SET customer_id = customer_id, offer_id = gen_random_uuid()")
    await comes(db, start + DAY)
    await asyncio.gather(*(look(pool, start + 2 * DAY) for _ in range(4)))
    assert await facts(db) == 5
    edge = await reports.funnel(db, start=start, end=start + TICK, by="channel")
    await funnel.roll(pool)
    cells = await reports.funnel(db, start=start - DAY, end=start + DAY, by="channel")
    assert [(each.converted, each.delivered) for each in (*edge, *cells)] == [(5, 5), (5, 5)]


async def test_who_is_erased_is_looked_for_no_more(db: Connection, pool: Pool) -> None:
    start = await began(db)
    await shown(db, row(at=start))
    await db.execute("UPDATE moments SET customer_id = NULL")
    assert await look(pool, start + DAY) == 1
    assert await look(pool, start + LATER) == 0
    assert await found(db) == [(None, None)]
