"""Versions through the doors: listed, shown, compared, and gone back to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from server.store.pool import Pool
from server.web import offers, versions
from tests.web.authors import House, document, house


@pytest.fixture(scope="module")
async def at(shared_pool: Pool) -> AsyncIterator[House]:
    async with house(shared_pool, offers, versions) as served:
        yield served


async def written(at: House, *changes: dict[str, Any]) -> tuple[str, str]:
    """An offer with a version for each of the changes; gives its path and its name."""
    name = f"offer {uuid4()}"
    made = await at.call("marketer", "POST", "/v1/offers", document(name, **changes[0]))
    path = f"/v1/offers/{made.json['id']}"
    for change in changes[1:]:
        assert (await at.call("admin", "PUT", path, document(name, **change))).status == 200
    return path, name


async def test_versions_are_listed_the_newest_first_with_the_one_that_decides(at: House) -> None:
    path, _ = await written(at, {}, {"priority": 60}, {"priority": 70})
    listed = (await at.call("analyst", "GET", f"{path}/versions")).json
    assert [(each["version"], each["live"]) for each in listed["items"]] == [(3, False), (2, False), (1, False)]
    assert len({each["author"] for each in listed["items"]}) == 2
    await at.call("admin", "POST", f"{path}/publish")
    first = (await at.call("analyst", "GET", f"{path}/versions?limit=2")).json
    assert [(each["version"], each["live"]) for each in first["items"]] == [(3, True), (2, False)]
    second = (await at.call("analyst", "GET", f"{path}/versions?limit=2&cursor={first['next']}")).json
    assert [each["version"] for each in second["items"]] == [1]
    assert second["next"] is None


async def test_a_version_is_shown_with_its_document(at: House) -> None:
    path, name = await written(at, {}, {"priority": 60})
    first = await at.call("analyst", "GET", f"{path}/versions/1")
    assert (first.status, first.json["version"], first.json["document"]) == (200, 1, document(name))
    for number in ("0", "3", "-1", "x", "1.0", "\u00b2", "9" * 40):
        assert (await at.call("analyst", "GET", f"{path}/versions/{number}")).status == 404
    assert (await at.call("analyst", "GET", f"/v1/offers/{uuid4()}/versions/1")).status == 404


async def test_what_differs_between_two_versions_is_told_with_its_path(at: House) -> None:
    window = {"all": [{"local_time": {"from": "07:00", "to": "11:00"}}]}
    later = {"all": [{"local_time": {"from": "08:00", "to": "11:00"}}]}
    path, _ = await written(at, {"if": window}, {"if": later, "priority": 60})
    diff = (await at.call("analyst", "GET", f"{path}/diff?from=1&to=2")).json
    assert (diff["from"], diff["to"]) == (1, 2)
    assert {each["field"]: each for each in diff["changes"]} == {
        "if.all[0].local_time.from": {"field": "if.all[0].local_time.from", "before": "07:00", "after": "08:00"},
        "priority": {"field": "priority", "after": 60},
    }
    back = (await at.call("analyst", "GET", f"{path}/diff?from=2&to=1")).json
    assert {"field": "priority", "before": 60} in back["changes"]


async def test_by_default_the_newest_is_compared_with_what_decides_or_with_the_one_before(at: House) -> None:
    path, _ = await written(at, {})
    assert (await at.call("analyst", "GET", f"{path}/diff")).json == {"from": 1, "to": 1, "changes": []}
    await at.call("admin", "POST", f"{path}/publish")
    await at.call("admin", "POST", f"{path}/pause")
    offer = (await at.call("admin", "GET", path)).json["document"]
    for priority in (60, 70):
        await at.call("admin", "PUT", path, offer | {"priority": priority})
    resting = (await at.call("analyst", "GET", f"{path}/diff")).json
    assert (resting["from"], resting["to"]) == (2, 3)


async def test_to_go_back_is_to_write_the_old_document_again(at: House) -> None:
    path, _ = await written(at, {}, {"priority": 60, "fresh": "PT1M"})
    old = (await at.call("marketer", "GET", f"{path}/versions/1")).json["document"]
    back = await at.call("marketer", "PUT", path, old)
    assert (back.status, back.json["version"]) == (200, 3)
    assert (await at.call("analyst", "GET", f"{path}/diff?from=1&to=3")).json["changes"] == []
    assert (await at.call("analyst", "GET", f"{path}/versions/2")).json["document"]["priority"] == 60


@pytest.mark.parametrize("query", ["from=0", "to=9", "from=-1", "from=x", "version=1", "from=99999999999999999999"])
async def test_a_version_that_is_none_is_refused_by_its_name(at: House, query: str) -> None:
    path, _ = await written(at, {})
    assert (await at.call("analyst", "GET", f"{path}/diff?{query}")).status == 422
