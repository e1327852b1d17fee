"""/v1/reports/passes and /v1/offers/{id}/passes-job through the door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from server.pipeline import pass_jobs
from server.store.ids import new_id
from server.store.pass_counts import Fared
from server.store.pool import Pool
from server.web import pass_reports
from server.web.pass_reports import row_of
from tests.counter_rows import add_offer
from tests.store.test_pass_counts import register
from tests.store.test_pass_jobs import add_pass
from tests.web.authors import House, house
from tests.web.serving import settings_with

ALWAYS = "from=2000-01-01&to=2099-01-01"


@pytest.fixture
async def at(pool: Pool) -> AsyncIterator[House]:
    """The door where three people are enough."""
    async with house(pool, pass_reports, settings=settings_with(privacy__min_group=3)) as served:
        yield served


async def rows(at: House, query: str = ALWAYS) -> list[dict[str, Any]]:
    answer = await at.call("analyst", "GET", f"/v1/reports/passes?{query}")
    assert answer.status == 200, answer.body
    return answer.json["rows"]


async def test_an_offers_passes_are_told_as_they_fare(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        offer, tea = await add_offer(db, name="coffee"), await add_offer(db, name="tea")
        serials = [await add_pass(db, offer=offer) for _ in range(3)]
        await register(db, serials[0], b"a", b"b")
        await add_pass(db, offer=tea)
    assert await rows(at) == [
        {"offer_id": str(offer), "name": "coffee", "suppressed": False}
        | {"issued": 3, "saved": 1, "shared": 1, "removed": 0, "waiting": 0},
        {"offer_id": str(tea), "name": "tea", "suppressed": True}
        | dict.fromkeys(("issued", "saved", "shared", "removed", "waiting")),
    ]
    assert [row["name"] for row in await rows(at, f"{ALWAYS}&offer_id={tea}")] == ["tea"]
    assert await rows(at, f"{ALWAYS}&offer_id={new_id()}") == []
    assert await rows(at, "from=2001-01-01&to=2001-02-01") == []


@pytest.mark.parametrize("query", ["", "from=2026-11-01", "from=2026-11-02&to=2026-11-01", f"{ALWAYS}&offer_id=x"])
async def test_a_question_that_is_none_is_refused_with_its_field(at: House, query: str) -> None:
    answer = await at.call("analyst", "GET", f"/v1/reports/passes?{query}")
    assert answer.status == 422
    assert answer.json["errors"]


@pytest.mark.parametrize(("people", "suppressed"), [(9, True), (10, False)])
def test_fewer_people_than_may_be_shown_blank_the_row(people: int, suppressed: bool) -> None:
    row = row_of(Fared(new_id(), "coffee", people, 12, 8, 3, 2, 1), least=10)
    shown = (row.issued, row.saved, row.shared, row.removed, row.waiting)
    assert shown == ((None,) * 5 if suppressed else (12, 8, 3, 2, 1))
    assert row.suppressed is suppressed


async def test_how_far_an_edit_is_can_be_asked(at: House, pool: Pool) -> None:
    async with pool.transaction() as db:
        offer = await add_offer(db)
    path = f"/v1/offers/{offer}/passes-job"
    assert (await at.call("analyst", "GET", path)).json == {"job": None}
    job = await pool.attempt(lambda db: pass_jobs.touch(db, offer_id=offer, by="tests"))
    told = (await at.call("analyst", "GET", path)).json["job"]
    assert (told["id"], told["kind"], told["state"], told["total"]) == (str(job), "edit", "running", None)
    async with pool.acquire() as db:
        await add_pass(db, offer=offer)
        await db.execute("UPDATE pass_jobs SET created_at = created_at - interval '10 seconds'")
    await pass_jobs.work(pool)
    told = (await at.call("analyst", "GET", path)).json["job"]
    assert (told["state"], told["total"], told["looked"], told["changed"]) == ("done", 1, 1, 1)
    assert "asked_by" not in told
    missing = await at.call("analyst", "GET", f"/v1/offers/{new_id()}/passes-job")
    assert missing.status == 404
