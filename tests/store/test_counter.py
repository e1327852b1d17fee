"""What the counter sees before and after a claim: reasons, holds, and how often a till mistyped."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from server.model.ids import bucket_of
from server.model.money import Money
from server.model.pass_ import PassState
from server.store import counter, redemptions
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.counter_rows import COFFEE, NO_PURCHASE, add_store, set_scene, till

MINUTE = timedelta(minutes=1)


async def test_a_fresh_pass_is_seen_as_it_is(db: Connection, tmp_path: Path) -> None:
    reward = dict(COFFEE) | {"minimum_purchase": {"minor": 500, "currency": "EUR"}}
    scene = await set_scene(db, tmp_path, reward=reward)
    seen = await counter.look(db, serial=scene.serial, till=scene.till)
    assert seen is not None
    assert (seen.serial, seen.state, seen.uses_left, seen.reward) == (scene.serial, PassState.ACTIVE, 1, reward)
    assert (seen.taken_here, seen.held, seen.waits_until, seen.last_at, seen.last_store) == (
        True,
        False,
        None,
        None,
        None,
    )
    assert seen.minimum == Money(500, "EUR")
    assert seen.valid_until is not None
    assert seen.valid_from <= seen.now < seen.valid_until


async def test_what_is_not_there_is_not_seen(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    assert await counter.look(db, serial=new_id(), till=scene.till) is None
    assert await counter.look(db, serial=new_id(bucket=bucket_of(scene.serial)), till=scene.till) is None


async def test_the_latest_redemption_that_stands_is_told(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, uses=3)
    other = await add_store(db)
    made = []
    for by in (scene.till, till(other, name="key:b")):
        done = await redemptions.claim(
            db, id=new_id(bucket=bucket_of(scene.serial)), serial=scene.serial, till=by, purchase=NO_PURCHASE
        )
        assert done is not None
        made.append(done)
    seen = await counter.look(db, serial=scene.serial, till=scene.till)
    assert seen is not None
    assert (seen.last_at, seen.last_store) == (made[1].redeemed_at, other)
    await redemptions.reverse(
        db,
        id=new_id(bucket=bucket_of(scene.serial)),
        redemption_id=made[1].id,
        store_id=None,
        window=MINUTE,
        by="user:boss",
        reason="test",
    )
    seen = await counter.look(db, serial=scene.serial, till=scene.till)
    assert seen is not None
    assert (seen.last_at, seen.last_store) == (made[0].redeemed_at, scene.store_id)


async def test_a_tag_and_a_list_of_places_must_both_agree(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    for sets, taken in (
        ("places = NULL, place_tag = NULL", True),
        (f"places = ARRAY['{scene.store_id}'::uuid]", True),
        ("place_tag = 'store'", True),
        ("place_tag = 'kiosk'", False),
        ("places = '{}', place_tag = NULL", False),
    ):
        await db.execute(f"UPDATE passes SET {sets}")
        seen = await counter.look(db, serial=scene.serial, till=scene.till)
        assert seen is not None
        assert seen.taken_here is taken


async def test_a_hold_is_anothers_business_only_for_another(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    until = await counter.hold(db, serial=scene.serial, till=scene.till, length=MINUTE)
    now = await db.fetchval("SELECT clock_timestamp()")
    assert until is not None
    assert timedelta(seconds=50) < until - now <= MINUTE
    own = await counter.look(db, serial=scene.serial, till=scene.till)
    other = await counter.look(db, serial=scene.serial, till=till(scene.store_id, name="key:b"))
    assert own is not None
    assert other is not None
    assert (own.held, other.held) == (False, True)


async def test_the_holder_may_prolong_and_nobody_else_take_over(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    first = await counter.hold(db, serial=scene.serial, till=scene.till, length=MINUTE)
    assert await counter.hold(db, serial=scene.serial, till=till(scene.store_id, name="key:b"), length=MINUTE) is None
    second = await counter.hold(db, serial=scene.serial, till=scene.till, length=2 * MINUTE)
    assert first is not None
    assert second is not None
    assert second > first


@pytest.mark.parametrize(
    "sets",
    [
        "state = 'voided'",
        "uses_left = 0, uses_made = 1",
        "valid_from = clock_timestamp() + interval '5 s'",
        "valid_until = clock_timestamp()",
        "places = '{}'",
        "place_tag = 'kiosk'",
    ],
)
async def test_what_could_not_be_redeemed_is_not_held(db: Connection, tmp_path: Path, sets: str) -> None:
    scene = await set_scene(db, tmp_path)
    await db.execute(f"UPDATE passes SET {sets}")
    assert await counter.hold(db, serial=scene.serial, till=scene.till, length=MINUTE) is None


async def test_wrong_codes_are_counted_per_till_from_the_first_one_on(db: Connection) -> None:
    counts = [await counter.count_wrong(db, till_id="key:a") for _ in range(3)]
    assert [found.times for found in counts] == [1, 2, 3]
    assert all(0 < found.rest_s <= 60 for found in counts)
    assert counts[0].rest_s >= counts[2].rest_s
    assert (await counter.count_wrong(db, till_id="key:b")).times == 1


async def test_a_minute_after_the_first_one_the_count_begins_anew(db: Connection) -> None:
    for _ in range(5):
        await counter.count_wrong(db, till_id="key:a")
    await db.execute("UPDATE wrong_codes SET since = since - interval '59 s'")
    assert (await counter.count_wrong(db, till_id="key:a")).times == 6
    await db.execute("UPDATE wrong_codes SET since = since - interval '1 s'")
    assert (await counter.count_wrong(db, till_id="key:a")).times == 1


async def test_at_once_none_is_lost(db: Connection, cleared: Pool) -> None:
    async def one() -> int:
        async with cleared.transaction() as own:
            return (await counter.count_wrong(own, till_id="key:a")).times

    assert sorted(await asyncio.gather(*(one() for _ in range(40)))) == list(range(1, 41))


async def test_a_till_that_gave_too_many_waits_until_its_minute_is_over(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    by = till(scene.store_id, wrong_codes=2)
    waits = []
    for _ in range(3):
        seen = await counter.look(db, serial=scene.serial, till=by)
        assert seen is not None
        waits.append(seen.waits_until)
        await counter.count_wrong(db, till_id=by.id)
    assert waits[:2] == [None, None]
    assert waits[2] is not None
    assert waits[2] == await db.fetchval("SELECT since + interval '1 minute' FROM wrong_codes")
