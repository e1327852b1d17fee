"""Trials are followed as a second count in Python says, once each, however many follow them and however often they look."""

from __future__ import annotations

import asyncio
import json
import random
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from server.decision.durations import read_duration
from server.model.ids import bucket_of
from server.store import funnel, trials
from server.store.erasure import erase
from server.store.ids import new_id
from server.store.moments import MomentRow
from server.store.pool import Connection, Pool
from server.store.trials import Terms
from tests import lives
from tests.lives import MORNING, customer, row

DAY = timedelta(days=1)
SOMEWHERE = UUID(int=0xFE)
HELD = {"holdout": {"share": 0.1, "salt": "s"}}


async def offer(db: Connection, number: int = 1, **document: Any) -> UUID:
    """An offer with its version, a tenth held out if nothing else is said."""
    made = await lives.offer_row(db, number, document=json.dumps(HELD | document))
    await db.execute("INSERT INTO offer_versions SELECT id, version, document, author FROM offers WHERE id = $1", made)
    return made


async def happens(
    db: Connection, who: int, name: str, at: Any, amount: int | None = None, *, currency: str = "EUR"
) -> None:
    """Something in a customer's life; with an amount a purchase."""
    await db.execute(
        "INSERT INTO customer_events (bucket, id, customer_id, name, at, amount_minor, currency)"
        " VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $6::bigint IS NOT NULL THEN $7 END)",
        bucket_of(customer(who)),
        new_id(bucket=bucket_of(customer(who))),
        customer(who),
        name,
        at,
        amount,
        currency,
    )


async def comes(db: Connection, who: int, at: Any, fence: UUID = SOMEWHERE) -> None:
    """A visit."""
    await db.execute(
        "INSERT INTO visits (bucket, customer_id, at, geofence_id) VALUES ($1, $2, $3, $4)",
        bucket_of(customer(who)),
        customer(who),
        at,
        fence,
    )


async def shown(db: Connection, pool: Pool, *rows: MomentRow, **terms: Any) -> None:
    """Moments are made and rolled up; trials begin."""
    await lives.decide(db, *rows)
    await funnel.roll(pool, terms=Terms(**terms))


async def found(db: Connection, columns: str = "reached, visits, value_minor") -> list[tuple[Any, ...]]:
    rows = await db.fetch(f"SELECT {columns} FROM trials ORDER BY customer_id, offer_id")
    return [tuple(each) for each in rows]


async def cells(db: Connection) -> list[tuple[Any, ...]]:
    rows = await db.fetch(
        "SELECT held_out, customers, reached, visits, visits_squared::bigint, value_minor, value_squared::bigint"
        " FROM lift_cells ORDER BY held_out"
    )
    return [tuple(each) for each in rows]


async def test_the_first_moment_begins_a_trial_in_its_arm_and_later_ones_change_nothing(
    db: Connection, pool: Pool
) -> None:
    await offer(db)
    await shown(db, pool, row(1), row(2, held_out=True))
    await shown(db, pool, row(1, at=MORNING + DAY), row(2, at=MORNING + DAY))
    assert await found(db, "held_out, started_at, goal_until, due_at") == [
        (False, MORNING, MORNING + 7 * DAY, MORNING + 8 * DAY),
        (True, MORNING, MORNING + 7 * DAY, MORNING + 8 * DAY),
    ]


async def test_of_moments_that_are_rolled_up_together_the_first_counts(db: Connection, pool: Pool) -> None:
    await offer(db)
    await shown(db, pool, row(1, at=MORNING + DAY), row(1), row(1, at=MORNING + 2 * DAY))
    assert await found(db, "started_at") == [(MORNING,)]


TRIED: list[tuple[Any, bool, list[int]]] = [
    ({}, False, [7]),
    ({"holdout": {"share": 0}}, True, []),
    ({"holdout": None}, False, []),
    ({"holdout": None}, True, [28, 7]),
    ({}, True, [7]),
]
"""What an offer says of its control group, whether the programme has one, and how many days its trials last."""


async def test_an_offer_is_tried_where_somebody_is_held_out_and_the_programme_by_offers_that_leave_it_to_it(
    db: Connection, pool: Pool
) -> None:
    for number, (document, programme, days) in enumerate(TRIED):
        made = await offer(db, number, **document)
        await shown(db, pool, row(1, offer=number), programme=programme, within=timedelta(days=28))
        assert await found(db, "offer_id, goal_until - started_at") == [
            (UUID(int=0) if each == 28 else made, timedelta(days=each)) for each in days
        ]
        await db.execute("DELETE FROM trials")


