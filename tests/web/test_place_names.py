"""What the circles of a phone are called: stores by their names, and nothing of fences that are none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from server.pipeline.rules import Rules
from server.store import customers
from server.store.pool import Pool
from server.web import place_names
from tests.web.authors import PROGRAMME, House, a_store, house

RIVALS = UUID(int=0xF)
RIVAL = """
INSERT INTO geofences (id, name, lat, lon, radius_m, changed) VALUES ($1, 'the rival''s door', 52.5, 13.4, 100, 1)
"""


@pytest.fixture
async def town(cleared: Pool) -> AsyncIterator[House]:
    rules = Rules(cleared, PROGRAMME)
    async with house(cleared, place_names, rules=rules) as at:
        async with cleared.transaction() as db:
            kim = await customers.insert(db, external_id=None, locale=None, time_zone=None, attributes={})
            assert kim is not None
            at.tokens["customer"] = await customers.give_token(db, customer_id=kim)
        await a_store(cleared, name="Bäckerei <b>")
        async with cleared.transaction() as db:
            await db.execute(RIVAL, RIVALS)
        await rules.refresh()
        yield at


async def test_stores_are_named_and_marketers_fences_are_not(town: House) -> None:
    async with town.pool.acquire() as db:
        store_fence = await db.fetchval("SELECT geofence_id FROM stores")
    ids = [str(store_fence), str(RIVALS), str(uuid4()), str(store_fence)]
    answer = await town.call("customer", "POST", "/v1/places/names", {"ids": ids})
    assert answer.status == 200, answer.body
    assert answer.json == {"items": [{"id": str(store_fence), "name": "Bäckerei <b>"}]}


@pytest.mark.parametrize(
    "body", [{}, {"ids": []}, {"ids": ["x"]}, {"ids": [str(uuid4())] * 101}, {"ids": [], "lat": 5}]
)
async def test_what_cannot_be_is_refused(town: House, body: dict[str, object]) -> None:
    assert (await town.call("customer", "POST", "/v1/places/names", body)).status == 422
    assert (await town.call("marketer", "POST", "/v1/places/names", body)).status == 403
