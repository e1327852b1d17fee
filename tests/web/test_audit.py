"""The audit is read page by page by an admin, and holds what was done and by whom."""

from __future__ import annotations

from server.store.pool import Pool
from tests.web.house import housed


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
