"""Ending moments, row by row (the whole is tested in tests/pipeline/test_expire.py)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import timedelta
from uuid import UUID

import pytest

from server.model.context import Used
from server.store import budgets, expiry, moments
from server.store.budgets import PlaceKey
from server.store.ids import new_id
from server.store.pool import Connection, Pool
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


async def _ends(db: Connection, minutes: float) -> int:
    return await expiry.end(db, now=NOON + timedelta(minutes=minutes), limit=100)


async def _states(db: Connection) -> dict[int, str]:
    rows = await db.fetch("SELECT id, state FROM moments")
    return {each["id"].int >> 16: each["state"] for each in rows}


async def test_a_moment_ends_at_its_instant_and_not_before(undone: Connection) -> None:
    await moments.insert(undone, moments=[row(0, reserved=None), row(1, reserved=None)])
    assert await _ends(undone, 4.999) == 0
    assert await _ends(undone, 5) == 1
    assert await _states(undone) == {0: "expired", 1: "created"}
    assert await undone.fetchval("SELECT expired_at FROM moments WHERE state = 'expired'") == NOON + timedelta(
        minutes=5
    )
    assert await _ends(undone, 5) == 0


@pytest.mark.parametrize(
    ("state", "minutes", "ends"),
    [
        ("created", 5, True),
        ("delivered", 239, False),
        ("delivered", 240, True),
        ("opened", 240, True),
        ("clicked", 240, True),
        ("dismissed", 9999, False),
        ("accepted", 9999, False),
        ("redeemed", 9999, False),
        ("expired", 9999, False),
    ],
)
async def test_each_state_has_its_own_end(undone: Connection, state: str, minutes: float, ends: bool) -> None:
    await moments.insert(undone, moments=[row(0, reserved=None)])
    await undone.execute("UPDATE moments SET state = $1", state)
    assert await _ends(undone, minutes) == int(ends)
    assert await _states(undone) == {0: "expired" if ends else state}


async def test_what_has_no_end_and_what_was_held_out_stays(undone: Connection) -> None:
    await moments.insert(
        undone, moments=[row(0, valid_until=None, reserved=None), row(1, held_out=True, reserved=None)]
    )
    await undone.execute("UPDATE moments SET state = 'opened' WHERE NOT held_out")
    assert await _ends(undone, 1_000_000) == 0


async def test_the_way_out_ends_with_its_moment_and_says_why(undone: Connection) -> None:
    await moments.insert(undone, moments=[row(0, reserved=None), row(1, reserved=None), row(2, reserved=None)])
    await undone.execute("UPDATE deliveries SET state = 'dead', reason = 'gone' WHERE moment_id = $1", row(1).id)
    await _ends(undone, 6)
    ways = await undone.fetch("SELECT state, reason, finished_at FROM deliveries ORDER BY created_at")
    assert [tuple(way) for way in ways] == [
        ("expired", "undelivered", NOON + timedelta(minutes=6)),
        ("dead", "gone", None),
        ("queued", None, None),
    ]


async def test_the_receipt_says_what_became_of_it(undone: Connection) -> None:
    mine, other = row(0), row(30, reserved=None)
    await moments.insert(undone, moments=[mine, other])
    for moment in (mine, other):
        await undone.execute(
            "INSERT INTO receipts (bucket, id, customer_id, at, moment_id, verdicts) VALUES (77, $1, $2, $3, $1, '[1]')",
            moment.id,
            KIM,
            NOON,
        )
    await _ends(undone, 6)
    told = {
        each["id"]: json.loads(each["verdicts"]) for each in await undone.fetch("SELECT id, verdicts FROM receipts")
    }
    assert told[other.id] == [1]
    first, last = told[mine.id]
    assert first == 1
    assert (last["offer"], last["gate"], last["truth"]) == ("coffee@2", None, "holds")
    assert "given back" in last["reason"]
    assert last["values"]["released"] == mine.reserved


async def test_places_get_their_own_shares_back(pool: Pool) -> None:
    offer = await Town(pool).publish()
    keys = [PlaceKey(offer, store_id(number), "all") for number in (1, 2)]
    async with pool.transaction() as db:
        for number, key in enumerate((keys[0], keys[0], keys[1])):
            held = {"units": 1, "liability": 100, "place_id": str(key.place_id), "period": "all"}
            await moments.insert(db, moments=[row(number, offer_id=offer, reserved=held)])
        await moments.insert(db, moments=[row(9, offer_id=offer, reserved={"units": 1})])
        await budgets.lock(db, offers=[offer], places=keys)
        await budgets.add(db, offers={offer: Used(10, 1000)}, places=dict.fromkeys(keys, 5))
        assert await _ends(db, 60) == 4
        assert await budgets.read(db, offers=[offer], places=keys) == ({offer: Used(6, 700)}, {keys[0]: 3, keys[1]: 4})


async def test_an_end_that_is_rolled_back_gives_nothing_back(pool: Pool) -> None:
    offer = await Town(pool).publish()
    key = PlaceKey(offer, store_id(1), "all")
    await _reserve(pool, offer, key, 2)
    with contextlib.suppress(ZeroDivisionError):
        async with pool.transaction() as db:
            assert await expiry.end(db, now=LATER, limit=10) == 2
            raise ZeroDivisionError
    async with pool.transaction() as db:
        assert set((await _states(db)).values()) == {"created"}
        assert await budgets.read(db, offers=[offer], places=[key]) == ({offer: Used(2, 500)}, {key: 2})


async def test_of_many_jobs_at_once_each_moment_is_ended_by_one(pool: Pool) -> None:
    offer = await Town(pool).publish()
    key = PlaceKey(offer, store_id(1), "all")
    await _reserve(pool, offer, key, 40)

    async def job() -> int:
        async with pool.transaction() as db:
            return await expiry.end(db, now=LATER, limit=7)

    ended = sum(await asyncio.gather(*(job() for _ in range(7))))
    while more := await job():
        ended += more
    assert ended == 40
    async with pool.transaction() as db:
        assert await budgets.read(db, offers=[offer], places=[key]) == ({offer: Used()}, {key: 0})


async def test_a_neighbour_of_the_same_bucket_keeps_what_was_reserved(pool: Pool) -> None:
    offer = await Town(pool).publish()
    async with pool.transaction() as db:
        held = {"units": 1, "liability": 250, "place_id": None, "period": None}
        rows = [
            row(1, offer_id=offer, reserved=held),
            row(2, offer_id=offer, reserved=held, customer_id=new_id(bucket=77)),
        ]
        await moments.insert(db, moments=rows)
        await budgets.lock(db, offers=[offer], places=[])
        await budgets.add(db, offers={offer: Used(2, 500)}, places={})
        await expiry.release_all(db, customer_id=KIM)
        assert (await budgets.read(db, offers=[offer], places=[])).offers == {offer: Used(1, 250)}
        left = await db.fetch("SELECT customer_id FROM moments WHERE reserved IS NOT NULL")
        assert [each["customer_id"] for each in left] == [rows[1].customer_id]
