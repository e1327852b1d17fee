"""An admin reads the settings in force; nobody else does, and the database's password is in none of them."""

from __future__ import annotations

from server.store.pool import Pool
from server.web import settings
from tests.web.authors import house
from tests.web.serving import settings_with


async def test_the_settings_in_force_are_read_by_an_admin_alone(pool: Pool) -> None:
    origins = {"limits.page_items": "file", "database.url": "environment"}
    changes = {"limits__page_items": 77, "database__url": "postgresql://kim:canary@db/x"}
    async with house(pool, settings, origins=origins, settings=settings_with(**changes)) as served:
        answered = await served.call("admin", "GET", "/v1/settings")
        assert b"canary" not in answered.body
        told = {each["name"]: each for each in answered.json["items"]}
        items = told["limits.page_items"]
        assert (items["value"], items["default"], items["origin"]) == (77, 200, "file")
        assert items["reason"] == "the most that one page of a list holds"
        assert told["database.url"]["value"] == "***"
        assert (await served.call("marketer", "GET", "/v1/settings")).status == 403
