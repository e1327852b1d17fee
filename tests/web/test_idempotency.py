"""The same key and body: one effect, the same answer. On a real database, in one process and across two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import pytest

from server.errors import Conflict, Forbidden, Gone, IdempotencyKeyRequired, Invalid, TooMany, Unavailable, Unreadable
from server.store import keys
from server.store.pool import Contended, Pool, open_pool
from server.web.access import Access, Kind
from server.web.call import Call, Reply
from server.web.door import door
from server.web.idempotency import Line, read_key
from tests.web.serving import Answered, Served, serving, settings_with


class Thing(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: str
    outcome: str = "made"
    wait_s: float = 0.0


class Made(msgspec.Struct, frozen=True):
    id: str
    name: str


REFUSALS: dict[str, Exception] = {
    "conflict": Conflict(code="already_there"),
    "gone": Gone(code="expired"),
    "forbidden": Forbidden(),
    "invalid": Invalid("wrong"),
    "many": TooMany(),
    "away": Unavailable(),
    "bug": ZeroDivisionError(),
}


async def _write(call: Call) -> UUID:
    async with call.transaction() as db:
        made: UUID = await db.fetchval("INSERT INTO things (name) VALUES ($1) RETURNING id", call.body.name)
        if call.body.wait_s:
            await asyncio.sleep(call.body.wait_s)
    async with call.connection() as db:  # the same connection: its own writes are seen
        assert await db.fetchval("SELECT true FROM things WHERE id = $1", made)
    return made


@door("POST", "/v1/things", body=Thing, answer=Made, status=201, idempotency="required")
async def make(call: Call) -> Made | Reply:
    made = await _write(call)
    if call.body.outcome in REFUSALS:
        raise REFUSALS[call.body.outcome]
    if call.body.outcome == "again":
        return Reply(200, Made(str(made), call.body.name), headers={"X-Note": "first"})
    return Made(str(made), call.body.name)


@door("POST", "/v1/things/{id}", body=Thing, answer=Made, idempotency="optional")
async def remake(call: Call) -> Made:
    return Made(str(await _write(call)), call.body.name)


@door("POST", "/v1/contended", body=Thing, answer=Made, idempotency="required")
async def contended(call: Call) -> Made:
    made = await _write(call)
    async with call.connection() as db:
        tries = await db.fetchval("SELECT nextval('tries')")
    if tries < int(call.body.name):
        raise Contended
    return Made(str(made), str(tries))


DOORS = [make, remake, contended]
TABLE = {(each.method, each.path): Access(frozenset({Kind.ADMIN, Kind.CRM})) for each in DOORS}


@pytest.fixture
async def things(pool: Pool) -> Pool:
    async with pool.acquire() as db:
        await db.execute("CREATE TABLE things (id uuid DEFAULT gen_random_uuid() PRIMARY KEY, name text)")
        await db.execute("CREATE SEQUENCE tries")
    return pool


@pytest.fixture
async def served(things: Pool) -> AsyncIterator[Served]:
    async with serving(DOORS, settings_with(), things, table=TABLE) as running:
        yield running


@pytest.fixture
async def token(things: Pool) -> str:
    return await a_token(things)


async def a_token(pool: Pool, kind: str = "admin") -> str:
    async with pool.acquire() as db:
        made = await keys.create(db, kind=kind)
    assert made is not None
    return made.token


async def post(served: Served, token: str, key: str | None, path: str = "/v1/things", **body: Any) -> Answered:
    headers = {"Authorization": f"Bearer {token}"} | ({} if key is None else {"Idempotency-Key": key})
    return await served.call("POST", path, json={"name": "x"} | body, headers=headers)


async def count(pool: Pool) -> int:
    async with pool.acquire() as db:
        return int(await db.fetchval("SELECT count(*) FROM things"))


async def test_the_second_answer_is_the_first_one_again_and_says_so(served: Served, token: str, things: Pool) -> None:
    first = await post(served, token, "k")
    second = await post(served, token, "k")
    assert (first.status, first.body) == (second.status, second.body) == (201, first.body)
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Content-Type"] == first.headers["Content-Type"] == "application/json"
    assert second.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert await count(things) == 1


async def test_the_same_body_written_otherwise_is_the_same_body(served: Served, token: str, things: Pool) -> None:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k", "Content-Type": "application/json"}
    first = await served.call("POST", "/v1/things", data=b'{"name": "caf\xc3\xa9", "wait_s": 0}', headers=headers)
    second = await served.call("POST", "/v1/things", data=b'{"wait_s":0,"name":"cafe\\u0301"}', headers=headers)
    assert second.body == first.body
    assert await count(things) == 1


async def test_another_body_under_the_same_key_is_refused(served: Served, token: str, things: Pool) -> None:
    await post(served, token, "k", name="a")
    other = await post(served, token, "k", name="b")
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
    assert await count(things) == 1


async def test_another_principal_route_or_key_is_another_request(served: Served, token: str, things: Pool) -> None:
    other = await a_token(things, "crm")
    assert (await post(served, token, "k")).status == 201
    assert (await post(served, other, "k")).status == 201
    assert (await post(served, token, "l")).status == 201
    for number in (1, 2):
        assert (await post(served, token, "k", f"/v1/things/{UUID(int=number)}")).status == 200
    assert await count(things) == 5


async def test_a_missing_key_is_a_400_where_it_is_required_and_nothing_where_not(
    served: Served, token: str, things: Pool
) -> None:
    missing = await post(served, token, None)
    assert (missing.status, missing.json["code"]) == (400, "idempotency_key_required")
    assert await count(things) == 0
    path = f"/v1/things/{UUID(int=1)}"
    assert (await post(served, token, None, path)).body != (await post(served, token, None, path)).body


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256, "a\tb", "\x7f"])
def test_a_key_is_1_to_255_visible_ascii_characters(key: str) -> None:
    with pytest.raises(Unreadable):
        read_key(key, required=False)


def test_a_good_key_is_taken_and_a_missing_one_only_where_it_may_be() -> None:
    assert read_key("x" * 255, required=True) == "x" * 255
    assert read_key("!~", required=False) == "!~"
    assert read_key(None, required=False) is None
    with pytest.raises(IdempotencyKeyRequired):
        read_key(None, required=True)


@pytest.mark.parametrize("outcome", ["conflict", "gone"])
async def test_a_refusal_that_settles_it_is_kept_and_what_was_written_is_undone(
    served: Served, token: str, things: Pool, outcome: str
) -> None:
    first = await post(served, token, "k", outcome=outcome)
    second = await post(served, token, "k", outcome=outcome)
    assert first.status in (409, 410)
    assert (second.status, second.body) == (first.status, first.body)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Content-Type"] == "application/problem+json"
    assert await count(things) == 0


@pytest.mark.parametrize("outcome", ["forbidden", "invalid", "many", "away", "bug"])
async def test_a_refusal_that_may_be_different_next_time_is_not_kept(
    served: Served, token: str, things: Pool, outcome: str
) -> None:
    assert (await post(served, token, "k", outcome=outcome)).status in (403, 422, 429, 503, 500)
    assert await count(things) == 0
    made = await post(served, token, "k", outcome="made")  # another body even: the key is free
    assert made.status == 201
    assert "Idempotent-Replayed" not in made.headers


async def test_an_answer_with_a_status_of_its_own_is_kept_with_it(served: Served, token: str) -> None:
    first = await post(served, token, "k", outcome="again")
    second = await post(served, token, "k", outcome="again")
    assert (first.status, first.headers["X-Note"]) == (200, "first")
    assert (second.status, second.body) == (200, first.body)


async def test_what_is_kept_is_sealed_and_the_key_is_hidden(served: Served, token: str, things: Pool) -> None:
    await post(served, token, "the-clients-key", name="hush-hush")
    async with things.acquire() as db:
        row = dict(await db.fetchrow("SELECT * FROM idempotency_keys") or {})
    assert "the-clients-key" not in repr(row)
    assert b"hush-hush" not in row["body"]
    assert (await post(served, token, "the-clients-key", name="hush-hush")).json["name"] == "hush-hush"


async def test_fifty_at_once_are_one(served: Served, token: str, things: Pool) -> None:
    answers = await asyncio.gather(*(post(served, token, "k", wait_s=0.02) for _ in range(50)))
    assert {(answered.status, answered.body) for answered in answers} == {(201, answers[0].body)}
    assert sum("Idempotent-Replayed" in answered.headers for answered in answers) == 49
    assert await count(things) == 1


async def test_fifty_at_once_over_two_processes_pools_are_one(
    served: Served, token: str, things: Pool, db_dsn: str
) -> None:
    async with (
        await open_pool(db_dsn, size=4, application_name="other") as other,
        serving(DOORS, settings_with(), other, table=TABLE) as second,
    ):
        answers = await asyncio.gather(
            *(post((served, second)[number % 2], token, "k", wait_s=0.02) for number in range(50))
        )
    assert {(answered.status, answered.body) for answered in answers} == {(201, answers[0].body)}
    assert sum("Idempotent-Replayed" in answered.headers for answered in answers) == 49
    assert await count(things) == 1


async def test_many_requests_with_one_key_leave_connections_to_the_others(db_dsn: str, things: Pool) -> None:
    token = await a_token(things)
    async with (
        await open_pool(db_dsn, size=3, application_name="small", acquire_timeout_s=0.5) as small,
        serving(DOORS, settings_with(), small, table=TABLE) as served,
    ):
        stuck = [asyncio.create_task(post(served, token, "k", wait_s=1.0)) for _ in range(20)]
        await asyncio.sleep(0.1)
        assert (await post(served, token, "other")).status == 201
        assert {answered.status for answered in await asyncio.gather(*stuck)} == {201}


async def test_a_lost_race_is_run_again_and_not_told(served: Served, token: str, things: Pool) -> None:
    answered = await post(served, token, "k", "/v1/contended", name="3")
    assert (answered.status, answered.json["name"]) == (200, "3")
    assert await count(things) == 1


async def test_a_race_that_is_lost_again_and_again_is_not_now_and_never_a_conflict(
    served: Served, token: str, things: Pool
) -> None:
    answered = await post(served, token, "k", "/v1/contended", name="99")
    assert answered.status == 503
    assert answered.headers["Retry-After"] == "1"
    assert await count(things) == 0


async def test_a_line_forgets_who_has_left() -> None:
    line = Line()

    async def stand() -> None:
        async with line.turn("k"):
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(stand()) for _ in range(5)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert line._turns == {}
