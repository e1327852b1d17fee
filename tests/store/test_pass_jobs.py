"""Jobs on many passes: every pass once, in portions, from where a killed process left it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from server.model.ids import bucket_of
from server.store import pass_jobs
from server.store.ids import new_id
from server.store.pool import Connection, Pool

OFFER = UUID(int=4711)


async def add_pass(db: Connection, *, offer: UUID = OFFER, state: str = "active", age_s: float = 60) -> UUID:
    serial = new_id()
    await db.execute(
        "INSERT INTO passes (bucket, serial, customer_id, moment_id, offer_id, offer_version, state, design, reward, "
        "uses_total, uses_left, valid_from, key_id, token_sealed, created_at, modified_at) "
        "VALUES ($1, $2, $2, $2, $3, 1, $4, '{}', '{}', 1, 1, now(), 1, '', now() - $5::interval, now() - $5::interval)",
        bucket_of(serial),
        serial,
        offer,
        state,
        timedelta(seconds=age_s),
    )
    return serial


async def begin(pool: Pool, kind: pass_jobs.Kind = "edit", offer: UUID | None = OFFER) -> UUID:
    return await pool.attempt(lambda db: pass_jobs.begin(db, kind=kind, offer_id=offer, by="tests"))


async def portion(pool: Pool, *, limit: int = 2) -> list[UUID]:
    async with pool.transaction() as db:
        held = await pass_jobs.take(db)
        assert held is not None
        rows = await pass_jobs.portion(db, held, limit=limit)
        await pass_jobs.advance(db, held, rows, changed=len(rows), over=len(rows) < limit)
        return [row["serial"] for row in rows]


async def test_every_pass_of_the_offer_is_given_once_in_portions(db: Connection, pool: Pool) -> None:
    mine = {await add_pass(db, age_s=60 + n) for n in range(5)}
    await add_pass(db, offer=new_id())
    job = await begin(pool)
    portions = [await portion(pool) for _ in range(3)]
    assert [len(each) for each in portions] == [2, 2, 1]
    assert {serial for each in portions for serial in each} == mine
    found = await pass_jobs.find(db, job_id=job)
    assert found is not None
    assert (found.state, found.looked, found.changed) == ("done", 5, 5)
    assert found.finished_at is not None


async def test_all_passes_are_walked_by_their_key(db: Connection, pool: Pool) -> None:
    all_ = [await add_pass(db, offer=new_id()) for _ in range(5)]
    await begin(pool, "resign", None)
    seen = [serial for _ in range(3) for serial in await portion(pool)]
    assert seen == sorted(all_, key=lambda serial: (bucket_of(serial), serial))


async def test_passes_issued_at_one_instant_are_all_given(db: Connection, pool: Pool) -> None:
    mine = {await add_pass(db) for _ in range(7)}
    await db.execute("UPDATE passes SET created_at = now() - interval '1 minute'")
    await begin(pool)
    seen = [serial for _ in range(4) for serial in await portion(pool)]
    assert len(seen) == 7
    assert set(seen) == mine


async def test_a_pass_of_the_last_seconds_is_left_until_all_that_was_issued_before_it_is_there(
    db: Connection, pool: Pool
) -> None:
    old = await add_pass(db)
    young = await add_pass(db, age_s=1)
    await begin(pool)
    async with pool.transaction() as own:
        held = await pass_jobs.take(own)
        assert held is not None
        assert not held.last
        rows = await pass_jobs.portion(own, held, limit=10)
        assert [row["serial"] for row in rows] == [old]
        await pass_jobs.advance(own, held, rows, changed=0, over=False)
    await db.execute("UPDATE pass_jobs SET created_at = created_at - interval '1 minute'")
    await db.execute("UPDATE passes SET created_at = created_at - interval '10 seconds'")
    assert await portion(pool) == [young]


async def test_a_rolled_back_portion_is_done_again(db: Connection, pool: Pool) -> None:
    mine = {await add_pass(db) for _ in range(3)}
    await begin(pool)

    async def die(own: Connection) -> None:
        held = await pass_jobs.take(own)
        assert held is not None
        rows = await pass_jobs.portion(own, held, limit=2)
        await pass_jobs.advance(own, held, rows, changed=2, over=False)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await pool.attempt(die)
    assert {serial for _ in range(2) for serial in await portion(pool)} == mine


async def test_a_newer_job_replaces_the_one_under_way_and_other_offers_go_on(db: Connection, pool: Pool) -> None:
    first, other = await begin(pool), await begin(pool, offer=new_id())
    all_ = await begin(pool, "resign", None)
    second = await begin(pool)
    states = {row["id"]: row["state"] for row in await db.fetch("SELECT id, state FROM pass_jobs")}
    assert states == {first: "replaced", second: "running", other: "running", all_: "running"}
    newest = await pass_jobs.newest(db, offer_id=OFFER)
    assert newest is not None
    assert newest.id == second


async def test_of_many_who_begin_one_job_at_once_one_is_running(db: Connection, pool: Pool) -> None:
    await asyncio.gather(*(begin(pool, "resign", None) for _ in range(6)))
    assert await db.fetchval("SELECT count(*) FROM pass_jobs WHERE state = 'running'") == 1


async def test_jobs_take_turns_and_one_that_is_held_is_passed_over(db: Connection, pool: Pool) -> None:
    jobs = [await begin(pool, offer=new_id()) for _ in range(2)]
    async with pool.transaction() as one, pool.transaction() as two, pool.transaction() as three:
        held = [await pass_jobs.take(each) for each in (one, two, three)]
    assert [each and each.id for each in held] == [*jobs, None]
    await db.execute("UPDATE pass_jobs SET looked_at = now() WHERE id = $1", jobs[0])
    async with pool.transaction() as own:
        again = await pass_jobs.take(own)
        assert again is not None
        assert again.id == jobs[1]


@pytest.mark.parametrize(
    ("state", "held", "whose"),
    [
        ("active", False, (True, True)),
        ("active", True, (True, True)),
        ("redeemed", False, (False, False)),
        ("redeemed", True, (False, True)),
        ("voided", True, (False, True)),
        ("expired", True, (False, True)),
    ],
)
async def test_an_edit_is_for_what_can_be_used_and_a_signature_for_what_a_wallet_holds(
    db: Connection, pool: Pool, state: str, held: bool, whose: tuple[bool, bool]
) -> None:
    for whatever, expected in zip((False, True), whose, strict=True):
        serial = await add_pass(db, state=state)
        if held:
            await db.execute(
                "INSERT INTO registrations (bucket, device_hash, pass_type, serial, pass_bucket) VALUES (1, '', 't', $1, $2)",
                serial,
                bucket_of(serial),
            )
        before = await db.fetchval("SELECT modified_at FROM passes WHERE serial = $1", serial)
        async with pool.transaction() as own:
            assert await pass_jobs.mark(own, serials=[serial], whatever_state=whatever) == int(expected)
        row = await db.fetchrow("SELECT tag, modified_at FROM passes WHERE serial = $1", serial)
        assert row is not None
        assert row["tag"] == (-2 if expected else 0)
        assert (row["modified_at"] >= before + timedelta(seconds=1)) is expected


async def test_who_waits_at_a_counter_is_not_put_behind_a_campaign(db: Connection, pool: Pool) -> None:
    serial = await add_pass(db)
    await db.execute("UPDATE passes SET tag = -1")
    async with pool.transaction() as own:
        await pass_jobs.mark(own, serials=[serial])
    assert await db.fetchval("SELECT tag FROM passes") == -1


async def test_what_is_left_is_counted(db: Connection, pool: Pool) -> None:
    assert await pass_jobs.backlog(db) == (0, 0)
    for _ in range(3):
        await add_pass(db)
    await begin(pool)
    await begin(pool, "resign", None)
    async with pool.transaction() as own:
        held = await pass_jobs.take(own)
        assert held is not None
        await pass_jobs.count(own, held)
    assert await pass_jobs.backlog(db) == (2, 3)
