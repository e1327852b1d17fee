"""/v1/segments through the doors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.store.pool import Pool
from server.web import segments
from tests.web.authors import House, house

REGULAR = {"event": {"name": "purchase", "within": "P30D", "count": {"gte": 2}}}


@pytest.fixture
async def at(pool: Pool) -> AsyncIterator[House]:
    """The doors of segments on a database of their own."""
    async with house(pool, segments) as served:
        yield served


async def test_a_segment_is_saved_with_its_condition_and_listed(at: House) -> None:
    answer = await at.call("marketer", "POST", "/v1/segments", {"name": "regulars", "if": REGULAR})
    assert answer.status == 201
    assert answer.json["if"] == REGULAR
    listed = (await at.call("analyst", "GET", "/v1/segments")).json
    assert listed == {"items": [answer.json], "next": None}


async def test_a_segment_without_a_condition_may_come_from_the_crm(at: House) -> None:
    answer = await at.call("crm", "POST", "/v1/segments", {"name": "vip"})
    assert (answer.status, answer.json["if"]) == (201, None)
    assert (await at.call("crm", "GET", "/v1/segments")).status == 403


async def test_a_name_is_taken_once(at: House) -> None:
    await at.call("marketer", "POST", "/v1/segments", {"name": "vip"})
    answer = await at.call("marketer", "POST", "/v1/segments", {"name": "vip", "if": REGULAR})
    assert (answer.status, answer.json["code"]) == (409, "name_taken")


async def test_the_same_key_saves_once(at: House) -> None:
    answers = [
        await at.call("marketer", "POST", "/v1/segments", {"name": "vip"}, Idempotency_Key="one") for _ in range(2)
    ]
    assert [each.status for each in answers] == [201, 201]
    assert answers[0].body == answers[1].body
    assert answers[1].headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"if": REGULAR}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a", "if": {"trigger": "enter"}}, "if.trigger"),
        ({"name": "a", "if": {"segment": "nobody"}}, "if.segment"),
        ({"name": "a", "if": []}, "if"),
        ({"name": "a", "then": {}}, "then"),
    ],
)
async def test_mistakes_are_told_with_their_paths(at: House, body, field: str) -> None:
    answer = await at.call("marketer", "POST", "/v1/segments", body)
    assert answer.status == 422
    assert [each["field"] for each in answer.json["errors"]] == [field]
    assert (await at.call("marketer", "GET", "/v1/segments")).json["items"] == []


async def test_the_list_is_paged_by_name(at: House) -> None:
    for name in ("b", "c", "a", "ä"):
        await at.call("marketer", "POST", "/v1/segments", {"name": name})
    first = (await at.call("marketer", "GET", "/v1/segments?limit=3")).json
    second = (await at.call("marketer", "GET", f"/v1/segments?limit=3&cursor={first['next']}")).json
    assert [each["name"] for each in first["items"] + second["items"]] == ["a", "b", "c", "ä"]
    assert second["next"] is None
