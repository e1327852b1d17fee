"""Ending moments, row by row (the whole is tested in tests/pipeline/test_expire.py)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from server.model.context import Used
from server.store import budgets, expiry, moments
from server.store.budgets import PlaceKey
from server.store.pool import Pool
from tests.builders import NOON, store_id
from tests.pipeline.town import Town
from tests.store.test_moments import KIM, row

LATER = NOON + timedelta(hours=10)


async def _reserve(pool: Pool, offer: UUID, key: PlaceKey, count: int) -> None:
    held = {"units": 1, "liability": 250, "place_id": str(key.place_id), "period": key.period}
    async with pool.transaction() as db:
        rows = [row(number, offer_id=offer, reserved=held) for number in range(1, count + 1)]
        await moments.insert(db, moments=rows)
        await budgets.lock(db, offers=[offer], places=[key])
        await budgets.add(db, offers={offer: Used(count, count * 250)}, places={key: count})


async def test_no_more_than_asked_for_are_ended_at_once_and_the_oldest_first(pool: Pool) -> None:
    offer = await Town(pool).publish()
    key = PlaceKey(offer, store_id(1), "all")
    await _reserve(pool, offer, key, 5)
    for left in (3, 1, 0):
        async with pool.transaction() as db:
            await expiry.end(db, now=LATER, limit=2)
            spent = await budgets.read(db, offers=[offer], places=[key])
            assert spent == ({offer: Used(left, left * 250)}, {key: left})
            open_ = await db.fetch("SELECT id FROM moments WHERE state = 'created' ORDER BY created_at")
            assert [each["id"].int >> 16 for each in open_] == list(range(6 - left, 6))


async def test_a_moment_that_somebody_answers_for_just_now_is_left_for_the_next_time(pool: Pool) -> None:
    offer = await Town(pool).publish()
    await _reserve(pool, offer, PlaceKey(offer, store_id(1), "all"), 2)
    async with pool.transaction() as busy:
        await busy.fetch("SELECT 1 FROM moments WHERE id = $1 FOR UPDATE", row(1).id)
        async with pool.transaction() as db:
            assert await expiry.end(db, now=LATER, limit=10) == 1
    async with pool.transaction() as db:
        assert await expiry.end(db, now=LATER, limit=10) == 1


async def test_all_that_a_customer_had_reserved_comes_back_once(pool: Pool) -> None:
    offer = await Town(pool).publish()
    key = PlaceKey(offer, store_id(1), "all")
    await _reserve(pool, offer, key, 3)
    for _ in range(2):
        async with pool.transaction() as db:
            await expiry.release_all(db, customer_id=KIM)
            assert await budgets.read(db, offers=[offer], places=[key]) == ({offer: Used()}, {key: 0})
