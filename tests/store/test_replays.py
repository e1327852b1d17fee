"""A replay's row: one worker, no lost work, and nothing written for one that nobody waits for."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from server.store import replays
from server.store.ids import new_id
from server.store.pool import Connection, connect
from server.store.replays import ATTEMPTS, ReplayRow
from tests.builders import NOON


async def asked(db: Connection, *, most: int = 10) -> ReplayRow | None:
    return await replays.ask(
        db,
        id=new_id(),
        offer_id=UUID(int=1),
        version=2,
        start=NOON,
        end=NOON + timedelta(days=3),
        asked_by="key:1",
        most=most,
    )


async def state_of(db: Connection, row: ReplayRow) -> tuple[str, float, str | None]:
    found = await replays.find(db, replay_id=row.id)
    assert found is not None
    return found.state, found.progress, found.reason


async def test_replays_are_taken_in_their_order_and_end_with_their_result(db: Connection) -> None:
    one, two = await asked(db), await asked(db)
    assert one is not None
    assert two is not None
    taken = await replays.take(db)
    assert taken is not None
    assert (taken.id, taken.state, taken.offer_id, taken.version) == (one.id, "running", UUID(int=1), 2)
    assert await replays.beat(db, replay_id=one.id, progress=0.25)
    assert await state_of(db, one) == ("running", 0.25, None)
    await replays.finish(db, replay_id=one.id, result={"moments": 3})
    found = await replays.find(db, replay_id=one.id)
    assert found is not None
    assert (found.state, found.progress, found.result) == ("done", 1, {"moments": 3})
    assert found.finished_at is not None
    taken = await replays.take(db)
    assert taken is not None
    assert taken.id == two.id
    await replays.finish(db, replay_id=two.id, result=None, reason="Too large.")
    assert await state_of(db, two) == ("failed", 0, "Too large.")
    assert await replays.take(db) is None


async def test_only_so_many_wait(db: Connection) -> None:
    assert await asked(db, most=2) is not None
    assert await asked(db, most=2) is not None
    assert await asked(db, most=2) is None
    await replays.take(db)
    assert await asked(db, most=2) is None, "one that runs is one of them"


async def test_a_cancelled_replay_takes_no_progress_and_no_result(db: Connection) -> None:
    row = await asked(db)
    assert row is not None
    await replays.take(db)
    await replays.cancel(db, replay_id=row.id)
    assert not await replays.beat(db, replay_id=row.id, progress=0.5)
    await replays.finish(db, replay_id=row.id, result={"moments": 3})
    assert await state_of(db, row) == ("cancelled", 0, None)
    done = await asked(db)
    assert done is not None
    await replays.take(db)
    await replays.finish(db, replay_id=done.id, result={})
    await replays.cancel(db, replay_id=done.id)
    assert (await state_of(db, done))[0] == "done"


async def test_what_a_dead_worker_left_is_taken_up_once_and_then_given_up(db: Connection) -> None:
    row = await asked(db)
    assert row is not None
    for _ in range(ATTEMPTS):
        taken = await replays.take(db)
        assert taken is not None
        assert taken.id == row.id
        await replays.beat(db, replay_id=row.id, progress=0.5)
    assert await replays.take(db) is None
    state, _, reason = await state_of(db, row)
    assert (state, reason) == ("failed", "Its process was ended twice before it was done.")


async def test_work_waits_where_nobody_took_it_or_its_worker_is_silent(db: Connection) -> None:
    assert not await replays.waiting(db, silent_s=30)
    row = await asked(db)
    assert row is not None
    assert await replays.waiting(db, silent_s=30)
    await replays.take(db)
    assert not await replays.waiting(db, silent_s=30)
    await db.execute("UPDATE replays SET beat_at = beat_at - interval '31 s'")
    assert await replays.waiting(db, silent_s=30)


async def test_there_is_one_worker_until_it_is_none_any_more(db: Connection, db_dsn: str) -> None:
    async with connect(db_dsn, application_name="one") as one, connect(db_dsn, application_name="two") as two:
        assert await replays.try_lock(one)
        assert not await replays.try_lock(two)
        await replays.unlock(one)
        assert await replays.try_lock(two)
