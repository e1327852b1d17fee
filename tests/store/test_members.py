"""Who is in which segment, as rows; and the place of the job that judges everybody."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from server.model.ids import bucket_of
from server.store import members, segments
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.store.waits import blocked

HOUR = timedelta(hours=1)


async def rows(db: Connection) -> set[tuple[UUID, str]]:
    return {
        (row["customer_id"], row["segment"])
        for row in await db.fetch("SELECT customer_id, segment FROM segment_members")
    }


async def add_customers(db: Connection, count: int) -> list[UUID]:
    made = sorted((new_id() for _ in range(count)), key=lambda each: (bucket_of(each), each.int))
    await db.executemany(
        "INSERT INTO customers (bucket, id, profiling) VALUES ($1, $2, $3)",
        [(bucket_of(each), each, place % 2 == 0) for place, each in enumerate(made)],
    )
    return made


async def test_what_is_written_is_what_they_are_in_and_nothing_else_and_others_stay(undone: Connection) -> None:
    kim, robin, other = new_id(), new_id(), new_id()
    await members.write(undone, members={kim: ["a", "b"], robin: ["a"], other: ["a"]})
    since = await undone.fetchval("SELECT since FROM segment_members WHERE customer_id = $1 AND segment = 'b'", kim)
    await members.write(undone, members={kim: ["b", "c"], robin: []})
    assert await rows(undone) == {(kim, "b"), (kim, "c"), (other, "a")}
    assert since == await undone.fetchval(
        "SELECT since FROM segment_members WHERE customer_id = $1 AND segment = 'b'", kim
    )
    await members.write(undone, members={})
    assert len(await rows(undone)) == 3


async def test_who_leaves_all_leaves_those_told_from_outside_too(undone: Connection) -> None:
    kim, robin = await add_customers(undone, 2)
    await undone.execute("UPDATE customers SET segments = '{vip}'")
    await members.write(undone, members={kim: ["a"], robin: ["a"]})
    await members.leave_all(undone, customer_id=kim)
    assert await rows(undone) == {(robin, "a")}
    told = "SELECT id, segments FROM customers ORDER BY bucket, id"
    assert [tuple(row) for row in await undone.fetch(told)] == [(kim, []), (robin, ["vip"])]


async def test_what_is_told_is_kept_of_who_agreed_alone(undone: Connection) -> None:
    everybody = await add_customers(undone, 3)
    for each in everybody:
        await members.tell(undone, customer_id=each, names=["press", "vip"])
    told = await undone.fetch("SELECT segments FROM customers ORDER BY bucket, id")
    assert [row["segments"] for row in told] == [["press", "vip"], [], ["press", "vip"]]


async def test_of_two_who_judge_a_customer_one_waits_and_neighbours_do_not(pool: Pool) -> None:
    kim, robin = new_id(), new_id()

    async def second(*customers: UUID) -> None:
        async with pool.transaction() as db:
            await members.lock(db, customers=customers)

    async with pool.transaction() as first:
        await members.lock(first, customers=[kim])
        await second(robin)
        waiting = asyncio.create_task(second(robin, kim))
        while not await blocked(first):
            await asyncio.sleep(0.01)
    await waiting


async def test_the_job_is_due_for_a_segment_that_was_never_counted_and_when_its_time_has_come(
    undone: Connection,
) -> None:
    assert not await members.is_due(undone, every=HOUR)
    await segments.insert(undone, name="a", document={})
    assert await members.is_due(undone, every=HOUR)
    await members.begin(undone, counts={"a": 0, "gone": 0})
    await members.finish(undone, counts={"a": 7})
    assert not await members.is_due(undone, every=HOUR)
    assert await members.is_due(undone, every=timedelta(0))
    [row] = await segments.page(undone, after=None, limit=9)
    held = await members.hold(undone)
    assert held is not None
    assert (row.size, row.refreshed_at, held.counts) == (7, held.started_at, None)
    await segments.insert(undone, name="b", document=None)
    assert await members.is_due(undone, every=HOUR)


async def test_the_job_goes_through_everybody_once_in_the_order_of_the_key(undone: Connection) -> None:
    everybody = await add_customers(undone, 5)
    await segments.insert(undone, name="a", document={})
    await members.begin(undone, counts={"a": 0, "wet": None})
    seen: list[tuple[UUID, bool]] = []
    while True:
        held = await members.hold(undone)
        assert held is not None
        assert held.counts == {"a": len(seen), "wet": None}
        turn = await members.following(undone, sweep=held, limit=2)
        seen += turn
        if not turn:
            break
        await members.advance(undone, last=turn[-1].id, counts={"a": len(seen), "wet": None})
    assert [each for each, _ in seen] == everybody
    assert [agreed for _, agreed in seen] == [True, False, True, False, True]


async def test_somebody_else_who_comes_to_the_jobs_place_goes_away(pool: Pool) -> None:
    async with pool.transaction() as one, pool.transaction() as other:
        assert await members.hold(one) is not None
        assert await members.hold(other) is None


@pytest.mark.parametrize("small", [0, 1])
async def test_nobody_to_judge_is_no_trouble(undone: Connection, small: int) -> None:
    await members.lock(undone, customers=[new_id()] * small)
    await members.finish(undone, counts={})
