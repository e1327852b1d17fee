"""Replays through the doors: asked, answered at once or later, and bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import pytest

from server.pipeline.rules import Rules
from server.store import replays as rows
from server.store.pool import Connection, Pool
from server.web import offers, replays
from tests.web.authors import PROGRAMME, SETTINGS, House, a_store, document, house

SPAN = {"from": "2026-11-02", "to": "2026-11-04"}
RESULT = {
    "customers": 12,
    "moments": 14,
    "cost": {"minor": 3500, "currency": "EUR"},
    "held_out": None,
    "displaced": [{"offer": "tea", "moments": None}],
    "by_day": [
        {"day": "2026-11-02", "moments": 14, "customers": 12, "cost": None, "suppressed": False},
    ],
    "gates": {"weather": 20, "cap": None},
    "pings": 400,
    "suppressed": False,
    "assumes": ["Profiles, segments and consents are those of today."],
}


class Workshop:
    """Somebody who works when they are called, or does not."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.works = True
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1
        if self.works:
            self.task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        async with self.pool.acquire() as db:
            row = await rows.take(db)
            assert row is not None
            await rows.finish(db, replay_id=row.id, result=RESULT)


@pytest.fixture
async def shop(pool: Pool) -> Workshop:
    return Workshop(pool)


@pytest.fixture
async def at(pool: Pool, shop: Workshop) -> AsyncIterator[House]:
    """The doors of offers and replays over a town with one store."""
    await a_store(pool)
    settings = msgspec.structs.replace(SETTINGS, replay=msgspec.structs.replace(SETTINGS.replay, answer_s=0.2, queue=3))
    async with house(pool, offers, replays, rules=Rules(pool, PROGRAMME), workshop=shop, settings=settings) as served:
        yield served


async def drafted(at: House, **changes: Any) -> str:
    answer = await at.call("marketer", "POST", "/v1/offers", document(**changes))
    assert answer.status == 201, answer.body
    return str(answer.json["id"])


async def test_a_replay_that_is_soon_done_is_answered_with_its_result(at: House, db: Connection) -> None:
    offer = await drafted(at)
    answer = await at.call("marketer", "POST", f"/v1/offers/{offer}/replay", SPAN)
    assert answer.status == 200, answer.body
    said = answer.json
    assert {name: said[name] for name in RESULT} == RESULT
    assert (said["state"], said["progress"], said["offer"]) == ("done", 1, "pretzel@1")
    assert (said["from"], said["to"]) == ("2026-11-01T23:00:00Z", "2026-11-03T23:00:00Z")
    later = await at.call("admin", "GET", f"/v1/replays/{said['id']}")
    assert (later.status, later.json) == (200, said)
    kept = await db.fetchrow("SELECT offer_id, version, asked_by FROM replays")
    assert (kept["offer_id"], kept["version"], kept["asked_by"].partition(":")[0]) == (UUID(offer), 1, "key")


async def test_a_longer_one_is_told_of_and_can_be_cancelled(at: House, shop: Workshop) -> None:
    shop.works = False
    answer = await at.call("marketer", "POST", f"/v1/offers/{await drafted(at)}/replay", SPAN)
    assert answer.status == 202
    said = answer.json
    assert (said["state"], said["progress"]) == ("queued", 0)
    assert not set(said) & set(RESULT)
    path = f"/v1/replays/{said['id']}"
    for _ in range(2):
        assert (await at.call("marketer", "DELETE", path)).status == 204
    assert (await at.call("marketer", "GET", path)).json["state"] == "cancelled"
    unknown = f"/v1/replays/{UUID(int=5)}"
    assert {(await at.call("admin", method, unknown)).status for method in ("GET", "DELETE")} == {404}


async def test_a_failed_one_says_why(at: House, shop: Workshop, db: Connection) -> None:
    shop.works = False
    asked = await at.call("marketer", "POST", f"/v1/offers/{await drafted(at)}/replay", SPAN)
    row = await rows.take(db)
    assert row is not None
    await rows.finish(db, replay_id=row.id, result=None, reason="It needs more memory.")
    said = (await at.call("marketer", "GET", f"/v1/replays/{asked.json['id']}")).json
    assert (said["state"], said["reason"]) == ("failed", "It needs more memory.")


async def test_only_so_many_wait_and_only_such_as_can_be_done(at: House, shop: Workshop) -> None:
    shop.works = False
    offer = await drafted(at)
    path = f"/v1/offers/{offer}/replay"
    assert (await at.call("analyst", "POST", path, SPAN)).status == 403
    for span, field in (
        ({"from": "2026-11-04", "to": "2026-11-02"}, "to"),
        ({"from": "2026-10-01", "to": "2026-11-02"}, "to"),
        ({"from": "soon", "to": "2026-11-02"}, "from"),
    ):
        answer = await at.call("marketer", "POST", path, span)
        assert (answer.status, answer.json["errors"][0]["field"]) == (422, field)
    by_event = await drafted(
        at, name="by-event", when={"trigger": "event", "event": "purchase", "places": {"any": True}}
    )
    answer = await at.call("marketer", "POST", f"/v1/offers/{by_event}/replay", SPAN)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "when.trigger")
    assert (await at.call("marketer", "POST", f"/v1/offers/{UUID(int=5)}/replay", SPAN)).status == 404
    assert shop.woken == 0
    for expected in (202, 202, 202, 429):
        answer = await at.call("marketer", "POST", path, SPAN)
        assert answer.status == expected
    assert answer.headers["Retry-After"]
    assert shop.woken == 3
