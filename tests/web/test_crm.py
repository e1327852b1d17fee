"""Other systems about customers: profiles by the brand's number, events once by their id, and nobody is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from server.store.clock import DatabaseClock
from server.store.pool import Pool
from server.web import crm
from tests.web.authors import House, house

PROFILE = {"locale": "de-DE", "time_zone": "Europe/Berlin", "attributes": {"tier": "gold"}}


@pytest.fixture
async def clock(pool: Pool) -> DatabaseClock:
    """The database's clock, looked at."""
    found = DatabaseClock()
    async with pool.acquire() as db:
        await found.sync(db)
    return found


@pytest.fixture
async def at(pool: Pool, clock: DatabaseClock) -> AsyncIterator[House]:
    """The doors of other systems on a database of their own."""
    async with house(pool, crm, clock=clock) as served:
        yield served


async def _write(at: House, number: str = "C-1", **body: Any) -> Any:
    answer = await at.call("crm", "PUT", f"/v1/customers/{number}", body)
    assert answer.status == 200, answer.body
    return answer.json


async def _see(at: House, number: str = "C-1") -> list[dict[str, Any]]:
    answer = await at.call("admin", "GET", f"/v1/customers?external_id={number}")
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.json["items"]
    return items


async def test_a_number_that_is_not_known_makes_a_customer_who_agreed_to_nothing(at: House, pool: Pool) -> None:
    made = await _write(at, **PROFILE)
    assert made["created"]
    [seen] = await _see(at)
    assert seen["customer_id"] == made["customer_id"]
    assert {key: seen[key] for key in PROFILE} == PROFILE
    assert seen["consents"] == {"location": False, "push": False, "profiling": False}
    async with pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM customer_state") == 1
        assert await db.fetchval("SELECT count(*) FROM customer_tokens") == 0


async def test_what_is_not_named_stays_and_null_takes_away(at: House) -> None:
    first = await _write(at, **PROFILE)
    second = await _write(at, attributes={"tier": None, "visits": 3}, locale=None)
    assert second == {"customer_id": first["customer_id"], "created": False}
    [seen] = await _see(at)
    assert (seen["locale"], seen["time_zone"], seen["attributes"]) == (None, "Europe/Berlin", {"visits": 3})


async def test_of_many_who_write_a_new_number_at_once_one_makes_the_customer(at: House) -> None:
    made = await asyncio.gather(*(_write(at, attributes={f"a{n}": n}) for n in range(12)))
    assert sum(each["created"] for each in made) == 1
    assert len({each["customer_id"] for each in made}) == 1
    [seen] = await _see(at)
    assert seen["attributes"] == {f"a{n}": n for n in range(12)}


async def test_what_an_admin_writes_is_audited(at: House, pool: Pool) -> None:
    assert (await at.call("admin", "PUT", "/v1/customers/C-1", PROFILE)).json["created"]
    await _write(at, attributes={"tier": "silver"})
    async with pool.acquire() as db:
        rows = await db.fetch("SELECT actor, action, object FROM audit WHERE action = 'customer.write'")
    [seen] = await _see(at)
    assert [(row["action"], row["object"]) for row in rows] == [("customer.write", f"customer:{seen['customer_id']}")]
    assert seen["attributes"] == {"tier": "silver"}


async def test_a_number_that_nobody_has_finds_nobody(at: House) -> None:
    assert await _see(at, "nobody") == []


async def test_mistakes_in_a_profile_are_told_with_their_paths(at: House) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"time_zone": "Mars"}, "time_zone"),
        ({"attributes": {"1": 1}}, "attributes"),
        ({"consents": {"push": True}}, "consents"),
        ({"locale": "!"}, "locale"),
    ]
    for body, field in wrong:
        answer = await at.call("crm", "PUT", "/v1/customers/C-1", body)
        assert (answer.status, [each["field"] for each in answer.json["errors"]]) == (422, [field])
    assert await _see(at) == []


def _event(clock: DatabaseClock, identifier: str = "1", name: str = "parcel", **later: float) -> dict[str, Any]:
    return {"id": identifier, "name": name, "at": (clock.now() + timedelta(**later)).isoformat()}


async def _tell(at: House, *events: dict[str, Any], number: str = "C-1") -> Any:
    return await at.call("crm", "POST", f"/v1/customers/{number}/events", {"events": list(events)})


async def test_an_event_counts_once_by_its_id_and_waits_to_be_decided(
    at: House, pool: Pool, clock: DatabaseClock
) -> None:
    made = await _write(at)
    await _write(at, "C-2")
    first = await _tell(at, _event(clock), _event(clock, "2"), _event(clock, "2"), _event(clock, "3", minutes=3))
    assert first.json == {"accepted": 2, "duplicates": 1, "rejected": [{"id": "3", "code": "bad_time"}]}
    assert (await _tell(at, _event(clock))).json == {"accepted": 0, "duplicates": 1, "rejected": []}
    assert (await _tell(at, _event(clock), number="C-2")).json["accepted"] == 1
    async with pool.acquire() as db:
        rows = await db.fetch(
            "SELECT customer_id, name FROM occasions JOIN customer_events USING (bucket, id, customer_id, name)"
        )
    assert sorted(row["name"] for row in rows) == ["parcel"] * 3
    assert sum(row["customer_id"] == UUID(made["customer_id"]) for row in rows) == 2


async def test_of_fifty_who_tell_of_one_event_at_once_one_is_counted(
    at: House, pool: Pool, clock: DatabaseClock
) -> None:
    await _write(at)
    told = await asyncio.gather(*(_tell(at, _event(clock)) for _ in range(50)))
    assert {each.status for each in told} == {200}
    assert sum(each.json["accepted"] for each in told) == 1
    assert sum(each.json["duplicates"] for each in told) == 49
    async with pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM customer_events") == 1


async def test_what_kairos_tells_itself_nobody_else_may_tell(at: House, clock: DatabaseClock) -> None:
    await _write(at)
    for name in crm.OURS:
        answer = await _tell(at, _event(clock), _event(clock, "2", name))
        assert (answer.status, answer.json["errors"][0]["field"]) == (422, "events[1].name"), name
    assert (await _tell(at, _event(clock))).json["accepted"] == 1


async def test_events_of_nobody_and_too_many_at_once_are_refused(at: House, clock: DatabaseClock) -> None:
    assert (await _tell(at, _event(clock))).status == 404
    await _write(at)
    assert (await _tell(at, *(_event(clock, str(n)) for n in range(501)))).status == 422
    assert (await _tell(at)).status == 422


async def test_an_answer_has_a_score_and_nothing_else_has(at: House, pool: Pool, clock: DatabaseClock) -> None:
    await _write(at)
    told = await _tell(
        at, _event(clock, "a", "nps") | {"score": 10}, _event(clock, "b", "nps") | {"score": 0}, _event(clock)
    )
    assert told.json["accepted"] == 3
    async with pool.acquire() as db:
        rows = await db.fetch("SELECT name, score FROM customer_events ORDER BY name, score")
    assert [tuple(row) for row in rows] == [("nps", 0), ("nps", 10), ("parcel", None)]
    wrong = _event(clock, "c", "nps"), _event(clock, "d") | {"score": 5}, _event(clock, "e", "nps") | {"score": 11}
    for event, field in zip(wrong, ("events[0].score", "events[0].score", "events[0].score"), strict=True):
        refused = await _tell(at, event)
        assert (refused.status, [each["field"] for each in refused.json["errors"]]) == (422, [field])
