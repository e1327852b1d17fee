"""An edit walks through an offer's passes while everything goes on, and ends when each was looked at."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from server.errors import Unavailable
from server.pipeline import authoring, pass_jobs
from server.store import pass_jobs as rows
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.store.test_pass_jobs import OFFER, add_pass
from tests.web.authors import BY, PROGRAMME, document


async def touch(pool: Pool) -> UUID:
    job = await pool.attempt(lambda db: pass_jobs.touch(db, offer_id=OFFER, by="tests"))
    async with pool.acquire() as db:  # long ago: nothing that was issued before is still to be committed
        await db.execute("UPDATE pass_jobs SET created_at = now() - interval '10 seconds' WHERE id = $1", job)
    return job


async def marked(db: Connection) -> set[UUID]:
    return {row["serial"] for row in await db.fetch("SELECT serial FROM passes WHERE tag = -2")}


async def test_an_edit_marks_every_pass_and_tells_how_far_it_is(db: Connection, pool: Pool) -> None:
    mine = {await add_pass(db) for _ in range(5)}
    spent = await add_pass(db, state="redeemed")
    job = await touch(pool)
    assert await pool.attempt(lambda own: pass_jobs.step(own, limit=4)) == 4
    half = await rows.find(db, job_id=job)
    assert half is not None
    assert (half.state, half.total, half.looked) == ("running", 6, 4)
    assert await pass_jobs.work(pool, limit=4) == 2
    whole = await rows.find(db, job_id=job)
    assert whole is not None
    assert (whole.state, whole.total, whole.looked, whole.changed) == ("done", 6, 6, 5)
    assert await marked(db) == mine
    assert spent not in mine
    assert await pass_jobs.work(pool) == 0


async def test_what_comes_out_the_same_is_left_alone(db: Connection, pool: Pool) -> None:
    mine = [await add_pass(db) for _ in range(4)]
    await touch(pool)

    async def redraw(own: Connection, offer_id: UUID, serials: Sequence[UUID]) -> Sequence[UUID]:
        assert offer_id == OFFER
        return [serial for serial in serials if serial in mine[:2]]

    await pass_jobs.work(pool, redraw=redraw)
    assert await marked(db) == set(mine[:2])


async def test_a_job_ends_only_when_what_was_under_way_at_its_beginning_is_settled(db: Connection, pool: Pool) -> None:
    job = await pool.attempt(lambda own: pass_jobs.touch(own, offer_id=OFFER, by="tests"))
    await pass_jobs.work(pool)
    found = await rows.find(db, job_id=job)
    assert found is not None
    assert found.state == "running"
    late = await add_pass(db, age_s=-1)  # issued under the old version, committed after the first look
    await db.execute("UPDATE pass_jobs SET created_at = created_at - interval '1 minute', looked_at = NULL")
    await db.execute("UPDATE passes SET created_at = created_at - interval '1 minute'")
    await pass_jobs.work(pool)
    assert await marked(db) == {late}
    done = await rows.find(db, job_id=job)
    assert done is not None
    assert done.state == "done"


async def test_signing_anew_is_for_every_offer(db: Connection, pool: Pool) -> None:
    mine = {await add_pass(db, offer=new_id()) for _ in range(3)}
    await pool.attempt(lambda own: pass_jobs.resign(own, offer_id=None, by="tests"))
    assert await pass_jobs.work(pool, limit=2) == 3
    assert await marked(db) == mine


async def test_a_version_that_goes_live_sets_the_passes_of_the_one_before_going(db: Connection, pool: Pool) -> None:
    async def change(what: str, **more: Any) -> Any:
        async with pool.transaction() as own:
            return await getattr(authoring, what)(own, by=BY, **more)

    offer = (await change("create", document=document(), programme=PROGRAMME)).offer
    jobs = "SELECT count(*) FROM pass_jobs WHERE offer_id = $1 AND kind = 'edit'"
    await change("publish", offer_id=offer.id, programme=PROGRAMME)
    await change("pause", offer_id=offer.id)
    await change("publish", offer_id=offer.id, programme=PROGRAMME)
    assert await db.fetchval(jobs, offer.id) == 0  # the same version: nothing to follow
    await change("change", offer_id=offer.id, document=document(priority=7), programme=PROGRAMME)
    assert await db.fetchval(jobs, offer.id) == 1
    await change("pause", offer_id=offer.id)
    await change("change", offer_id=offer.id, document=document(priority=8), programme=PROGRAMME)
    assert await db.fetchval(jobs, offer.id) == 1
    await change("publish", offer_id=offer.id, programme=PROGRAMME)
    assert [row["state"] for row in await db.fetch("SELECT state FROM pass_jobs ORDER BY created_at")] == [
        "replaced",
        "running",
    ]


async def test_a_job_that_breaks_rests_and_holds_up_no_other(db: Connection, pool: Pool) -> None:
    await add_pass(db)
    await touch(pool)
    other = new_id()
    fine = await add_pass(db, offer=other)
    await pool.attempt(lambda own: pass_jobs.touch(own, offer_id=other, by="tests"))

    async def redraw(own: Connection, offer_id: UUID, serials: Sequence[UUID]) -> Sequence[UUID]:
        if offer_id == OFFER:
            raise ValueError("a document that nobody can read")
        return serials

    with pytest.raises(ValueError, match="nobody can read"):
        await pass_jobs.work(pool, redraw=redraw)
    assert await pass_jobs.work(pool, redraw=redraw) == 1
    assert await marked(db) == {fine}
    await db.execute("UPDATE pass_jobs SET looked_at = now() WHERE offer_id = $1", OFFER)  # a minute later
    assert await pass_jobs.work(pool) == 1
    assert len(await marked(db)) == 2


async def test_a_walk_that_is_cut_off_anywhere_goes_on_where_it_was(db: Connection, pool: Pool) -> None:
    """Each portion is looked at, and then the line is cut, before its COMMIT: what was done counts once."""
    mine = {await add_pass(db) for _ in range(5)}
    job = await touch(pool)
    cuts = [True, False, True, True, False, True, False]

    async def redraw(own: Connection, offer_id: UUID, serials: Sequence[UUID]) -> Sequence[UUID]:
        if cuts.pop(0):
            await own.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return serials

    for _ in range(5):
        with contextlib.suppress(Unavailable):
            await pass_jobs.work(pool, redraw=redraw, limit=2)
    found = await rows.find(db, job_id=job)
    assert found is not None
    assert (cuts, found.state, found.looked, found.changed) == ([], "done", 5, 5)
    assert await marked(db) == mine
