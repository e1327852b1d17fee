"""/v1/segments through the doors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.pipeline.rules import Rules, programme_of
from server.store.clock import DatabaseClock
from server.store.pool import Pool
from server.web import crm, customers, me, purchases, segments
from tests.builders import NOON
from tests.web.authors import House, house
from tests.web.serving import settings_with

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


async def test_how_many_are_in_a_segment_is_told_once_they_were_counted_unless_they_are_few(
    at: House, pool: Pool
) -> None:
    for name, size in (("few", 9), ("many", 10), ("new", None)):
        made = await at.call("marketer", "POST", "/v1/segments", {"name": name})
        assert (made.json["size"], made.json["suppressed"], made.json["refreshed_at"]) == (None, False, None)
        async with pool.acquire() as db:
            sql = "UPDATE segments SET size = $2, refreshed_at = $3 WHERE name = $1"
            await db.execute(sql, name, size, None if size is None else NOON)
    listed = (await at.call("analyst", "GET", "/v1/segments")).json["items"]
    assert [(each["name"], each["size"], each["suppressed"]) for each in listed] == [
        ("few", None, True), ("many", 10, False), ("new", None, False)
    ]  # fmt: skip
    assert [each["refreshed_at"] for each in listed] == ["2026-11-03T11:00:00Z", "2026-11-03T11:00:00Z", None]


async def test_what_an_app_and_other_systems_tell_moves_the_customer_at_once(pool: Pool) -> None:
    clock, rules = DatabaseClock(), Rules(pool, programme_of(settings_with()))
    async with house(pool, segments, crm, purchases, customers, me, clock=clock, rules=rules) as at:
        async with pool.acquire() as db:
            await clock.sync(db)
        paid = {"rfm": {"monetary_minor": {"gte": 500}}}
        parcel = {"event": {"name": "parcel", "within": "P7D"}}
        for name, condition in (("gold", {"attribute": {"tier": {"eq": "gold"}}}), ("paid", paid), ("parcel", parcel)):
            assert (await at.call("marketer", "POST", "/v1/segments", {"name": name, "if": condition})).status == 201
        await rules.refresh()
        body = {"external_id": "C-1", "attributes": {"tier": "gold"}, "consents": {"profiling": True}}
        token = (await at.call("app", "POST", "/v1/customers", body)).json["token"]
        kim = at._replace(tokens={**at.tokens, "kim": token})

        async def now_in() -> list[str]:
            return list((await kim.call("kim", "GET", "/v1/me")).json["segments"])

        assert await now_in() == ["gold"]
        await at.call("crm", "PUT", "/v1/customers/C-1", {"attributes": {"tier": "silver"}})
        assert await now_in() == []
        sold = {"external_id": "C-1", "amount": {"minor": 500, "currency": "EUR"}}
        assert (await at.call("crm", "POST", "/v1/purchases", sold, Idempotency_Key="p-1")).status == 201
        told = {"events": [{"id": "e-1", "name": "parcel", "at": clock.now().isoformat()}]}
        assert (await at.call("crm", "POST", "/v1/customers/C-1/events", told)).status == 200
        assert await now_in() == ["paid", "parcel"]
        changed = await kim.call("kim", "PATCH", "/v1/me", {"attributes": {"tier": "gold"}})
        assert changed.json["segments"] == ["gold", "paid", "parcel"]
        await kim.call("kim", "PUT", "/v1/me/consents", {"profiling": False})
        assert await now_in() == []
        await kim.call("kim", "PUT", "/v1/me/consents", {"profiling": True})
        assert await now_in() == ["gold", "paid", "parcel"]


async def test_other_systems_tell_who_is_in_a_segment_without_a_condition_if_the_customer_agreed(pool: Pool) -> None:
    rules = Rules(pool, programme_of(settings_with()))
    clock = DatabaseClock()
    async with house(pool, segments, crm, customers, me, clock=clock, rules=rules) as at:
        async with pool.acquire() as db:
            await clock.sync(db)
        vips = {"all": [{"segment": "vip"}, {"topic": "coffee"}]}
        for name, condition in (("vip", None), ("press", None), ("thirsty", vips)):
            body = {"name": name, "if": condition} if condition else {"name": name}
            assert (await at.call("marketer", "POST", "/v1/segments", body)).status == 201
        await rules.refresh()

        async def tell(*names: str) -> int:
            return (await at.call("crm", "PUT", "/v1/customers/C-1", {"segments": list(names)})).status

        assert await tell("nobody") == 422
        assert (await at.call("admin", "GET", "/v1/customers?external_id=C-1")).json["items"] == []
        assert await tell("vip") == 200  # makes the customer, who has agreed to nothing
        [seen] = (await at.call("admin", "GET", "/v1/customers?external_id=C-1")).json["items"]
        assert seen["segments"] == []
        async with pool.acquire() as db:
            await db.execute("UPDATE customers SET profiling = true, topics = '{\"coffee\": true}'")
        for told, there in (
            (("vip", "press", "vip"), ["press", "thirsty", "vip"]), (("press",), ["press"]), ((), [])
        ):  # fmt: skip
            assert await tell(*told) == 200
            [seen] = (await at.call("admin", "GET", "/v1/customers?external_id=C-1")).json["items"]
            assert seen["segments"] == there
        answer = await at.call("crm", "PUT", "/v1/customers/C-1", {"segments": ["vip", "thirsty", "nobody"]})
        assert [each["field"] for each in answer.json["errors"]] == ["segments[1]", "segments[2]"]
