"""`kairos passes resign`: begun with its entry in the audit, and watched to its end."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
import typer

from server.commands import passes
from server.errors import NotFound
from server.pipeline import pass_jobs
from server.store import audit
from server.store.pool import Connection, Pool
from tests.counter_rows import add_offer
from tests.store.test_pass_jobs import add_pass
from tests.street.process import kairos


async def deeds(db: Connection) -> list[tuple[str, str, str]]:
    return [(row.actor, row.action, row.object) for row in await audit.page(db, before=None, limit=10)]


async def test_the_command_begins_a_job_for_an_offer_by_its_name(db: Connection, db_dsn: str) -> None:
    offer = await add_offer(db, name="coffee")
    code, out, err = await kairos(
        "passes", "resign", "--offer", "coffee", environment={"KAIROS__DATABASE__URL": db_dsn}
    )
    assert (code, err) == (0, "")
    row = await db.fetchrow("SELECT id, kind, offer_id, state, asked_by FROM pass_jobs")
    assert row is not None
    assert tuple(row) == (UUID(out.strip()), "resign", offer, "running", "command line")
    assert await deeds(db) == [("command line", "passes.resign", f"offer:{offer}")]


async def test_all_passes_are_meant_where_no_offer_is_named(db: Connection, pool: Pool) -> None:
    await passes.begin(pool, offer=None)
    assert await db.fetchval("SELECT offer_id FROM pass_jobs") is None
    assert await deeds(db) == [("command line", "passes.resign", "passes")]


async def test_an_offer_that_there_is_not_is_said_and_nothing_begins(db: Connection, pool: Pool) -> None:
    with pytest.raises(NotFound, match="coffee"):
        await passes.begin(pool, offer="coffee")
    assert await db.fetchval("SELECT count(*) FROM pass_jobs") == 0


async def test_who_waits_is_told_how_far_it_is_until_it_is_over(
    db: Connection, pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        await add_pass(db)
    job = await passes.begin(pool, offer=None)
    watching = asyncio.create_task(passes.watch(pool, job))
    await pool.attempt(lambda own: pass_jobs.step(own, limit=2))
    await asyncio.sleep(0)
    await pass_jobs.work(pool)
    await asyncio.wait_for(watching, 20)
    assert capsys.readouterr().err.splitlines()[-1] == "done: 3 of 3"


async def test_who_waits_for_a_job_that_was_replaced_is_told_so(pool: Pool) -> None:
    job = await passes.begin(pool, offer=None)
    await passes.begin(pool, offer=None)
    with pytest.raises(typer.Exit):
        await passes.watch(pool, job)
