"""Passes at rest: found by their owner alone, listed in order, ended once by time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from server.model.ids import bucket_of
from server.model.pass_ import PassState
from server.pipeline.accept import accept
from server.store import passes
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.counter_rows import Scene, add_customer, add_moment, add_offer, gathered, row_of, set_scene
from tests.lives import MORNING, decide
from tests.lives import accept as give_out
from tests.lives import row as moment_row

LATE = datetime(2100, 1, 1, tzinfo=UTC)


async def another(db: Connection, scene: Scene) -> None:
    moment_id = await add_moment(db, customer_id=scene.customer_id, offer_id=scene.offer_id)
    async with db.transaction():
        await accept(db, moment_id=moment_id, customer_id=scene.customer_id, desk=scene.desk)


async def test_a_pass_is_read_as_it_was_written(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, uses=3, redeem_at={"tag": "store"})
    found = await passes.find(db, serial=scene.serial)
    assert found is not None
    assert (found.serial, found.moment_id, found.offer_id) == (scene.serial, scene.moment_id, scene.offer_id)
    assert (found.uses_total, found.uses_left, found.place_tag, found.places) == (3, 3, "store", None)
    assert (found.card.title, found.card.spots[0].id) == ("Coffee on us", scene.store_id)
    assert await passes.of_moment(db, moment_id=scene.moment_id) == found


async def test_a_pass_is_its_owners_alone(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    stranger = new_id(bucket=bucket_of(scene.customer_id))
    assert await passes.find(db, serial=scene.serial, customer_id=scene.customer_id) is not None
    assert await passes.find(db, serial=scene.serial, customer_id=stranger) is None
    assert await passes.find(db, serial=new_id()) is None
    assert await passes.of_moment(db, moment_id=new_id()) is None


async def test_pages_hold_each_pass_once_the_newest_first(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    for _ in range(6):
        await another(db, scene)
    seen, after = [], None
    while page := await passes.page(db, customer_id=scene.customer_id, limit=3, after=after):
        seen += page
        after = page[-1].created_at, page[-1].serial
    assert len({each.serial for each in seen}) == 7
    assert [each.created_at for each in seen] == sorted((each.created_at for each in seen), reverse=True)
    assert await passes.page(db, customer_id=await add_customer(db), limit=3, after=None) == []


async def expire(db: Connection, *, now: datetime = LATE, limit: int = 100) -> int:
    async with db.transaction():
        return await passes.expire(db, now=now, limit=limit)


async def test_a_pass_is_over_at_its_end_and_not_an_instant_before(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    found = await passes.find(db, serial=scene.serial)
    assert found is not None
    assert found.valid_until is not None
    assert found.state_at(found.valid_until - timedelta(microseconds=1)) is PassState.ACTIVE
    assert found.state_at(found.valid_until) is PassState.EXPIRED
    assert await expire(db, now=found.valid_until - timedelta(microseconds=1)) == 0
    assert await expire(db, now=found.valid_until) == 1
    row = await row_of(db, scene.serial)
    assert (row["state"], row["tag"]) == ("expired", -2)
    assert tuple(await db.fetchrow("SELECT state, expired_at FROM moments")) == ("expired", found.valid_until)


async def test_a_pass_expires_once_and_its_reservation_comes_back_once(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, reserved={"units": 1, "liability": 250, "place_id": None, "period": None})
    await db.execute("UPDATE budgets SET units = 5, liability = 1250 WHERE offer_id = $1", scene.offer_id)
    assert [await expire(db) for _ in range(3)] == [1, 0, 0]
    assert tuple(await db.fetchrow("SELECT units, liability FROM budgets")) == (4, 1000)


async def test_of_many_jobs_at_once_each_pass_is_ended_by_one(db: Connection, pool: Pool, tmp_path: Path) -> None:
    reserved = {"units": 1, "liability": 250, "place_id": None, "period": None}
    scene = await set_scene(db, tmp_path, reserved=reserved)
    for _ in range(19):
        await another(db, scene)
    await db.execute("UPDATE moments SET reserved = $1", '{"units": 1, "liability": 250}')
    await db.execute("UPDATE budgets SET units = 20, liability = 5000 WHERE offer_id = $1", scene.offer_id)

    async def job() -> int:
        async with pool.transaction() as own:
            return await passes.expire(own, now=LATE, limit=7)

    counts = await gathered(*(job() for _ in range(8)))
    while count := await expire(db, limit=7):
        counts.append(count)
    assert sum(counts) == 20
    assert tuple(await db.fetchrow("SELECT units, liability FROM budgets")) == (0, 0)


async def test_what_has_no_end_or_is_over_already_does_not_expire(db: Connection, tmp_path: Path) -> None:
    endless = await set_scene(db, tmp_path, valid_until=None)
    voided = await set_scene(db, tmp_path)
    await db.execute("UPDATE passes SET state = 'voided' WHERE serial = $1", voided.serial)
    assert await expire(db) == 0
    assert (await row_of(db, endless.serial))["state"] == "active"


async def test_several_offers_give_back_each_to_its_own_budget(db: Connection, tmp_path: Path) -> None:
    reserved = {"units": 1, "liability": 250, "place_id": None, "period": None}
    scenes = [await set_scene(db, tmp_path, reserved=reserved) for _ in range(3)]
    await another(db, scenes[0])
    await db.execute("UPDATE moments SET reserved = $1", '{"units": 1, "liability": 250}')
    await db.execute("UPDATE budgets SET units = 10, liability = 10000")
    assert await expire(db) == 4
    left = {row["offer_id"]: row["units"] for row in await db.fetch("SELECT offer_id, units FROM budgets")}
    assert [left[scene.offer_id] for scene in scenes] == [8, 9, 9]


async def test_every_change_comes_at_least_a_second_after_the_one_before(db: Connection, tmp_path: Path) -> None:
    """A phone compares whole seconds (Last-Modified): a second change within one would be hidden from it."""
    scene = await set_scene(db, tmp_path)
    before = (await row_of(db, scene.serial))["modified_at"]
    async with db.transaction():
        await passes.void(db, serial=scene.serial, reason="now")
    after = (await row_of(db, scene.serial))["modified_at"]
    assert after - before >= timedelta(seconds=1)


async def _passes(db: Connection, count: int, *, offer: UUID | None = None, customer: UUID | None = None) -> list[UUID]:
    """Give out passes, each of a moment that has reserved a unit of 250; the budget counts them."""
    offer, customer = offer or await add_offer(db), customer or await add_customer(db)
    taken = []
    for number in range(count):
        held = {"units": 1, "liability": 250, "place_id": None, "period": None}
        moment = moment_row(
            bucket=bucket_of(customer),
            id=new_id(bucket=bucket_of(customer)),
            customer_id=customer,
            offer_id=offer,
            reserved=held,
            created_at=MORNING + timedelta(minutes=number),
        )
        await decide(db, moment)
        taken.append((await give_out(db, moment)).serial)
    await db.execute(
        "UPDATE budgets SET units = $2::bigint, liability = $2::bigint * 250 WHERE offer_id = $1", offer, count
    )
    return taken


async def _budget_of(db: Connection, serial: UUID) -> tuple[int, int]:
    row = await db.fetchrow(
        "SELECT units, liability FROM budgets WHERE offer_id = (SELECT offer_id FROM passes WHERE serial = $1)", serial
    )
    assert row is not None
    return row["units"], row["liability"]


async def test_an_offers_passes_are_voided_in_portions_and_no_other_offers(undone: Connection) -> None:
    mine, others = await _passes(undone, 5), await _passes(undone, 2)
    offer = (await row_of(undone, mine[0]))["offer_id"]
    assert [await passes.void_offer(undone, offer_id=offer, reason="recall", limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert [(await row_of(undone, each))["state"] for each in [*mine, *others]] == ["voided"] * 5 + ["active"] * 2
    assert {(await row_of(undone, each))["void_reason"] for each in mine} == {"recall"}
    assert (await _budget_of(undone, mine[0]), await _budget_of(undone, others[0])) == ((0, 0), (2, 500))
    assert await passes.void_offer(undone, offer_id=new_id(), reason="recall", limit=9) == 0


async def test_a_customers_passes_are_voided_and_not_a_neighbours(undone: Connection) -> None:
    offer, customer = await add_offer(undone), await add_customer(undone)
    neighbour = new_id(bucket=bucket_of(customer))
    theirs = await _passes(undone, 1, offer=offer, customer=neighbour)
    mine = await _passes(undone, 3, offer=offer, customer=customer)
    assert await passes.void_customer(undone, customer_id=customer, reason="erased") == 3
    assert await passes.void_customer(undone, customer_id=customer, reason="erased") == 0
    assert await passes.void_customer(undone, customer_id=new_id(bucket=bucket_of(customer)), reason="erased") == 0
    assert [(await row_of(undone, each))["state"] for each in [*mine, *theirs]] == ["voided"] * 3 + ["active"]
    assert await _budget_of(undone, mine[0]) == (0, 0)


@pytest.mark.parametrize(
    ("before", "done"), [("active", True), ("redeemed", False), ("expired", False), ("voided", False)]
)
async def test_only_an_active_pass_is_voided_and_the_state_before_is_told(
    undone: Connection, before: str, done: bool
) -> None:
    [serial] = await _passes(undone, 1)
    await undone.execute("UPDATE passes SET state = $2 WHERE serial = $1", serial, before)
    was = await row_of(undone, serial)
    told = await passes.void(undone, serial=serial, reason="lost")
    assert told is not None
    assert (told.before, told.done) == (PassState(before), done)
    row = await row_of(undone, serial)
    if not done:
        assert row == was
    else:
        assert (row["state"], row["void_reason"], row["voided_at"], row["tag"]) == ("voided", "lost", told.at, -1)
    assert await _budget_of(undone, serial) == ((0, 0) if done else (1, 250))


async def test_what_is_not_there_is_not_voided(undone: Connection) -> None:
    assert await passes.void(undone, serial=new_id(), reason="lost") is None


async def test_a_hold_ends_with_the_pass(undone: Connection) -> None:
    [first, second] = await _passes(undone, 2)
    await undone.execute("UPDATE passes SET held_by = 'key:a', held_until = now() + interval '1 hour'")
    await passes.void(undone, serial=first, reason="lost")
    await undone.execute("UPDATE passes SET valid_until = $2 WHERE serial = $1", second, MORNING)
    assert await passes.expire(undone, now=LATE, limit=9) == 1
    for serial in (first, second):
        row = await row_of(undone, serial)
        assert (row["held_by"], row["held_until"]) == (None, None)


@pytest.mark.parametrize(
    ("left", "units", "liability"),
    [(3, 0, 0), (2, 1, 100), (1, 1, 200)],
)
async def test_of_a_pass_that_was_used_the_unit_stays_spent_and_the_unused_liability_comes_back(
    undone: Connection, left: int, units: int, liability: int
) -> None:
    [serial] = await _passes(undone, 1)
    moment = (await row_of(undone, serial))["moment_id"]
    await undone.execute("UPDATE moments SET reserved = $2 WHERE id = $1", moment, '{"units": 1, "liability": 300}')
    await undone.execute("UPDATE budgets SET units = 1, liability = 300")
    await undone.execute(
        "UPDATE passes SET uses_total = 3, uses_left = $2::int, uses_made = 3 - $2::int WHERE serial = $1", serial, left
    )
    await passes.void(undone, serial=serial, reason="lost")
    assert await _budget_of(undone, serial) == (units, liability)


async def test_a_void_that_is_rolled_back_was_none(undone: Connection) -> None:
    [serial] = await _passes(undone, 1)
    was = await row_of(undone, serial)
    attempt = undone.transaction()
    await attempt.start()
    await passes.void(undone, serial=serial, reason="lost")
    await attempt.rollback()
    assert (await row_of(undone, serial), await _budget_of(undone, serial)) == (was, (1, 250))


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_pages_have_no_gaps_where_passes_were_made_at_one_instant(undone: Connection, limit: int) -> None:
    customer = await add_customer(undone)
    serials = await _passes(undone, 5, customer=customer)
    await undone.execute("UPDATE passes SET created_at = $1", MORNING)
    seen: list[UUID] = []
    while found := await passes.page(
        undone, customer_id=customer, limit=limit, after=(MORNING, seen[-1]) if seen else None
    ):
        seen += [each.serial for each in found]
    assert seen == sorted(serials, reverse=True)


async def test_of_two_who_void_a_pass_at_once_one_has_done_it_and_its_budget_comes_back_once(shared_pool: Pool) -> None:
    async with shared_pool.transaction() as db:
        [serial] = await _passes(db, 1)

    async def void(number: int) -> bool:
        async with shared_pool.transaction() as db:
            told = await passes.void(db, serial=serial, reason=f"reason {number}")
        assert told is not None
        return told.done

    done = await asyncio.gather(*(void(number) for number in range(6)))
    assert sum(done) == 1
    async with shared_pool.acquire() as db:
        assert (await row_of(db, serial))["void_reason"] == f"reason {done.index(True)}"
        assert await _budget_of(db, serial) == (0, 0)
