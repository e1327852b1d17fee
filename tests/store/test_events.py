"""Events of the app: once by their id, on held moments (their meaning is tested in tests/pipeline/test_respond.py)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from server.model.moment import Step
from server.store import events, moments
from server.store.events import AppEvent
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.builders import NOON
from tests.store.test_moments import KIM, row
from tests.store.waits import blocked


async def test_only_ones_own_shown_moments_are_held(db: Connection) -> None:
    mine, other, spared = row(1), row(2, customer_id=new_id(bucket=77)), row(3, held_out=True)
    await moments.insert(db, moments=[mine, other, spared])
    async with db.transaction():
        held = await events.hold(db, customer_id=KIM, moments=[mine.id, other.id, spared.id, new_id(), mine.id])
    assert set(held) == {mine.id}
    assert (held[mine.id].state, held[mine.id].deliver_by) == (Step.CREATED, mine.deliver_by)


async def test_an_event_is_stored_once_whatever_it_says_the_second_time(db: Connection) -> None:
    one, two = (AppEvent(new_id(), row().id, "opened", NOON) for _ in range(2))
    assert await events.insert(db, customer_id=KIM, events=[one]) == {one.id}
    again = one._replace(type="clicked")
    assert await events.insert(db, customer_id=KIM, events=[again, two]) == {two.id}
    rows = await db.fetch("SELECT id, bucket, type, customer_id FROM app_events")
    assert {(each["id"], each["bucket"], each["type"], each["customer_id"]) for each in rows} == {
        (one.id, 77, "opened", KIM),
        (two.id, 77, "opened", KIM),
    }


async def test_a_step_is_written_and_what_was_seen_need_not_be_sent_any_more(db: Connection) -> None:
    made = [row(1), row(2)]
    await moments.insert(db, moments=made)
    await db.execute("UPDATE deliveries SET state = 'dead' WHERE moment_id = $1", made[1].id)
    seen = NOON + timedelta(minutes=9)
    async with db.transaction():
        held = await events.hold(db, customer_id=KIM, moments=[each.id for each in made])
        stepped = [replace(each, state=Step.OPENED, delivered_at=seen, opened_at=seen) for each in held.values()]
        await events.step(db, standings=stepped)
        assert list((await events.hold(db, customer_id=KIM, moments=[made[0].id])).values()) == [stepped[0]]
    ways = await db.fetch("SELECT state FROM deliveries ORDER BY created_at")
    assert [way["state"] for way in ways] == ["delivered", "dead"]


async def test_nothing_is_done_for_nothing(undone: Connection) -> None:
    assert await events.hold(undone, customer_id=KIM, moments=[]) == {}
    assert await events.insert(undone, customer_id=KIM, events=[]) == set()
    await events.step(undone, standings=[])
    assert await undone.fetchval("SELECT count(*) FROM app_events") == 0


async def test_a_neighbour_of_the_same_bucket_is_not_the_customer(undone: Connection) -> None:
    neighbour = new_id(bucket=77)
    await moments.insert(undone, moments=[row(1)])
    assert await events.hold(undone, customer_id=neighbour, moments=[row(1).id]) == {}


async def test_a_moment_of_nobody_is_nobodys(undone: Connection) -> None:
    await moments.insert(undone, moments=[row(1)])
    await undone.execute("UPDATE moments SET customer_id = NULL")
    assert await events.hold(undone, customer_id=KIM, moments=[row(1).id]) == {}


async def test_one_id_twice_in_a_request_is_one_event(undone: Connection) -> None:
    one = AppEvent(new_id(), row().id, "opened", NOON)
    assert await events.insert(undone, customer_id=KIM, events=[one, one._replace(type="clicked")]) == {one.id}
    assert await undone.fetchval("SELECT array_agg(type) FROM app_events") == ["opened"]


async def test_events_are_told_apart_by_bucket_and_the_phones_time_is_kept(undone: Connection) -> None:
    one, elsewhere = AppEvent(new_id(), row().id, "opened", NOON - timedelta(days=300)), new_id(bucket=78)
    for customer in (KIM, elsewhere):
        assert await events.insert(undone, customer_id=customer, events=[one]) == {one.id}
    rows = await undone.fetch("SELECT bucket, customer_id, at, received_at FROM app_events ORDER BY bucket")
    assert [(each["bucket"], each["customer_id"]) for each in rows] == [(77, KIM), (78, elsewhere)]
    assert {each["at"] for each in rows} == {one.at}
    assert all(each["received_at"] > one.at for each in rows)


async def test_an_event_that_no_app_tells_is_refused_by_the_database(undone: Connection) -> None:
    wrong: Any = "redeemed"
    with pytest.raises(asyncpg.CheckViolationError):
        await events.insert(undone, customer_id=KIM, events=[AppEvent(new_id(), row().id, wrong, NOON)])


@pytest.mark.parametrize("before", ["queued", "leased", "delivered", "expired", "dead", "suppressed"])
async def test_only_what_was_on_its_way_has_now_arrived(undone: Connection, before: str) -> None:
    made = [row(1), row(2)]
    await moments.insert(undone, moments=made)
    await undone.execute("UPDATE deliveries SET state = $1, leased_until = now()", before)
    held = await events.hold(undone, customer_id=KIM, moments=[made[0].id])
    await events.step(undone, standings=[replace(held[made[0].id], state=Step.DELIVERED, delivered_at=NOON)])
    ways = {
        each["moment_id"]: (each["state"], each["finished_at"] is not None, each["leased_until"] is None)
        for each in await undone.fetch("SELECT moment_id, state, finished_at, leased_until FROM deliveries")
    }
    arrives = before in ("queued", "leased")
    assert ways == {
        made[0].id: ("delivered", True, True) if arrives else (before, False, False),
        made[1].id: (before, False, False),
    }


async def test_a_step_changes_the_named_moments_and_leaves_nothing_out(undone: Connection) -> None:
    made = [row(number) for number in range(1, 4)]
    await moments.insert(undone, moments=made)
    held = await events.hold(undone, customer_id=KIM, moments=[each.id for each in made[:2]])
    times = [NOON + timedelta(minutes=minutes) for minutes in range(4)]
    stepped = {
        made[0].id: replace(
            held[made[0].id], state=Step.CLICKED, delivered_at=times[0], opened_at=times[1], clicked_at=times[2]
        ),
        made[1].id: replace(held[made[1].id], state=Step.DISMISSED, delivered_at=times[0], dismissed_at=times[3]),
    }
    await events.step(undone, standings=list(stepped.values()))
    after = await events.hold(undone, customer_id=KIM, moments=[each.id for each in made])
    assert {key: after[key] for key in stepped} == stepped
    assert after[made[2].id].state is Step.CREATED


async def test_two_phones_of_a_customer_take_their_turns_and_none_sees_half(shared_pool: Pool) -> None:
    mine = row(41)
    async with shared_pool.transaction() as db:
        await moments.insert(db, moments=[mine])

    async def second() -> Step:
        async with shared_pool.transaction() as db:
            return (await events.hold(db, customer_id=KIM, moments=[mine.id]))[mine.id].state

    async with shared_pool.transaction() as first:
        held = await events.hold(first, customer_id=KIM, moments=[mine.id])
        waiting = asyncio.create_task(second())
        while not await blocked(first):
            await asyncio.sleep(0.01)
        await events.step(
            first, standings=[replace(held[mine.id], state=Step.OPENED, delivered_at=NOON, opened_at=NOON)]
        )
    assert await waiting is Step.OPENED


async def test_moments_held_in_any_order_by_many_end_no_one_in_a_deadlock(shared_pool: Pool) -> None:
    made = [row(number) for number in range(50, 70)]
    async with shared_pool.transaction() as db:
        await moments.insert(db, moments=made)
    ids = [each.id for each in made]

    async def work(turn: int) -> int:
        async with shared_pool.transaction() as db:
            return len(await events.hold(db, customer_id=KIM, moments=ids[turn:] + ids[:turn]))

    assert await asyncio.gather(*(work(turn) for turn in range(0, 20, 3))) == [20] * 7
