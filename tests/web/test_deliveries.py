"""Dead letters by the doors: an admin lists, retries and drops them; the audit has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.store import audit
from server.store.clock import DatabaseClock
from server.store.pool import Pool
from server.web import deliveries
from tests.outbox_rows import key, row_of, write
from tests.web.authors import House, house


def now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


@pytest.fixture
async def at(pool: Pool) -> AsyncIterator[House]:
    clock = DatabaseClock()
    async with pool.acquire() as db:
        await clock.sync(db)
    async with house(pool, deliveries, clock=clock) as served:
        yield served


async def bury(pool: Pool, number: int = 1, **more: Any) -> UUID:
    """Write a dead letter that may be retried for an hour."""
    times = {"not_before": now(), "created_at": now(), "deliver_by": now() + timedelta(hours=1)}
    async with pool.acquire() as db:
        made = await write(db, number, **({"state": "dead"} | times | more))
        await db.execute(
            "UPDATE deliveries SET finished_at = now() + $2 * interval '1 s', reason = 'BadTopic' WHERE id = $1",
            made,
            number,
        )
    return made


async def listed(at: House, query: str = "") -> Any:
    answer = await at.call("admin", "GET", f"/v1/deliveries{query}")
    assert answer.status == 200, answer.body
    return answer.json


async def test_dead_letters_are_listed_page_by_page_the_newest_first(at: House, pool: Pool) -> None:
    for number in range(1, 6):
        await bury(pool, number)
    first = await listed(at, "?limit=3")
    second = await listed(at, f"?limit=3&cursor={first['next']}")
    assert [each["id"] for each in first["items"] + second["items"]] == [str(key(n)) for n in (5, 4, 3, 2, 1)]
    assert second["next"] is None
    assert first["items"][0]["reason"] == "BadTopic"
    assert not {"device_id", "push_token", "device_hash"} & first["items"][0].keys()


async def test_what_waits_is_listed_too_and_one_ways_alone(at: House, pool: Pool) -> None:
    await bury(pool, 1)
    async with pool.acquire() as db:
        await write(db, 2)
        await write(db, 3, way="fcm")
    assert [each["id"] for each in (await listed(at, "?state=waiting"))["items"]] == [str(key(2)), str(key(3))]
    assert [each["id"] for each in (await listed(at, "?state=waiting&way=fcm"))["items"]] == [str(key(3))]
    assert (await listed(at, "?way=fcm"))["items"] == []


@pytest.mark.parametrize("query", ["?state=sent", "?way=pigeon", "?limit=0", "?cursor=x", "?state=", "?ways=apns"])
async def test_a_query_that_cannot_be_is_told(at: House, query: str) -> None:
    assert (await at.call("admin", "GET", f"/v1/deliveries{query}")).status == 422


async def test_a_letter_is_retried_and_the_audit_has_it(at: House, pool: Pool) -> None:
    letter = await bury(pool)
    answer = await at.call("admin", "POST", f"/v1/deliveries/{letter}/retry")
    assert (answer.status, answer.json["state"], answer.json["attempts"]) == (200, "queued", 0)
    again = await at.call("admin", "POST", f"/v1/deliveries/{letter}/retry")
    assert (again.status, again.json["code"]) == (409, "not_dead")
    async with pool.acquire() as db:
        [deed] = await audit.page(db, before=None, limit=9)
    assert (deed.action, deed.object) == ("delivery.retry", f"delivery:{letter}")


async def test_a_letter_is_dropped_and_gone_from_the_list(at: House, pool: Pool) -> None:
    letter = await bury(pool)
    answer = await at.call("admin", "POST", f"/v1/deliveries/{letter}/drop")
    assert (answer.status, answer.json["state"], answer.json["reason"]) == (200, "suppressed", "dropped")
    assert (await listed(at))["items"] == []
    async with pool.acquire() as db:
        [deed] = await audit.page(db, before=None, limit=9)
    assert (deed.action, deed.object) == ("delivery.drop", f"delivery:{letter}")


async def test_what_it_is_too_late_for_stays_dead(at: House, pool: Pool) -> None:
    letter = await bury(pool, deliver_by=now() - timedelta(seconds=1))
    answer = await at.call("admin", "POST", f"/v1/deliveries/{letter}/retry")
    assert (answer.status, answer.json["code"]) == (409, "too_late")
    async with pool.acquire() as db:
        assert (await row_of(db))["state"] == "dead"
        assert await audit.page(db, before=None, limit=9) == []


@pytest.mark.parametrize("deed", ["retry", "drop"])
async def test_what_is_not_there_is_not_found_and_what_waits_is_no_letter(at: House, pool: Pool, deed: str) -> None:
    assert (await at.call("admin", "POST", f"/v1/deliveries/{uuid4()}/{deed}")).status == 404
    assert (await at.call("admin", "POST", f"/v1/deliveries/x/{deed}")).status == 404
    async with pool.acquire() as db:
        waits = await write(db, 2)
    answer = await at.call("admin", "POST", f"/v1/deliveries/{waits}/{deed}")
    assert (answer.status, answer.json["code"]) == (409, "not_dead")
