"""Budgets: what is looked at under the lock is what is counted, for offers, places and rolling periods."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from server.model.context import Used
from server.store import budgets, moments
from server.store.budgets import ROLLING, PlaceKey
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.builders import NOON, store_id
from tests.pipeline.town import Town, document, fix, street
from tests.store.test_moments import row


async def _offers(town: Town, count: int) -> list[UUID]:
    return [await town.publish(document(f"offer-{number}")) for number in range(count)]


async def test_what_is_added_is_read_and_what_comes_back_is_subtracted(pool: Pool) -> None:
    [offer] = await _offers(Town(pool), 1)
    key = PlaceKey(offer, store_id(1), "all")
    async with pool.transaction() as db:
        spent = await budgets.lock(db, offers=[offer], places=[key])
        assert spent == ({offer: Used()}, {key: 0})
        await budgets.add(db, offers={offer: Used(3, 750)}, places={key: 3})
    async with pool.transaction() as db:
        await budgets.lock(db, offers=[offer], places=[key])
        await budgets.add(db, offers={offer: Used(-1, -250)}, places={key: -1})
        assert await budgets.read(db, offers=[offer], places=[key]) == ({offer: Used(2, 500)}, {key: 2})


async def test_nothing_falls_below_zero(pool: Pool) -> None:
    [offer] = await _offers(Town(pool), 1)
    async with pool.transaction() as db:
        await budgets.lock(db, offers=[offer], places=[])
        await budgets.add(db, offers={offer: Used(-5, -5)}, places={})
        assert (await budgets.read(db, offers=[offer], places=[])).offers == {offer: Used(0, 0)}


async def test_an_offer_without_a_row_gets_one_and_an_unknown_offer_gets_none(pool: Pool) -> None:
    [offer] = await _offers(Town(pool), 1)
    async with pool.transaction() as db:
        await db.execute("DELETE FROM budgets")
        spent = await budgets.lock(db, offers=[offer, new_id()], places=[])
    assert spent.offers == {offer: Used()}


async def test_twenty_who_look_and_then_count_lose_nothing(pool: Pool) -> None:
    offers = await _offers(Town(pool), 3)
    keys = [PlaceKey(offer, store_id(1), "all") for offer in offers]

    async def work(number: int) -> None:
        mine = offers[number % 3 :] + offers[: number % 3]
        async with pool.transaction() as db:
            before = await budgets.lock(db, offers=mine, places=keys)
            assert before.offers[mine[0]].units == before.places[keys[0]]
            await budgets.add(db, offers=dict.fromkeys(mine, Used(1, 10)), places=dict.fromkeys(keys, 1))

    await asyncio.gather(*(work(number) for number in range(20)))
    async with pool.acquire() as db:
        spent = await budgets.read(db, offers=offers, places=keys)
    assert set(spent.offers.values()) == {Used(20, 200)}
    assert set(spent.places.values()) == {20}


async def test_a_rolling_share_counts_the_moments_that_still_hold_one(pool: Pool, db_dsn: str) -> None:
    town = Town(pool)
    shop = await town.open_shop()
    limits = {"per_place": {"units": 10, "period": {"rolling": "PT1H"}}}
    offer = await town.publish(document(limits=limits))
    customers = await town.customers(4)
    async with street(db_dsn) as process:
        for each in customers:
            await process.ping(each, fix())
        now = await process.now()
    await town.count(
        "WITH u AS (UPDATE moments SET reserved = NULL WHERE customer_id = $1 RETURNING 1) SELECT count(*) FROM u",
        customers[0],
    )
    key = PlaceKey(offer, shop.id, ROLLING)
    async with town.pool.acquire() as db:
        recent = await budgets.read(db, offers=[], places=[key], rolling={key: now - timedelta(hours=1)})
        later = await budgets.read(db, offers=[], places=[key], rolling={key: now + timedelta(hours=1)})
    assert (recent.places[key], later.places[key]) == (3, 0)


async def test_nothing_is_locked_read_or_counted_for_nothing(undone: Connection) -> None:
    assert await budgets.lock(undone, offers=[], places=[]) == ({}, {})
    assert await budgets.read(undone, offers=[], places=[]) == ({}, {})
    await budgets.add(undone, offers={}, places={})
    assert await undone.fetchval("SELECT count(*) FROM place_budgets") == 0


async def _budget(db: Connection) -> UUID:
    offer = new_id()
    await db.execute(
        "INSERT INTO offers (id, name, version, document, author) VALUES ($1, $1::uuid::text, 1, '{}', 'test')", offer
    )
    await db.execute("INSERT INTO budgets (offer_id) VALUES ($1)", offer)
    return offer


async def test_who_only_looks_makes_no_rows(undone: Connection) -> None:
    offer, unknown = await _budget(undone), new_id()
    key = PlaceKey(offer, store_id(1), "all")
    assert await budgets.read(undone, offers=[offer, unknown], places=[key]) == ({offer: Used()}, {})
    assert await undone.fetchval("SELECT count(*) FROM place_budgets") == 0
    assert await budgets.lock(undone, offers=[unknown], places=[]) == ({}, {})


async def test_each_place_and_each_period_counts_for_itself(undone: Connection) -> None:
    offer, other = await _budget(undone), await _budget(undone)
    keys = [
        PlaceKey(whose, store_id(number), period)
        for whose in (offer, other)
        for number in (1, 2)
        for period in ("all", "2026-11-01T00:00:00+00:00", "2026-12-01T00:00:00+00:00")
    ]
    await budgets.lock(undone, offers=[offer, other], places=keys)
    await budgets.add(undone, offers={}, places={key: number for number, key in enumerate(keys, 1)})
    assert (await budgets.read(undone, offers=[], places=reversed(keys))).places == {
        key: number for number, key in enumerate(keys, 1)
    }
    assert (await budgets.read(undone, offers=[offer], places=[])).offers == {offer: Used()}


async def test_a_name_given_twice_is_one_row(undone: Connection) -> None:
    offer = await _budget(undone)
    key = PlaceKey(offer, store_id(1), "all")
    spent = await budgets.lock(undone, offers=[offer, offer], places=[key, key])
    assert spent == ({offer: Used()}, {key: 0})


async def test_a_rolling_share_is_a_lock_and_its_row_counts_nothing(undone: Connection) -> None:
    offer = await _budget(undone)
    key = PlaceKey(offer, store_id(1), ROLLING)
    spent = await budgets.lock(undone, offers=[], places=[key], rolling={key: NOON})
    assert spent.places == {key: 0}
    await budgets.add(undone, offers={}, places={key: 5})
    assert await undone.fetchval("SELECT units FROM place_budgets WHERE offer_id = $1", offer) == 0


@pytest.mark.parametrize(("minutes", "counted"), [(0, 3), (1, 3), (1.001, 2), (2, 2), (3, 1), (3.001, 0)])
async def test_a_rolling_share_begins_exactly_at_its_instant(undone: Connection, minutes: float, counted: int) -> None:
    offer = await _budget(undone)
    mine = {"offer_id": offer, "place_id": store_id(1), "reserved": {"units": 1}}
    await moments.insert(
        undone,
        moments=[
            *(row(number, **mine) for number in (1, 2, 3)),
            row(4, **(mine | {"place_id": store_id(2)})),
            row(5, **(mine | {"reserved": None})),
            row(6, **(mine | {"offer_id": new_id()})),
        ],
    )
    key = PlaceKey(offer, store_id(1), ROLLING)
    spent = await budgets.read(undone, offers=[], places=[], rolling={key: NOON + timedelta(minutes=minutes)})
    assert spent.places == {key: counted}


async def test_a_budget_reset_by_hand_takes_returns_and_goes_on_counting(undone: Connection) -> None:
    offer = await _budget(undone)
    key = PlaceKey(offer, store_id(1), "all")
    await budgets.lock(undone, offers=[offer], places=[key])
    await budgets.add(undone, offers={offer: Used(-3, -750)}, places={key: -3})
    await budgets.add(undone, offers={offer: Used(2, 500)}, places={key: 2})
    assert await budgets.read(undone, offers=[offer], places=[key]) == ({offer: Used(2, 500)}, {key: 2})


async def test_large_sums_are_exact(undone: Connection) -> None:
    offer = await _budget(undone)
    await budgets.lock(undone, offers=[offer], places=[])
    for _ in range(2):
        await budgets.add(undone, offers={offer: Used(2**40, 2**61)}, places={})
    assert (await budgets.read(undone, offers=[offer], places=[])).offers == {offer: Used(2**41, 2**62)}


async def test_the_database_itself_takes_nothing_below_zero_and_no_budget_of_no_offer(undone: Connection) -> None:
    offer = await _budget(undone)
    for wrong in ("UPDATE budgets SET units = -1", "UPDATE budgets SET liability = -1"):
        with pytest.raises(asyncpg.CheckViolationError):
            async with undone.transaction():
                await undone.execute(wrong)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await budgets.lock(undone, offers=[offer], places=[PlaceKey(new_id(), store_id(1), "all")])


async def test_what_is_rolled_back_was_not_spent(shared_pool: Pool) -> None:
    async with shared_pool.transaction() as db:
        offer = await _budget(db)
    key = PlaceKey(offer, store_id(1), "all")
    with contextlib.suppress(ZeroDivisionError):
        async with shared_pool.transaction() as db:
            await budgets.lock(db, offers=[offer], places=[key])
            await budgets.add(db, offers={offer: Used(1, 1)}, places={key: 1})
            raise ZeroDivisionError
    async with shared_pool.acquire() as db:
        assert await budgets.read(db, offers=[offer], places=[key]) == ({offer: Used()}, {})


async def test_the_last_unit_goes_to_one_of_many_who_look_under_the_lock(shared_pool: Pool) -> None:
    async with shared_pool.transaction() as db:
        offer = await _budget(db)

    async def take() -> bool:
        async with shared_pool.transaction() as db:
            spent = (await budgets.lock(db, offers=[offer], places=[])).offers[offer]
            if spent.units >= 3:
                return False
            await budgets.add(db, offers={offer: Used(1, 250)}, places={})
            return True

    assert sorted(await asyncio.gather(*(take() for _ in range(12)))) == [False] * 9 + [True] * 3
    async with shared_pool.acquire() as db:
        assert (await budgets.read(db, offers=[offer], places=[])).offers == {offer: Used(3, 750)}


async def test_shares_that_nobody_has_yet_are_made_by_many_at_once_without_a_deadlock(shared_pool: Pool) -> None:
    async with shared_pool.transaction() as db:
        offer = await _budget(db)
    keys = [PlaceKey(offer, store_id(number), "all") for number in range(20)]

    async def work(turn: int) -> None:
        mine = keys[turn:] + keys[:turn]
        async with shared_pool.transaction() as db:
            await budgets.lock(db, offers=[offer], places=mine)
            await budgets.add(db, offers={offer: Used(1)}, places=dict.fromkeys(mine, 1))

    await asyncio.gather(*(work(turn) for turn in range(0, 20, 3)))
    async with shared_pool.acquire() as db:
        spent = await budgets.read(db, offers=[offer], places=keys)
    assert (spent.offers[offer].units, set(spent.places.values())) == (7, {7})
