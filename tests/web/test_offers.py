"""/v1/offers through the doors: answers, states, versions, mistakes, and who may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from server.store.pool import Pool
from server.web import offers
from tests.web.authors import House, document, house

NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
async def at(cleared: Pool) -> AsyncIterator[House]:
    """The doors of offers on a database of their own."""
    async with house(cleared, offers) as served:
        yield served


async def write(at: House, **changes) -> dict:
    answer = await at.call("marketer", "POST", "/v1/offers", document(**changes))
    assert answer.status == 201, answer.body
    return answer.json


async def test_a_document_becomes_a_draft_and_is_answered_as_it_was_written(at: House) -> None:
    written = document(status="draft")
    answer = await at.call("marketer", "POST", "/v1/offers", written)
    assert answer.status == 201
    made = answer.json
    assert made["document"] == written
    assert (made["name"], made["status"], made["version"], made["live_version"]) == ("pretzel", "draft", 1, None)
    assert made["warnings"] == []
    assert made["author"].startswith("key:")
    assert made["created_at"].endswith("Z")


async def test_an_offer_is_led_from_draft_to_its_end(at: House) -> None:
    path = f"/v1/offers/{(await write(at))['id']}"
    states = [
        (await at.call("marketer", "POST", f"{path}/{step}")).json["status"]
        for step in ("publish", "pause", "publish", "end")
    ]
    assert states == ["live", "paused", "live", "ended"]
    shown = (await at.call("analyst", "GET", path)).json
    assert shown["ended_at"] >= shown["published_at"]


async def test_an_impossible_step_is_a_conflict_that_names_the_state(at: House) -> None:
    path = f"/v1/offers/{(await write(at))['id']}"
    answer = await at.call("marketer", "POST", f"{path}/pause")
    assert answer.status == 409
    assert (answer.json["code"], answer.json["state"]) == ("wrong_state", "draft")


async def test_a_name_is_taken_once(at: House) -> None:
    await write(at)
    answer = await at.call("marketer", "POST", "/v1/offers", document())
    assert (answer.status, answer.json["code"]) == (409, "name_taken")


async def test_every_version_stays_and_can_be_asked_for(at: House) -> None:
    path = f"/v1/offers/{(await write(at))['id']}"
    second = await at.call("admin", "PUT", path, document(priority=70))
    assert (second.status, second.json["version"]) == (200, 2)
    shown = (await at.call("marketer", "GET", path)).json
    assert shown["document"]["priority"] == 70
    assert [each["version"] for each in shown["versions"]] == [2, 1]
    first = (await at.call("marketer", "GET", f"{path}?version=1")).json
    assert first["document"] == document()
    assert (first["version"], first["versions"][0]["version"]) == (1, 2)


async def test_of_two_who_write_over_the_same_version_one_is_told_so(at: House) -> None:
    offer = await write(at)
    path = f"/v1/offers/{offer['id']}"
    both = await asyncio.gather(
        *(at.call("marketer", "PUT", f"{path}?version=1", document(priority=priority)) for priority in (60, 70))
    )
    assert sorted(each.status for each in both) == [200, 409]
    [late] = [each.json for each in both if each.status == 409]
    assert (late["code"], late["version"]) == ("version_changed", 2)
    [kept] = [each.json["document"] for each in both if each.status == 200]
    assert (await at.call("analyst", "GET", path)).json["document"] == kept
    assert (await at.call("marketer", "PUT", f"{path}?version=2", document())).json["version"] == 3
    assert (await at.call("marketer", "PUT", f"{path}?version=x", document())).status == 422
    assert (await at.call("marketer", "PUT", path, document())).json["version"] == 4


async def test_a_version_that_nobody_looked_at_is_not_published(at: House) -> None:
    path = f"/v1/offers/{(await write(at))['id']}"
    assert (await at.call("marketer", "PUT", path, document(priority=70))).json["version"] == 2
    late = await at.call("marketer", "POST", f"{path}/publish?version=1")
    assert (late.status, late.json["code"], late.json["version"]) == (409, "version_changed", 2)
    assert (await at.call("analyst", "GET", path)).json["status"] == "draft"
    assert (await at.call("marketer", "POST", f"{path}/publish?version=x")).status == 422
    live = (await at.call("marketer", "POST", f"{path}/publish?version=2")).json
    assert (live["status"], live["live_version"]) == ("live", 2)


@pytest.mark.parametrize("version", ["3", "0", "-1", "99999999999"])
async def test_a_version_that_is_not_there_is_not_found(at: House, version: str) -> None:
    path = f"/v1/offers/{(await write(at))['id']}"
    assert (await at.call("marketer", "GET", f"{path}?version={version}")).status == 404


async def test_mistakes_are_told_with_their_paths(at: House) -> None:
    answer = await at.call("marketer", "POST", "/v1/offers", document(priority="high", **{"if": {"moon": 1}}))
    assert answer.status == 422
    assert {each["field"] for each in answer.json["errors"]} == {"priority", "if.moon"}


@pytest.mark.parametrize("body", [[], "x", 5, None])
async def test_what_is_no_object_is_refused(at: House, body) -> None:
    answer = await at.served.call(
        "POST", "/v1/offers", json=body, headers={"Authorization": f"Bearer {at.tokens['marketer']}"}
    )
    assert answer.status == 422


async def test_an_empty_body_names_what_is_missing(at: House) -> None:
    answer = await at.call("marketer", "POST", "/v1/offers")
    assert answer.status == 422
    assert {each["field"] for each in answer.json["errors"]} == {"name", "when", "moment"}


async def test_an_offer_with_texts_of_every_script_comes_back_the_same(at: House) -> None:
    content = {"de-DE": {"title": "Grüße 🥨 <script>alert(1)</script>", "body": "Ω ж 漢 «—»"}}
    moment = {"surfaces": ["in_app"], "content": content, "fallback_locale": "de-DE"}
    made = await write(at, moment=moment)
    assert made["document"]["moment"]["content"] == content


async def test_the_list_is_paged_and_filtered_by_state(at: House) -> None:
    ids = [(await write(at, name=f"offer {number}"))["id"] for number in range(5)]
    await at.call("marketer", "POST", f"/v1/offers/{ids[3]}/publish")
    seen, cursor = [], ""
    for _ in range(3):
        page = (await at.call("analyst", "GET", f"/v1/offers?limit=2{cursor}")).json
        seen += [each["id"] for each in page["items"]]
        cursor = f"&cursor={page['next']}"
    assert seen == ids
    assert page["next"] is None
    live = (await at.call("analyst", "GET", "/v1/offers?status=live")).json
    assert [each["id"] for each in live["items"]] == [ids[3]]


@pytest.mark.parametrize(
    "query", ["status=gone", "limit=0", "limit=201", "cursor=x", "colour=red", "status=live&status=live"]
)
async def test_a_wrong_query_is_refused(at: House, query: str) -> None:
    assert (await at.call("marketer", "GET", f"/v1/offers?{query}")).status == 422


async def test_a_repeated_key_makes_one_offer(at: House) -> None:
    answers = await asyncio.gather(
        *(at.call("marketer", "POST", "/v1/offers", document(), Idempotency_Key="k1") for _ in range(8))
    )
    assert {each.status for each in answers} == {201}
    assert len({each.body for each in answers}) == 1
    assert len((await at.call("marketer", "GET", "/v1/offers")).json["items"]) == 1


async def test_a_repeated_publish_is_answered_again_under_its_key(at: House) -> None:
    path = f"/v1/offers/{(await write(at))['id']}/publish"
    first = await at.call("marketer", "POST", path, Idempotency_Key="p1")
    again = await at.call("marketer", "POST", path, Idempotency_Key="p1")
    other = await at.call("marketer", "POST", path, Idempotency_Key="p2")
    assert (first.status, again.status, other.status) == (200, 200, 409)
    assert first.body == again.body


async def test_the_end_tells_how_many_passes_went_with_it(at: House) -> None:
    path = f"/v1/offers/{(await write(at))['id']}"
    await at.call("marketer", "POST", f"{path}/publish")
    answer = await at.call("marketer", "POST", f"{path}/end", {"void_passes": True})
    assert (answer.json["status"], answer.json["voided_passes"]) == ("ended", 0)
    assert (await at.call("marketer", "POST", f"{path}/end", {"void": True})).status == 422


@pytest.mark.parametrize("kind", ["analyst", "crm", "app"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/offers"),
        ("PUT", f"/v1/offers/{NOBODY}"),
        ("POST", f"/v1/offers/{NOBODY}/publish"),
        ("POST", f"/v1/offers/{NOBODY}/pause"),
        ("POST", f"/v1/offers/{NOBODY}/end"),
    ],
)
async def test_who_may_only_read_writes_nothing(at: House, kind: str, method: str, path: str) -> None:
    assert (await at.call(kind, method, path, {})).status == 403
    assert (await at.call(None, method, path, {})).status == 401


@pytest.mark.parametrize("step", ["", "/publish", "/pause", "/end"])
async def test_an_unknown_offer_is_not_found(at: House, step: str) -> None:
    method = "POST" if step else "GET"
    unknown = await at.call("admin", method, f"/v1/offers/{NOBODY}{step}")
    odd = await at.call("admin", method, f"/v1/offers/not-an-id{step}")
    assert (unknown.status, odd.status) == (404, 404)
    assert (await at.call("admin", "PUT", f"/v1/offers/{NOBODY}", document())).status == 404


async def test_offers_are_found_by_a_part_of_their_name_newest_first(at: House) -> None:
    for name in ("tea-time", "Coffee", "iced.TEA", "100_tea", "x"):
        assert (await at.call("marketer", "POST", "/v1/offers", document(name))).status == 201

    async def names(query: str) -> list[str]:
        answer = await at.call("analyst", "GET", f"/v1/offers?{query}")
        assert answer.status == 200, answer.body
        return [each["name"] for each in answer.json["items"]]

    assert await names("search=tea") == ["tea-time", "iced.TEA", "100_tea"]
    assert await names("search=tea&order=newest") == ["100_tea", "iced.TEA", "tea-time"]
    assert await names("search=_") == ["100_tea"]
    assert await names("search=%25") == []
    assert len(await names("search=")) == 5
    page = (await at.call("analyst", "GET", "/v1/offers?order=newest&limit=2")).json
    following = await names(f"order=newest&limit=2&cursor={page['next']}")
    assert [each["name"] for each in page["items"]] + following == ["x", "100_tea", "iced.TEA", "Coffee"]
    assert (await at.call("analyst", "GET", f"/v1/offers?search={'x' * 65}")).status == 422