async def test_what_happens_after_the_first_moment_up_to_the_goals_end_counts_and_nothing_else(
    db: Connection, pool: Pool
) -> None:
    await offer(db, goal={"event": "purchase", "within": "P2D"})
    await shown(db, pool, row(1), row(2, held_out=True), row(3))
    end, tick = MORNING + 2 * DAY, timedelta(microseconds=1)
    for at, amount in ((MORNING, 1), (MORNING + tick, 20), (end - tick, 300), (end, 4000)):
        await happens(db, 1, "purchase", at, amount)
        await comes(db, 1, at)
    await happens(db, 2, "redemption", MORNING + DAY)
    await happens(db, 2, "purchase", MORNING + DAY, 70, currency="CHF")
    for at in (MORNING, end):
        await happens(db, 3, "purchase", at, 5)
        await comes(db, 3, at)
    assert await trials.follow(pool, now=end + DAY - tick) == 3
    assert await cells(db) == []
    assert await trials.follow(pool, now=end + DAY) == 3
    assert await found(db) == [(True, 2, 320), (True, 0, 0), (False, 0, 0)]
    assert await cells(db) == [(False, 2, 1, 2, 4, 320, 320 * 320), (True, 1, 1, 0, 0, 0, 0)]


async def test_a_trial_counts_once_however_often_it_is_looked_at(db: Connection, pool: Pool) -> None:
    await offer(db)
    await shown(db, pool, row(1))
    await happens(db, 1, "redemption", MORNING + DAY)
    for _ in range(3):
        await trials.follow(pool, now=MORNING + 30 * DAY)
    assert await cells(db) == [(False, 1, 1, 0, 0, 0, 0)]


async def test_a_redemption_of_anything_is_the_usual_goal(db: Connection, pool: Pool) -> None:
    await offer(db)
    await shown(db, pool, row(1), row(2, held_out=True))
    await lives.redeem(db, await lives.accept(db, row(1, offer=2)))  # of another offer, now: long after the goal's time
    await happens(db, 2, "redemption", MORNING + DAY)
    await trials.follow(pool, now=MORNING + 30 * DAY)
    assert [each[0] for each in await found(db)] == [False, True]


PLACES = [
    ({"any": True}, 3),
    (None, 3),
    ({"ids": [str(UUID(int=0xF1))]}, 1),
    ({"ids": [str(UUID(int=0xA2)).upper()]}, 1),
    ({"ids": [str(UUID(int=0xF1)), str(UUID(int=0xF2))]}, 2),
    ({"tag": "bakery"}, 1),
    ({"tag": "park"}, 1),
    ({"tag": "none"}, 0),
]


async def test_visits_are_those_of_the_offers_places(db: Connection, pool: Pool) -> None:
    fences = [UUID(int=0xF0 + number) for number in range(3)]
    await db.execute(
        "INSERT INTO stores (id, name, lat, lon, radius_m, time_zone, tags, geofence_id)"
        " VALUES ($1, 's', 0, 0, 100, 'UTC', '{bakery}', $2)",
        UUID(int=0xA2),
        fences[2],
    )
    for fence, tags, store in zip(fences, (["park"], [], []), (None, None, UUID(int=0xA2)), strict=True):
        await db.execute(
            "INSERT INTO geofences (id, name, geometry, tags, store_id, changed) VALUES ($1, 'f', $4, $2, $3, 1)",
            fence,
            tags,
            store,
            lives.AREA,
        )
    for number, (places, _) in enumerate(PLACES):
        when = {"trigger": "enter"} | ({"places": places} if places is not None else {})
        await offer(db, number, when=when)
        for hour, fence in enumerate(fences, 1):
            await comes(db, number, MORNING + timedelta(hours=hour), fence)
    await shown(db, pool, *(row(number, offer=number) for number in range(len(PLACES))))
    await trials.follow(pool, now=MORNING + 8 * DAY)
    assert [each[1] for each in await found(db)] == [visits for _, visits in PLACES]


async def test_visits_are_counted_in_day_by_day_and_may_be_forgotten_then(db: Connection, pool: Pool) -> None:
    await offer(db, goal={"event": "redemption", "within": "P30D"})
    await shown(db, pool, row(1))
    for day in range(36):
        at = MORNING + timedelta(days=day, hours=2)
        if day < 32:
            await comes(db, 1, at)
        await trials.follow(pool, now=at + timedelta(hours=3))
        await db.execute("DELETE FROM visits WHERE at < $1", at - 3 * DAY)
    assert [each[1] for each in await found(db)] == [30]
    assert await cells(db) == [(False, 1, 0, 30, 900, 0, 0)]


