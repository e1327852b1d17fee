"""/v1/programme through the doors: the switch, who may throw it, and what a decision says while it is off."""

from __future__ import annotations

from server.store.pool import Pool
from server.web import audit, programme
from tests.web.authors import house

PATH = "/v1/programme"


async def test_the_switch_is_thrown_by_authors_and_read_by_analysts(pool: Pool) -> None:
    async with house(pool, programme, audit) as at:
        first = await at.call("analyst", "GET", PATH)
        assert (first.status, first.json) == (
            200,
            {"paused": False, "reason": "", "changed_by": None, "changed_at": None},
        )
        thrown = await at.call("marketer", "PUT", PATH, {"paused": True, "reason": "Wrong prices"})
        assert (thrown.status, thrown.json["paused"], thrown.json["reason"]) == (200, True, "Wrong prices")
        assert thrown.json["changed_by"].startswith("key:")
        assert (await at.call("admin", "GET", PATH)).json == thrown.json
        assert (await at.call("admin", "PUT", PATH, {"paused": False})).json["reason"] == ""
        deeds = (await at.call("admin", "GET", "/v1/audit")).json["items"]
        assert [deed["action"] for deed in deeds] == ["programme.resume", "programme.pause"]
        for kind in ("analyst", "crm", "app"):
            assert (await at.call(kind, "PUT", PATH, {"paused": True})).status == 403
        for wrong in ({}, {"paused": "yes"}, {"paused": True, "reason": "x" * 501}, {"paused": True, "until": "noon"}):
            assert (await at.call("admin", "PUT", PATH, wrong)).status == 422
