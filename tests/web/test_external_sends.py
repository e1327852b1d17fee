"""POST /v1/external-sends through the door: by whose number, once, in time, and nothing is told of anybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.errors import Invalid
from server.pipeline.rules import Rules
from server.store import customers, states
from server.store.clock import DatabaseClock
from server.store.pool import Pool
from server.web import external_sends
from server.web.external_sends import check_time
from tests.builders import NOON, after
from tests.web.authors import PROGRAMME, House, house

PATH = "/v1/external-sends"


@pytest.fixture(scope="module")
async def desk(shared_pool: Pool) -> AsyncIterator[House]:
    clock, rules = DatabaseClock(), Rules(shared_pool, PROGRAMME)
    async with shared_pool.acquire() as db:
        await clock.sync(db)
    await rules.refresh()
    async with house(shared_pool, external_sends, clock=clock, rules=rules) as served:
        yield served


async def known(desk: House, number: str) -> UUID:
    async with desk.pool.transaction() as db:
        made = await customers.insert(db, external_id=number, locale=None, time_zone=None, attributes={})
    assert made is not None
    return made


async def tell(desk: House, *, by: str = "crm", key: str | None = None, **body: Any) -> Any:
    return await desk.call(by, "POST", PATH, {"channel": "email"} | body, Idempotency_Key=key or str(uuid4()))


async def test_fifty_with_one_key_or_one_id_are_counted_once(desk: House) -> None:
    customer = await known(desk, "fifty")
    keyed = await asyncio.gather(*(tell(desk, external_id="fifty", key="one") for _ in range(50)))
    assert {each.status for each in keyed} == {201}
    assert len({each.json["id"] for each in keyed}) == 1
    other = await tell(desk, external_id="fifty", key="one", channel="sms")
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
    at = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    by_id = await asyncio.gather(*(tell(desk, external_id="fifty", id="letter", at=at) for _ in range(50)))
    assert sorted(each.status for each in by_id) == [200] * 49 + [201]
    async with desk.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM external_sends WHERE customer_id = $1", customer) == 2


async def test_a_send_is_told_by_the_brands_number_or_by_ours(desk: House) -> None:
    customer = await known(desk, "a-1")
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).replace(microsecond=0)
    for number, whom in enumerate(({"external_id": "a-1"}, {"customer_id": str(customer)})):
        told = {"id": f"letter {number}", "class": "service", "at": an_hour_ago.isoformat()}
        answer = await tell(desk, **whom, **told)
        assert answer.status == 201, answer.body
        at = an_hour_ago.isoformat().replace("+00:00", "Z")
        assert answer.json == told | {"channel": "email", "at": at, "counted": True}
    bare = await tell(desk, external_id="a-1")
    assert (bare.status, bare.json["class"], bare.json["counted"]) == (201, "marketing", True)
    async with desk.pool.acquire() as db:
        held = await states.read(db, customer_id=customer)
    assert held is not None
    assert [each.pressure for each in held[1].shown] == ["service", "service", "marketing"]


async def test_a_repeat_under_its_key_is_the_same_answer_and_under_its_id_is_told_as_known(desk: House) -> None:
    await known(desk, "b-1")
    first = await tell(desk, external_id="b-1", id="letter", key="once")
    again = await tell(desk, external_id="b-1", id="letter", key="once")
    known_already = await tell(desk, external_id="b-1", id="letter")
    assert [each.status for each in (first, again, known_already)] == [201, 201, 200]
    assert first.body == again.body == known_already.body
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await tell(desk, external_id="b-1", id="letter", channel="sms")
    assert (other.status, other.json["code"]) == (409, "send_differs")
    bare = await desk.call("crm", "POST", PATH, {"channel": "email", "external_id": "b-1"})
    assert (bare.status, bare.json["code"]) == (400, "idempotency_key_required")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "external_id"),
        ({"external_id": "x", "customer_id": str(UUID(int=7))}, "external_id"),
        ({"external_id": ""}, "external_id"),
        ({"external_id": "x", "channel": "E-Mail"}, "channel"),
        ({"external_id": "x", "class": "Über"}, "class"),
        ({"external_id": "x", "at": "2026-11-03T07:30:00"}, "at"),
        ({"external_id": "x", "at": "2999-01-01T00:00:00Z"}, "at"),
        ({"external_id": "x", "at": "1999-01-01T00:00:00Z"}, "at"),
        ({"external_id": "x", "id": ""}, "id"),
        ({"external_id": "x", "colour": "red"}, "colour"),
    ],
)
async def test_what_is_wrong_is_told_with_its_field(desk: House, body: dict[str, Any], field: str) -> None:
    answer = await tell(desk, **body)
    assert answer.status == 422, answer.body
    assert [error["field"] for error in answer.json["errors"]] == [field]


async def test_who_is_not_known_is_not_found_and_who_is_no_other_system_may_not(desk: House) -> None:
    for nobody in ({"external_id": "nobody"}, {"customer_id": str(UUID(int=7))}):
        answer = await tell(desk, **nobody)
        assert (answer.status, answer.json["code"]) == (404, "unknown_customer")
    for kind in ("marketer", "admin", "app"):
        assert (await tell(desk, by=kind, external_id="x")).status == 403


@pytest.mark.parametrize(
    ("seconds", "fine"), [(120, True), (121, False), (-400 * 86_400, True), (-400 * 86_401, False)]
)
def test_a_time_lies_neither_ahead_nor_before_all_that_is_kept(seconds: float, fine: bool) -> None:
    try:
        check_time(NOON + timedelta(seconds=seconds), now=after(), days=400)
    except Invalid:
        assert not fine
    else:
        assert fine


async def test_a_campaign_is_told_at_once_and_one_that_is_refused_stops_no_other(desk: House) -> None:
    await known(desk, "c-1")
    await known(desk, "c-2")
    sends = [{"channel": "email", "external_id": number, "id": "letter"} for number in ("c-1", "nobody", "c-2")]
    first = await desk.call("crm", "POST", f"{PATH}/batch", {"sends": sends})
    assert (first.status, first.json["results"]) == (
        200,
        [
            {"id": "letter", "status": "counted", "counted": True},
            {"id": "letter", "status": "refused", "code": "unknown_customer"},
            {"id": "letter", "status": "counted", "counted": True},
        ],
    )
    sends[2]["channel"] = "sms"
    again = await desk.call("crm", "POST", f"{PATH}/batch", {"sends": sends})
    assert [each["status"] for each in again.json["results"]] == ["known", "refused", "refused"]
    assert again.json["results"][2]["code"] == "send_differs"
    async with desk.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM external_sends WHERE id = 'letter' AND channel = 'email'") >= 2


@pytest.mark.parametrize(
    ("sends", "field"),
    [
        ([], "sends"),
        ([{"channel": "email", "external_id": "x"}], "sends[0].id"),
        ([{"channel": "email", "external_id": "x", "id": "a"}] * 201, "sends"),
        (
            [{"channel": "email", "external_id": "x", "id": "a"}, {"channel": "email", "id": "b"}],
            "sends[1].external_id",
        ),
        ([{"channel": "email", "external_id": "x", "id": "a", "at": "2999-01-01T00:00:00Z"}], "sends[0].at"),
    ],
)
async def test_a_batch_with_a_mistake_counts_nothing(desk: House, sends: list[Any], field: str) -> None:
    answer = await desk.call("crm", "POST", f"{PATH}/batch", {"sends": sends})
    assert (answer.status, [error["field"] for error in answer.json["errors"]]) == (422, [field])
