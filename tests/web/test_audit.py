"""The audit is read page by page by an admin, and holds what was done and by whom."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from server.store import audit
from server.store.pool import Pool
from tests.web.house import House, housed


async def sought(house: House, **query: str) -> list[int]:
    answered = await house.call("GET", f"/v1/audit?{urlencode(query)}")
    assert answered.status == 200, answered.body
    return [item["seq"] for item in answered.json["items"]]


async def test_deeds_are_found_by_who_what_to_what_and_when(pool: Pool) -> None:
    deeds = [
        ("user:1", "user.create", "user:9"),
        ("user:2", "user.change", "user:9"),
        ("user:1", "userx.create", "user:8"),
        ("user:1", "key.create", "key:1"),
    ]
    async with housed(pool) as house:
        async with pool.transaction() as db:
            for actor, action, to in deeds:
                await audit.record(db, actor=actor, action=action, object=to)
            await db.execute("ALTER TABLE audit DISABLE TRIGGER audit_append_only")
            await db.execute("UPDATE audit SET at = make_timestamptz(2026, 11, seq::int, 12, 0, 0, 'UTC')")
            await db.execute("ALTER TABLE audit ENABLE TRIGGER audit_append_only")
        assert await sought(house) == [4, 3, 2, 1]
        assert await sought(house, actor="user:1") == [4, 3, 1]
        assert await sought(house, action="user") == [2, 1]  # a kind of deeds, and not whatever begins so
        assert await sought(house, action="user.create") == [1]
        assert await sought(house, object="user:9", actor="user:2") == [2]
        assert await sought(house, **{"from": "2026-11-02", "to": "2026-11-04"}) == [3, 2]
        assert await sought(house, **{"from": "2026-11-04T11:00:00Z"}) == [4]
        first = (await house.call("GET", "/v1/audit?actor=user:1&limit=2")).json
        second = (await house.call("GET", f"/v1/audit?actor=user:1&limit=2&cursor={first['next']}")).json
        assert [item["seq"] for item in second["items"]] == [1]
        for query in ("from=x", "from=2026-11-02&to=2026-11-01", "actor=", "object=" + "x" * 201):
            assert (await house.call("GET", f"/v1/audit?{query}")).status == 422


@pytest.mark.parametrize("path", ["/v1/audit", "/v1/audit/export", "/v1/audit/verification"])
async def test_nobody_but_an_admin_reads_it(pool: Pool, path: str) -> None:
    async with housed(pool) as house:
        marketer = await house.entered("marketer")
        assert (await marketer.get(path)).status == 403


async def test_deeds_come_newest_first_and_page_by_page(pool: Pool) -> None:
    async with housed(pool) as house:
        made = [(await house.call("POST", "/v1/keys", json={"kind": "crm"})).json["id"] for _ in range(5)]
        first = (await house.call("GET", "/v1/audit?limit=3")).json
        second = (await house.call("GET", f"/v1/audit?limit=3&cursor={first['next']}")).json
        items = first["items"] + second["items"]
        assert [item["object"] for item in items] == [f"key:{id_}" for id_ in made[::-1]]
        assert [item["seq"] for item in items] == [5, 4, 3, 2, 1]
        assert second["next"] is None
        assert [item["previous"] for item in items[:-1]] == [item["hash"] for item in items[1:]]
        assert (await house.call("GET", "/v1/audit?cursor=zzz")).status == 422


async def test_a_deed_that_is_refused_is_none(pool: Pool) -> None:
    async with housed(pool) as house:
        await house.call("POST", "/v1/keys", json={"kind": "till"})
        assert (await house.call("GET", "/v1/audit")).json == {"items": [], "next": None}
