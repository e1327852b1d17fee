"""An admin manages people; each deed is in the audit, and nobody is locked out of the house."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from server.store import audit
from server.store.ids import new_id
from server.store.pool import Pool
from tests.web.house import House, a_store, housed


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    async with housed(pool) as opened:
        yield opened


@pytest.fixture(scope="module")
async def untouched(shared_pool: Pool) -> AsyncIterator[House]:
    """A house that these tests share, for none of them gets anything into it."""
    async with housed(shared_pool, limits__requests_per_minute=10**6) as opened:
        yield opened


async def test_a_new_person_gets_a_one_time_password_that_is_told_once(house: House) -> None:
    made = await house.add_user(email="Kim@Example.com", name="Kim ☕", roles=["marketer", "analyst", "marketer"])
    assert UUID(made["id"]).version == 7
    assert made["roles"] == ["marketer", "analyst"]
    assert made["one_time"] is True
    assert len(made["password"]) == 20
    [listed] = (await house.call("GET", "/v1/users")).json["items"]
    assert "password" not in listed
    assert listed == {name: value for name, value in made.items() if name != "password"}
    async with house.pool.acquire() as db:
        row = await db.fetchrow("SELECT * FROM users")
    assert made["password"] not in repr(row)


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"email": "no address"}, "email"),
        ({"email": "no address", "roles": ["counter"]}, "email store_id"),
        ({"email": "a@b@c d"}, "email"),
        ({"email": "a" * 250 + "@b.de"}, "email"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": " "}, "name"),
        ({"name": "Kim\nB."}, "name"),
        ({"name": "\u202emiK"}, "name"),
        ({"roles": []}, "roles"),
        ({"roles": ["emperor"]}, "roles[0]"),
        ({"roles": ["counter"]}, "store_id"),
        ({"store_id": str(UUID(int=1))}, "store_id"),
        ({"roles": ["counter"], "store_id": str(UUID(int=1))}, "store_id"),
        ({"store_id": "x"}, "store_id"),
        ({"password": "mine"}, "password"),
    ],
)
async def test_wrong_fields_are_named_and_nobody_is_added(
    untouched: House, change: dict[str, object], fields: str
) -> None:
    wanted = {"email": "kim@example.com", "name": "Kim", "roles": ["marketer"]} | change
    answered = await untouched.call("POST", "/v1/users", json=wanted)
    assert (answered.status, [each["field"] for each in answered.json["errors"]]) == (422, fields.split())
    assert (await untouched.call("GET", "/v1/users")).json == {"items": [], "next": None}
    assert (await untouched.call("GET", "/v1/audit")).json["items"] == []


async def test_an_address_that_is_taken_is_a_conflict(house: House) -> None:
    await house.add_user()
    wanted = {"email": "KIM@example.com", "name": "Other", "roles": ["analyst"]}
    answered = await house.call("POST", "/v1/users", json=wanted)
    assert (answered.status, answered.json["code"]) == (409, "email_taken")


async def test_a_retry_under_a_key_adds_one_person_and_tells_the_same_password(house: House) -> None:
    wanted = {"email": "kim@example.com", "name": "Kim", "roles": ["marketer"]}
    headers = {"Idempotency-Key": "k1"}
    first, second = await asyncio.gather(
        *(house.call("POST", "/v1/users", json=wanted, headers=headers) for _ in range(2))
    )
    assert first.body == second.body
    assert first.status == second.status == 201
    assert (await house.log_in("kim@example.com", first.json["password"])).status == 303


async def test_what_is_not_mentioned_stays_as_it_is(house: House) -> None:
    made = await house.add_user()
    path = f"/v1/users/{made['id']}"
    answered = await house.call("PATCH", path, json={"name": "Kim B."})
    assert answered.status == 200
    assert answered.json["name"] == "Kim B."
    assert answered.json["roles"] == ["marketer"]
    assert "password" not in answered.json
    assert (await house.call("PATCH", path, json={})).json["name"] == "Kim B."
    assert (await house.call("PATCH", path, json={"name": "\u202e.B miK"})).json["errors"][0]["field"] == "name"


async def test_a_person_can_move_to_the_counter_and_back(house: House) -> None:
    store = await a_store(house.pool)
    made = await house.add_user()
    path = f"/v1/users/{made['id']}"
    assert (await house.call("PATCH", path, json={"roles": ["counter"]})).status == 422
    moved = await house.call("PATCH", path, json={"roles": ["counter"], "store_id": str(store)})
    assert moved.json["store_id"] == str(store)
    back = await house.call("PATCH", path, json={"roles": ["analyst"]})
    assert back.json["store_id"] is None
    lost = await house.call("PATCH", path, json={"roles": ["counter"], "store_id": str(new_id())})
    assert (lost.status, lost.json["errors"][0]["field"]) == (422, "store_id")


async def test_who_is_disabled_is_logged_out_at_once_and_can_not_log_in(house: House) -> None:
    browser = await house.settled(roles=["admin"])
    await house.add_user(email="other@example.com", roles=["admin"])
    [_, me] = (await browser.get("/v1/users")).json["items"]
    answered = await house.call("PATCH", f"/v1/users/{me['id']}", json={"disabled": True})
    assert answered.json["disabled_at"] is not None
    assert (await browser.get("/v1/users")).status == 401
    assert (await house.log_in(me["email"], "whatever it was")).status == 401
    assert (await house.call("PATCH", f"/v1/users/{me['id']}", json={"disabled": False})).json["disabled_at"] is None


async def test_a_change_of_roles_counts_at_once(house: House) -> None:
    browser = await house.settled(roles=["admin"])
    await house.add_user(email="other@example.com", roles=["admin"])
    [_, me] = (await browser.get("/v1/users")).json["items"]
    await house.call("PATCH", f"/v1/users/{me['id']}", json={"roles": ["analyst"]})
    assert (await browser.get("/v1/users")).status == 401


async def test_a_reset_password_is_a_new_one_time_password(house: House) -> None:
    made = await house.add_user()
    answered = await house.call("PATCH", f"/v1/users/{made['id']}", json={"reset_password": True})
    assert answered.json["one_time"] is True
    assert answered.json["password"] != made["password"]
    assert (await house.log_in(made["email"], made["password"])).status == 401
    assert (await house.log_in(made["email"], answered.json["password"])).headers["Location"] == "/password"


@pytest.mark.parametrize(
    ("method", "body"),
    [("DELETE", None), ("PATCH", {"disabled": True}), ("PATCH", {"roles": ["marketer"]})],
)
async def test_the_last_admin_stays(house: House, method: str, body: dict[str, object] | None) -> None:
    made = await house.add_user(roles=["admin"])
    answered = await house.call(method, f"/v1/users/{made['id']}", json=body)
    assert (answered.status, answered.json["code"]) == (409, "last_admin")
    await house.add_user(email="second@example.com", roles=["admin"])
    assert (await house.call(method, f"/v1/users/{made['id']}", json=body)).status in (200, 204)


async def test_two_admins_who_remove_each_other_at_once_leave_one(house: House) -> None:
    both = [await house.add_user(email=f"{name}@example.com", roles=["admin"]) for name in ("a", "b")]
    answers = await asyncio.gather(*(house.call("DELETE", f"/v1/users/{user['id']}") for user in both))
    assert sorted(answered.status for answered in answers) == [204, 409]
    async with house.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM users") == 1


async def test_who_is_not_there_is_not_found(house: House) -> None:
    for method in ("PATCH", "DELETE"):
        answered = await house.call(method, f"/v1/users/{new_id()}", json={})
        assert (answered.status, answered.json["code"]) == (404, "not_found")


async def test_people_come_page_by_page(house: House) -> None:
    made = [(await house.add_user(email=f"{number}@example.com"))["id"] for number in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await house.call("GET", f"/v1/users?limit=2{cursor}")).json
        seen += [user["id"] for user in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == made[::-1]


async def test_every_deed_is_in_the_audit_and_the_chain_holds(house: House) -> None:
    made = await house.add_user()
    path = f"/v1/users/{made['id']}"
    await house.call("PATCH", path, json={"name": "K"})
    removed = await house.call("DELETE", path)
    assert (removed.status, removed.body) == (204, b"")
    items = (await house.call("GET", "/v1/audit")).json["items"]
    assert [item["action"] for item in items] == ["user.remove", "user.change", "user.create"]
    assert {item["object"] for item in items} == {f"user:{made['id']}"}
    assert items[0]["before_hash"] == items[1]["after_hash"]
    assert items[0]["request_id"] == removed.headers["X-Request-Id"]
    assert items[0]["address"] == "127.0.0.1"
    assert all(item["actor"].startswith("key:") for item in items)
    async with house.pool.acquire() as db:
        assert (await audit.verify(db)).broken_at is None


@pytest.mark.parametrize("kind", ["app", "crm", "marketer", "analyst"])
async def test_nobody_but_an_admin_manages_people(house: House, kind: str) -> None:
    token = (await house.call("POST", "/v1/keys", json={"kind": kind})).json["token"]
    for method, path in (("GET", "/v1/users"), ("POST", "/v1/users"), ("GET", "/v1/keys"), ("GET", "/v1/audit")):
        assert (await house.call(method, path, token=token)).status == 403
        anonymous = await house.call(method, path, token="")
        assert anonymous.status == 401
        assert anonymous.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await house.call(method, path, token="kd_wrong")).status == 401
