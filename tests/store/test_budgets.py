"""Budgets: what is looked at under the lock is what is counted, for offers, places and rolling periods."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from server.model.context import Used
from server.store import budgets
from server.store.budgets import ROLLING, PlaceKey
from server.store.ids import new_id
from server.store.pool import Pool
from tests.builders import store_id
from tests.pipeline.town import Town, document, fix, street


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
