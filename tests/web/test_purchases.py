"""POST /v1/purchases: an order counts once, under a key and without one, and is an occasion."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from server.store.clock import DatabaseClock
from server.store.ids import new_id
from server.store.pool import Pool
from server.web import crm, purchases
from tests.web.authors import House, a_store
from tests.web.authors import house as opened

AMOUNT = {"minor": 1290, "currency": "EUR"}
ROWS = "SELECT * FROM customer_events JOIN occasions USING (bucket, id, customer_id, name, at) ORDER BY order_id"


@pytest.fixture
async def at(pool: Pool) -> AsyncIterator[House]:
    """The doors, and a customer of the number C-1."""
    clock = DatabaseClock()
    async with pool.acquire() as db:
        await clock.sync(db)
    async with opened(pool, crm, purchases, clock=clock) as served:
        assert (await served.call("crm", "PUT", "/v1/customers/C-1", {})).status == 200
        yield served


async def _buy(house: House, key: str | None = None, **body: Any) -> Any:
    whole = {"external_id": "C-1", "amount": AMOUNT} | body
    whole = {name: value for name, value in whole.items() if value is not None}
    return await house.call("crm", "POST", "/v1/purchases", whole, Idempotency_Key=key or str(new_id()))


async def _rows(pool: Pool) -> list[dict[str, Any]]:
    async with pool.acquire() as db:
        return [dict(row) for row in await db.fetch(ROWS)]


async def test_a_purchase_is_an_event_with_what_was_paid(at: House, pool: Pool) -> None:
    store = await a_store(pool)
    items = [{"sku": "beans", "quantity": 2, "amount_minor": 400}, {"sku": "cup"}]
    answer = await _buy(at, order_id="W-1", store_id=str(store.id), items=items)
    assert (answer.status, answer.json["amount"], answer.json["order_id"]) == (201, AMOUNT, "W-1")
    [row] = await _rows(pool)
    assert (row["name"], row["amount_minor"], row["currency"]) == ("purchase", 1290, "EUR")
    assert (str(row["id"]), row["store_id"], row["geofence_id"]) == (answer.json["id"], store.id, store.geofence_id)
    assert json.loads(row["items"]) == [{"sku": "beans", "quantity": 2, "amount_minor": 400}, {"sku": "cup"}]


async def test_an_order_counts_once_whatever_its_key(at: House, pool: Pool) -> None:
    first = await _buy(at, "one", order_id="W-1")
    replayed, again = await _buy(at, "one", order_id="W-1"), await _buy(at, order_id="W-1")
    assert (replayed.status, replayed.json, replayed.headers["Idempotent-Replayed"]) == (201, first.json, "true")
    assert (again.status, again.json["code"]) == (409, "purchase_known")
    assert [(await _buy(at, id="7")).status for _ in range(2)] == [201, 409]
    assert [(await _buy(at)).status for _ in range(2)] == [201, 201]
    assert len(await _rows(pool)) == 4


async def test_of_many_who_tell_of_one_order_at_once_one_counts(at: House, pool: Pool) -> None:
    told = await asyncio.gather(*(_buy(at, order_id="W-1") for _ in range(10)))
    assert sorted(each.status for each in told) == [201] + [409] * 9
    assert len(await _rows(pool)) == 1


async def test_fifty_with_one_key_have_one_effect_and_another_body_under_it_is_refused(at: House, pool: Pool) -> None:
    told = await asyncio.gather(*(_buy(at, "one", order_id="W-1") for _ in range(50)))
    assert {each.status for each in told} == {201}
    assert len({each.json["id"] for each in told}) == len({each.body for each in told}) == 1
    assert sum("Idempotent-Replayed" in each.headers for each in told) == 49
    other = await _buy(at, "one", order_id="W-2")
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
    assert len(await _rows(pool)) == 1


async def test_a_customer_is_named_by_number_or_by_id(at: House, pool: Pool) -> None:
    known = (await at.call("crm", "PUT", "/v1/customers/C-1", {})).json["customer_id"]
    assert (await _buy(at, external_id=None, customer_id=known)).status == 201
    assert [str(row["customer_id"]) for row in await _rows(pool)] == [known]


async def test_mistakes_are_told_with_their_paths(at: House, pool: Pool) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"external_id": "nobody"}, "external_id"),
        ({"external_id": None}, "external_id"),
        ({"customer_id": str(new_id())}, "external_id"),
        ({"external_id": None, "customer_id": str(new_id())}, "customer_id"),
        ({"store_id": str(new_id())}, "store_id"),
        ({"amount": {"minor": -1, "currency": "EUR"}}, "amount.minor"),
        ({"at": "2999-01-01T00:00:00Z"}, "at"),
        ({"items": [{"sku": ""}]}, "items[0].sku"),
    ]
    for body, field in wrong:
        answer = await _buy(at, **body)
        assert (answer.status, [each["field"] for each in answer.json["errors"]]) == (422, [field])
    assert await _rows(pool) == []


async def test_a_purchase_may_be_told_later_and_needs_a_key(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        yesterday = await db.fetchval("SELECT now() - interval '1 day'")
    assert (await _buy(at, at=yesterday.isoformat())).json["at"] == yesterday.isoformat().replace("+00:00", "Z")
    ahead = (yesterday + timedelta(days=1, seconds=100)).isoformat()
    assert (await _buy(at, at=ahead)).status == 201
    refused = await at.call("crm", "POST", "/v1/purchases", {"external_id": "C-1", "amount": AMOUNT})
    assert (refused.status, refused.json["code"]) == (400, "idempotency_key_required")
    [first, second] = sorted(await _rows(pool), key=lambda row: row["at"])
    assert first["at"] == yesterday
    assert second["at"] < yesterday + timedelta(days=1, seconds=90)
