"""Passes at rest: found by their owner alone, listed in order, ended once by time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from server.model.ids import bucket_of
from server.model.pass_ import PassState
from server.pipeline.accept import accept
from server.store import passes
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.counter_rows import Scene, add_customer, add_moment, gathered, row_of, set_scene

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
    assert (row["state"], row["tag"]) == ("expired", -1)
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
