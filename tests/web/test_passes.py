"""Passes over HTTP: taken once, shown to their customer alone, voided by an admin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from server.wallet.codes import read_code
from tests.web.counter import Counter, open_counter


@pytest.fixture(scope="module")
async def opened(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counter]:
    async with open_counter(shared_dsn, tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture
async def house(opened: Counter) -> Counter:
    return await opened.anew()


async def test_a_moment_is_taken_and_its_pass_told(house: Counter) -> None:
    told = await house.taken()
    assert set(told) == {"serial", "offer_id", "state", "reward", "valid_until", "code", "uses_left", "links"}
    assert (told["state"], told["uses_left"], told["offer_id"]) == ("active", 1, str(house.offer_id))
    assert told["reward"] == {
        "type": "free_item",
        "sku": "coffee-small",
        "uses": 1,
        "value": {"minor": 250, "currency": "EUR"},
    }
    assert told["valid_until"].endswith("Z")
    assert told["links"]["google"] is None
    assert told["links"]["apple"].startswith(f"{house.served.url}/p/")


async def test_the_code_names_the_serial(house: Counter) -> None:
    told = await house.taken()
    async with house.pool.acquire() as db:
        now = await db.fetchval("SELECT clock_timestamp()")
    assert str(read_code(told["code"], keyring=house.keyring, now=now)) == told["serial"]


async def test_the_same_key_gives_the_same_bytes(house: Counter) -> None:
    moment_id = await house.moment()
    first = await house.ask("POST", f"/v1/moments/{moment_id}/pass", by="kim", key="once")
    second = await house.ask("POST", f"/v1/moments/{moment_id}/pass", by="kim", key="once")
    assert (first.status, second.status) == (201, 201)
    assert first.body == second.body
    assert second.headers["Idempotent-Replayed"] == "true"


async def test_a_new_key_later_gives_the_same_pass_with_200(house: Counter) -> None:
    moment_id = await house.moment()
    first = await house.ask("POST", f"/v1/moments/{moment_id}/pass", by="kim")
    second = await house.ask("POST", f"/v1/moments/{moment_id}/pass", by="kim", body={})
    assert (first.status, second.status) == (201, 200)
    assert first.json["pass"]["serial"] == second.json["pass"]["serial"]
    assert first.json["pass"]["code"] == second.json["pass"]["code"]


async def test_thirty_askings_at_once_make_one_pass(house: Counter) -> None:
    moment_id = await house.moment()
    asked = [house.ask("POST", f"/v1/moments/{moment_id}/pass", by="kim") for _ in range(30)]
    answers = await asyncio.gather(*asked)
    assert sorted({answer.status for answer in answers}) == [200, 201]
    assert sum(answer.status == 201 for answer in answers) == 1
    assert len({answer.json["pass"]["serial"] for answer in answers}) == 1


async def test_without_a_key_nothing_is_taken(house: Counter) -> None:
    moment_id = await house.moment()
    answer = await house.ask("POST", f"/v1/moments/{moment_id}/pass", by="kim", key=None)
    assert (answer.status, answer.json["code"]) == (400, "idempotency_key_required")
    assert await house.value("SELECT count(*) FROM passes WHERE offer_id = $1", house.offer_id) == 0


async def test_an_expired_moment_is_gone(house: Counter) -> None:
    moment_id = await house.moment(state="expired")
    answer = await house.ask("POST", f"/v1/moments/{moment_id}/pass", by="kim")
    assert (answer.status, answer.json["code"]) == (410, "expired")


async def test_a_foreign_a_held_out_and_an_unknown_moment_look_alike(house: Counter) -> None:
    foreign = await house.moment("lee")
    held_out = await house.moment("kim", held_out=True)
    problems = []
    for moment_id in (foreign, held_out, uuid4()):
        answer = await house.ask("POST", f"/v1/moments/{moment_id}/pass", by="kim")
        assert answer.status == 404
        problems.append({name: value for name, value in answer.json.items() if name != "request_id"})
    assert problems == [problems[0]] * 3


async def test_a_moment_without_a_reward_is_told_apart(house: Counter) -> None:
    moment_id = await house.moment(reward=None)
    answer = await house.ask("POST", f"/v1/moments/{moment_id}/pass", by="kim")
    assert (answer.status, answer.json["code"]) == (409, "no_reward")


async def test_one_sees_ones_own_passes_in_pages(house: Counter) -> None:
    serials = [(await house.taken())["serial"] for _ in range(5)]
    await house.taken("lee")
    seen, path = [], "/v1/passes?limit=2"
    while path:
        answer = await house.ask("GET", path, by="kim")
        assert answer.status == 200
        assert len(answer.json["items"]) <= 2
        seen += [item["serial"] for item in answer.json["items"]]
        path = f"/v1/passes?limit=2&cursor={answer.json['next']}" if answer.json["next"] else ""
    assert seen == serials[::-1]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=%21", "page=2"])
async def test_an_impossible_page_is_refused(house: Counter, query: str) -> None:
    await house.customer()
    answer = await house.ask("GET", f"/v1/passes?{query}", by="kim")
    assert answer.status == 422


async def test_a_pass_is_shown_to_its_customer_alone(house: Counter) -> None:
    told = await house.taken()
    await house.customer("lee")
    own = await house.ask("GET", f"/v1/passes/{told['serial']}", by="kim")
    assert own.status == 200
    assert {name: own.json[name] for name in told if name != "links"} == {
        name: value for name, value in told.items() if name != "links"
    }
    foreign = await house.ask("GET", f"/v1/passes/{told['serial']}", by="lee")
    unknown = await house.ask("GET", f"/v1/passes/{uuid4()}", by="lee")
    malformed = await house.ask("GET", "/v1/passes/1", by="lee")
    assert {answer.status for answer in (foreign, unknown, malformed)} == {404}
    assert len({str({**answer.json, "request_id": ""}) for answer in (foreign, unknown, malformed)}) == 1


async def test_a_pass_after_its_end_is_shown_as_expired(house: Counter) -> None:
    told = await house.taken()
    async with house.pool.acquire() as db:
        ended = "UPDATE passes SET valid_until = clock_timestamp() - interval '1 minute' WHERE serial = $1"
        await db.execute(ended, UUID(told["serial"]))
    answer = await house.ask("GET", f"/v1/passes/{told['serial']}", by="kim")
    assert answer.json["state"] == "expired"


async def test_an_admin_voids_once(house: Counter) -> None:
    told = await house.taken()
    path, body = f"/v1/passes/{told['serial']}/void", {"reason": "a mistake"}
    first = await house.ask("POST", path, by="admin", body=body, key="void")
    assert (first.status, first.json["state"], first.json["serial"]) == (200, "voided", told["serial"])
    replayed = await house.ask("POST", path, by="admin", body=body, key="void")
    assert (replayed.status, replayed.body) == (200, first.body)
    again = await house.ask("POST", path, by="admin", body=body)
    assert (again.status, again.json["code"]) == (409, "already_voided")
    redeemed = await house.redeem(told["code"])
    assert (redeemed.status, redeemed.json["code"]) == (410, "voided")
    assert await house.value("SELECT count(*) FROM audit WHERE action = 'pass.void'") == 1


@pytest.mark.parametrize("by", ["kim", "till", None])
async def test_nobody_else_voids(house: Counter, by: str | None) -> None:
    told = await house.taken()
    answer = await house.ask("POST", f"/v1/passes/{told['serial']}/void", by=by, body={"reason": "mine"})
    assert answer.status == (401 if by is None else 403)
    assert await house.value("SELECT state FROM passes WHERE serial = $1", UUID(told["serial"])) == "active"


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x" * 501}, {"reason": 5}, {"reason": "a", "more": 1}])
async def test_a_void_needs_a_reason(house: Counter, body: dict[str, object]) -> None:
    told = await house.taken()
    answer = await house.ask("POST", f"/v1/passes/{told['serial']}/void", by="admin", body=body)
    assert answer.status == 422
    assert await house.value("SELECT state FROM passes WHERE serial = $1", UUID(told["serial"])) == "active"
