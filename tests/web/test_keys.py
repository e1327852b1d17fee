"""An admin makes and revokes keys; a token is told once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from server.store import keys
from server.store.ids import new_id
from server.store.pool import Pool
from tests.web.house import House, a_store, housed
from tests.web.people import Clock


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    async with housed(pool, clock=Clock()) as opened:
        yield opened


@pytest.fixture(scope="module")
async def untouched(shared_pool: Pool) -> AsyncIterator[House]:
    """A house that these tests share."""
    async with housed(shared_pool, clock=Clock(), limits__requests_per_minute=10**6) as opened:
        yield opened


async def make(house: House, **fields: object) -> dict[str, str]:
    answered = await house.call("POST", "/v1/keys", json=fields)
    assert answered.status == 201, answered.body
    made: dict[str, str] = answered.json
    return made


@pytest.mark.parametrize("kind", ["app", "crm", "marketer", "analyst", "admin"])
async def test_a_key_is_made_and_its_token_is_told_once(untouched: House, kind: str) -> None:
    house = untouched
    made = await make(house, kind=kind, name="mine")
    assert set(made) == {"id", "kind", "store_id", "token"}
    assert made["token"].startswith(keys.PREFIXES[kind])
    listed = (await house.call("GET", "/v1/keys")).body
    assert made["token"].encode() not in listed
    assert f'"hint":"{made["token"][-4:]}"'.encode() in listed


async def test_a_till_needs_its_store_and_nobody_else_has_one(house: House) -> None:
    store = await a_store(house.pool)
    assert (await make(house, kind="till", store_id=str(store)))["store_id"] == str(store)
    for body in (
        {"kind": "till"},
        {"kind": "crm", "store_id": str(store)},
        {"kind": "till", "store_id": str(new_id())},
    ):
        answered = await house.call("POST", "/v1/keys", json=body)
        assert (answered.status, answered.json["errors"][0]["field"]) == (422, "store_id")


@pytest.mark.parametrize("kind", ["app", "marketer", "analyst", "admin"])
async def test_only_other_systems_sign(untouched: House, kind: str) -> None:
    answered = await untouched.call("POST", "/v1/keys", json={"kind": kind, "signed": True})
    assert (answered.status, answered.json["errors"][0]["field"]) == (422, "signed")


@pytest.mark.parametrize("kind", ["customer", "pass", "google", "anon", "emperor", ""])
async def test_no_other_kind_of_key_is_made(untouched: House, kind: str) -> None:
    answered = await untouched.call("POST", "/v1/keys", json={"kind": kind})
    assert (answered.status, answered.json["errors"][0]["field"]) == (422, "kind")


async def test_a_revoked_key_is_dead_at_once(house: House) -> None:
    made = await make(house, kind="admin")
    assert (await house.call("GET", "/v1/keys", token=made["token"])).status == 200
    assert (await house.call("DELETE", f"/v1/keys/{made['id']}")).status == 204
    assert (await house.call("GET", "/v1/keys", token=made["token"])).status == 401
    assert (await house.call("DELETE", f"/v1/keys/{made['id']}")).status == 404
    assert (await house.call("DELETE", f"/v1/keys/{UUID(int=0)}")).status == 404
    [newest, *_] = (await house.call("GET", "/v1/keys")).json["items"]
    assert newest["revoked_at"] is not None


async def test_a_key_that_is_over_does_not_count(house: House) -> None:
    made = await make(house, kind="admin", not_after=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    async with house.pool.acquire() as db:
        await db.execute("UPDATE api_keys SET not_after = now() WHERE id = $1", UUID(made["id"]))
    assert (await house.call("GET", "/v1/keys", token=made["token"])).status == 401


async def test_no_key_is_made_that_is_over_already(untouched: House) -> None:
    for time in ("2020-01-01T00:00:00Z", (datetime.now(UTC) - timedelta(seconds=1)).isoformat()):
        answered = await untouched.call("POST", "/v1/keys", json={"kind": "app", "not_after": time})
        [wrong] = answered.json["errors"]
        assert (answered.status, wrong) == (422, {"field": "not_after", "message": "must be in the future"})


async def test_making_and_revoking_are_in_the_audit(house: House) -> None:
    made = await make(house, kind="crm")
    await house.call("DELETE", f"/v1/keys/{made['id']}")
    items = (await house.call("GET", "/v1/audit")).json["items"]
    assert [item["action"] for item in items] == ["key.revoke", "key.create"]
    assert made["token"] not in repr(items)


async def test_keys_come_page_by_page(house: House) -> None:
    made = [(await make(house, kind="crm"))["id"] for _ in range(3)]
    first = (await house.call("GET", "/v1/keys?limit=2")).json
    second = (await house.call("GET", f"/v1/keys?cursor={first['next']}")).json
    assert [key["id"] for key in (first["items"] + second["items"])][:3] == made[::-1]
    assert (await house.call("GET", "/v1/keys?limit=201")).status == 422
    assert (await house.call("GET", "/v1/keys?cursor=x")).status == 422


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2101-01-01T00:00:00Z"])
async def test_a_key_ends_within_the_calendar(house: House, time: str) -> None:
    answered = await house.call("POST", "/v1/keys", json={"kind": "app", "not_after": time})
    assert (answered.status, answered.json["errors"][0]["field"]) == (422, "not_after")
