"""An admin sees who is logged in, and ends log-ins: they are dead at once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.store.ids import new_id
from server.store.pool import Pool
from tests.web.house import House, housed


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    async with housed(pool) as opened:
        yield opened


async def test_a_log_in_is_seen_page_by_page_and_dies_when_it_is_ended(house: House) -> None:
    kim = await house.entered("admin", email="kim@example.com")
    tim = await house.entered("admin", email="tim@example.com")
    first = (await kim.get("/v1/sessions?limit=1")).json
    second = (await kim.get(f"/v1/sessions?limit=1&cursor={first['next']}")).json
    assert [page["items"][0]["email"] for page in (first, second)] == ["tim@example.com", "kim@example.com"]
    assert second["next"] is None
    tims = first["items"][0]
    assert tims["network"] == "127.0.0.0/24"
    assert not {"hash", "csrf", "token"} & set(tims)
    assert (await tim.get("/v1/users")).status == 200
    assert (await kim.ask("DELETE", f"/v1/sessions/{tims['id']}")).status == 204
    assert (await tim.get("/v1/users")).status == 401
    assert (await kim.ask("DELETE", f"/v1/sessions/{tims['id']}")).status == 404
    [deed] = [each for each in (await kim.get("/v1/audit")).json["items"] if each["action"] == "session.end"]
    assert deed["object"] == f"session:{tims['id']}"


async def test_all_log_ins_of_a_person_end_at_once_and_nobody_elses(house: House) -> None:
    kim = await house.entered("admin", email="kim@example.com")
    tim = await house.entered("marketer", email="tim@example.com")
    whose = (await kim.get("/v1/sessions")).json["items"][0]["user_id"]
    assert (await kim.ask("DELETE", f"/v1/users/{whose}/sessions")).status == 204
    assert (await tim.get("/v1/account")).status == 401
    assert (await kim.get("/v1/account")).status == 200
    assert (await kim.ask("DELETE", f"/v1/users/{new_id()}/sessions")).status == 404
    assert (await kim.get("/v1/sessions?user_id=x")).status == 422
