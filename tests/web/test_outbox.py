"""How each way out stands, and dead letters retried and dropped many at a time, each of them in the audit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from server.store import audit
from server.store.clock import DatabaseClock
from server.store.pool import Pool
from server.web import outbox
from tests.outbox_rows import key, write
from tests.web.authors import House, house
from tests.web.serving import settings_with
from tests.web.test_deliveries import bury, now


@pytest.fixture
async def at(pool: Pool) -> AsyncIterator[House]:
    clock = DatabaseClock()
    async with pool.acquire() as db:
        await clock.sync(db)
    async with house(pool, outbox, clock=clock, settings=settings_with(limits__page_items=4)) as served:
        yield served


async def states(pool: Pool) -> dict[str, str]:
    async with pool.acquire() as db:
        return {str(row[0]): row[1] for row in await db.fetch("SELECT id, state FROM deliveries")}


async def test_every_way_is_told_with_what_waits_and_since_when(at: House, pool: Pool) -> None:
    assert (await at.call("admin", "GET", "/v1/outbox")).json == {"items": []}
    await bury(pool, 1)
    async with pool.acquire() as db:
        await write(db, 2, not_before=now() - timedelta(minutes=5))
        await write(db, 3, not_before=now() - timedelta(minutes=1))
        await write(db, 4, way="fcm", not_before=now())
    ways = {each["way"]: each for each in (await at.call("admin", "GET", "/v1/outbox")).json["items"]}
    assert (ways["apns"]["waiting"], ways["apns"]["dead"], ways["fcm"]["waiting"]) == (2, 1, 1)
    assert ways["apns"]["waits_since"] < ways["fcm"]["waits_since"]


async def test_many_are_retried_and_those_whose_time_is_over_stay(at: House, pool: Pool) -> None:
    for number in (1, 2):
        await bury(pool, number)
    await bury(pool, 3, deliver_by=now() - timedelta(hours=1))
    ids = [str(key(number)) for number in (1, 2, 3)]
    answered = await at.call("admin", "POST", "/v1/deliveries/retry", {"ids": [*ids, ids[0]]})
    assert answered.json == {"done": ids[:2], "left": ids[2:]}
    assert await states(pool) == {ids[0]: "queued", ids[1]: "queued", ids[2]: "dead"}
    async with pool.acquire() as db:
        rows = await audit.page(db, before=None, limit=9)
    assert [(row.action, row.object) for row in rows] == [("delivery.retry", f"delivery:{id_}") for id_ in ids[1::-1]]


async def test_many_are_dropped_and_what_is_no_dead_letter_is_left(at: House, pool: Pool) -> None:
    await bury(pool, 1)
    async with pool.acquire() as db:
        await write(db, 2)
    ids = [str(key(1)), str(key(2)), str(uuid4())]
    answered = await at.call("admin", "POST", "/v1/deliveries/drop", {"ids": ids})
    assert answered.json == {"done": ids[:1], "left": ids[1:]}
    assert await states(pool) == {ids[0]: "suppressed", ids[1]: "queued"}


async def test_too_many_none_and_nobodys_are_refused(at: House) -> None:
    for ids in ([], [str(uuid4()) for _ in range(5)], ["x"]):
        answered = await at.call("admin", "POST", "/v1/deliveries/drop", {"ids": ids})
        assert (answered.status, answered.json["errors"][0]["field"].partition("[")[0]) == (422, "ids")
    assert (await at.call("marketer", "POST", "/v1/deliveries/retry", {"ids": [str(uuid4())]})).status == 403