async def test_a_moment_without_money_counts_purchases_in_the_currency_of_most_offers(
    db: Connection, pool: Pool
) -> None:
    await offer(db)
    await lives.offer_row(db, 2, document='{"reward": {"value": {"minor": 1, "currency": "CHF"}}}')
    await shown(db, pool, row(1, currency=None))
    for currency in ("CHF", "EUR"):
        await happens(db, 1, "purchase", MORNING + DAY, 500 if currency == "CHF" else 9, currency=currency)
    await trials.follow(pool, now=MORNING + 8 * DAY)
    assert await found(db, "value_minor, currency") == [(500, "CHF")]


async def test_what_other_systems_tell_late_is_waited_for(db: Connection, pool: Pool) -> None:
    await offer(db, goal={"event": "purchase", "within": "P1D"})
    await shown(db, pool, row(1), wait=timedelta(days=3))
    await trials.follow(pool, now=MORNING + 3 * DAY)
    await happens(db, 1, "purchase", MORNING + timedelta(hours=1), 10)
    await trials.follow(pool, now=MORNING + 4 * DAY)
    assert await cells(db) == [(False, 1, 1, 0, 0, 10, 100)]


async def test_many_who_follow_at_once_count_each_trial_once(db: Connection, pool: Pool) -> None:
    await offer(db)
    await shown(db, pool, *(row(number, held_out=number % 3 == 0) for number in range(60)))
    for number in range(60):
        await happens(db, number, "redemption", MORNING + DAY)
    await asyncio.gather(*(trials.follow(pool, now=MORNING + 9 * DAY, trials=7) for _ in range(4)))
    assert [each[:3] for each in await cells(db)] == [(False, 40, 40), (True, 20, 20)]


async def test_a_customer_who_is_erased_meanwhile_begins_no_trial_and_leaves_none(db: Connection, pool: Pool) -> None:
    await offer(db)
    gone = customer(1)
    await db.execute("INSERT INTO customers (bucket, id) VALUES ($1, $2)", bucket_of(gone), gone)
    await lives.decide(db, row(1), row(2))
    async with pool.acquire() as other:
        erasing = other.transaction()
        await erasing.start()
        assert await erase(other, customer_id=gone)
        rolling = asyncio.create_task(funnel.roll(pool))
        await asyncio.sleep(0.2)
        await erasing.commit()
        await rolling
    assert await found(db, "customer_id") == [(customer(2),)]


async def test_a_trial_whose_moment_is_gone_ends_without_counting(db: Connection, pool: Pool) -> None:
    await offer(db)
    await shown(db, pool, row(1))
    await db.execute("DELETE FROM moments")
    assert await trials.follow(pool, now=MORNING + 8 * DAY) == 1
    assert await trials.follow(pool, now=MORNING + 9 * DAY) == 0
    assert await cells(db) == []


def some_durations(count: int) -> list[str]:
    """Durations of every shape, by the lots."""
    lots = random.Random(7)
    texts = []
    while len(texts) < count:
        date = "".join(f"{lots.randrange(200)}{unit}" for unit in "WD" if lots.random() < 0.5)
        clock = "".join(f"{lots.randrange(9000)}{unit}" for unit in "HM" if lots.random() < 0.4)
        clock += lots.choice(["", "", "7S", "0.25S", "90061.000001S"])
        text = f"P{date}{'T' + clock if clock else ''}"
        if read_duration(text) is not None:
            texts.append(text)
    return texts


async def test_a_goals_time_is_what_the_reader_of_documents_says(undone: Connection) -> None:
    texts = some_durations(200)
    sql = re.sub(r"v\.document->'goal'->>'within'", "text", trials.WITHIN).replace("$3", "$2")
    rows = await undone.fetch(f"SELECT {sql} AS within FROM unnest($1::text[]) AS text", texts, timedelta(days=7))
    assert [each["within"] for each in rows] == [read_duration(text) for text in texts]


@pytest.mark.parametrize("text", ["P", "PT", "P1M", "P-1D", "seven days", "P1.5D", "", "P1D; DROP TABLE trials"])
async def test_a_goals_time_that_cannot_be_read_is_a_week(undone: Connection, text: str) -> None:
    assert read_duration(text) is None
    sql = re.sub(r"v\.document->'goal'->>'within'", "text", trials.WITHIN).replace("$3", "$2")
    found = await undone.fetchval(f"SELECT {sql} FROM unnest($1::text[]) AS text", [text], timedelta(days=7))
    assert found == timedelta(days=7)
