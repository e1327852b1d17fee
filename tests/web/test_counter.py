"""The counter over HTTP: every answer of the contract, keys that make retries harmless, and guesses that lead nowhere."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.pipeline.rules import Rules, programme_of
from server.store import epoch, keys, segments
from server.store.pool import open_pool
from server.wallet.codes import code_for
from server.wallet.keyring import Kind
from tests.counter_rows import COFFEE, SINCE, add_store
from tests.web.counter import Counter, open_counter
from tests.web.serving import Answered, settings_with


@pytest.fixture(scope="module")
async def opened(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counter]:
    async with open_counter(shared_dsn, tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture
async def house(opened: Counter) -> Counter:
    return await opened.anew()


def without_id(answer: Answered) -> dict[str, Any]:
    return {name: value for name, value in answer.json.items() if name != "request_id"}


async def counted(house: Counter) -> tuple[int, int]:
    """How many redemptions and reversals are stored of this test's store."""
    made = "SELECT count(*) FROM redemptions WHERE store_id = $1"
    undone = (
        "SELECT count(*) FROM reversals v JOIN redemptions r ON r.bucket = v.bucket AND r.id = v.redemption_id"
        " WHERE r.store_id = $1"
    )
    return await house.value(made, house.store_id), await house.value(undone, house.store_id)


async def guesses(house: Counter) -> int:
    """How many wrong codes are held against this test's till."""
    of_its_key = "wrong_codes w JOIN api_keys k ON w.till_id LIKE '%' || k.id WHERE k.store_id = $1"
    return int(await house.value(f"SELECT coalesce(sum(w.count), 0) FROM {of_its_key}", house.store_id))


async def test_a_code_is_redeemed(house: Counter) -> None:
    told = await house.taken()
    answer = await house.redeem(told["code"])
    assert answer.status == 201
    assert set(answer.json) == {"id", "serial", "reward", "uses_left", "redeemed_at", "store_id"}
    assert (answer.json["serial"], answer.json["store_id"]) == (told["serial"], str(house.store_id))
    assert (answer.json["uses_left"], answer.json["reward"]) == (0, told["reward"])
    shown = await house.ask("GET", f"/v1/passes/{told['serial']}", by="kim")
    assert (shown.json["state"], shown.json["uses_left"]) == ("redeemed", 0)


async def test_a_redemption_and_its_reversal_move_the_customer_between_segments_at_once(
    db_dsn: str, tmp_path: Path
) -> None:
    settings = settings_with()
    async with await open_pool(db_dsn, size=2, application_name="rules") as pool:
        rules = Rules(pool, programme_of(settings))
        async with pool.transaction() as db:
            await epoch.bump(db)
            condition = {"event": {"name": "redemption", "within": "P7D"}}
            await segments.insert(db, name="redeemers", document=condition)
        await rules.refresh()
        async with open_counter(db_dsn, tmp_path, parts={"rules": rules}) as house:
            told = await house.taken()
            await house.value("UPDATE customers SET profiling = true RETURNING id")
            members = "SELECT count(*) FROM segment_members WHERE segment = 'redeemers' AND customer_id = $1"
            done = await house.redeem(told["code"])
            assert await house.value(members, house.customers["kim"]) == 1
            path = f"/v1/redemptions/{done.json['id']}/reversal"
            assert (await house.ask("POST", path, by="till", body={"reason": "oops"})).status == 201
            assert await house.value(members, house.customers["kim"]) == 0


async def test_a_code_is_read_as_people_type_it(house: Counter) -> None:
    code = (await house.taken())["code"]
    typed = " ".join(code[at : at + 4] for at in range(0, 48, 4)).lower()
    assert (await house.redeem(typed)).status == 201


async def test_the_second_till_is_told_when_and_where(house: Counter) -> None:
    code = (await house.taken())["code"]
    first = await house.redeem(code)
    await house.till("second")
    second = await house.redeem(code, by="second")
    assert (second.status, second.json["code"]) == (409, "already_redeemed")
    assert second.headers["Content-Type"] == "application/problem+json"
    assert (second.json["redeemed_at"], second.json["store_id"]) == (first.json["redeemed_at"], str(house.store_id))


async def test_fifty_requests_with_one_key_have_one_effect(house: Counter) -> None:
    code = (await house.taken())["code"]
    answers = await asyncio.gather(*(house.redeem(code, key="the-key") for _ in range(50)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert Tally(answer.headers.get("Idempotent-Replayed") for answer in answers) == {"true": 49, None: 1}
    assert await counted(house) == (1, 0)


async def test_fifty_requests_with_fifty_keys_have_one_effect_too(house: Counter) -> None:
    code = (await house.taken())["code"]
    answers = await asyncio.gather(*(house.redeem(code) for _ in range(50)))
    assert Tally(answer.status for answer in answers) == {201: 1, 409: 49}
    assert await counted(house) == (1, 0)


async def test_another_body_under_the_same_key_is_refused(house: Counter) -> None:
    first, second = (await house.taken())["code"], (await house.taken())["code"]
    assert (await house.redeem(first, key="k")).status == 201
    answer = await house.redeem(second, key="k")
    assert (answer.status, answer.json["code"]) == (422, "idempotency_mismatch")
    assert (await house.redeem(second, key="k2")).status == 201


async def test_the_same_key_of_another_till_is_another_key(house: Counter) -> None:
    first, second = (await house.taken())["code"], (await house.taken())["code"]
    await house.till("second")
    assert (await house.redeem(first, key="k")).status == 201
    assert (await house.redeem(second, key="k", by="second")).status == 201


async def test_a_refusal_that_settles_the_matter_is_kept(house: Counter) -> None:
    code = (await house.taken())["code"]
    await house.redeem(code)
    first = await house.redeem(code, key="late")
    second = await house.redeem(code, key="late")
    assert (first.status, second.status) == (409, 409)
    assert first.body == second.body
    assert second.headers["Idempotent-Replayed"] == "true"


async def test_a_refusal_that_may_change_is_not_kept(house: Counter) -> None:
    told = await house.taken(reward=dict(COFFEE) | {"minimum_purchase": {"minor": 500, "currency": "EUR"}})
    small = {"amount": {"minor": 499, "currency": "EUR"}}
    enough = {"amount": {"minor": 500, "currency": "EUR"}}
    refused = await house.redeem(told["code"], purchase=small, key="k")
    assert (refused.status, refused.json["code"]) == (422, "minimum_not_met")
    assert refused.json["errors"][0]["field"] == "purchase.amount"
    assert (await house.redeem(told["code"], purchase=enough, key="k")).status == 201


async def test_without_a_key_nothing_happens(house: Counter) -> None:
    code = (await house.taken())["code"]
    answer = await house.redeem(code, key=None)
    assert (answer.status, answer.json["code"]) == (400, "idempotency_key_required")
    assert await counted(house) == (0, 0)


async def test_a_test_answers_the_same_and_stores_nothing(house: Counter) -> None:
    told = await house.taken()
    rehearsed = await house.redeem(told["code"], test=True)
    assert rehearsed.status == 200
    assert await counted(house) == (0, 0)
    done = await house.redeem(told["code"])
    assert done.status == 201
    assert set(rehearsed.json) == set(done.json)
    assert rehearsed.json["uses_left"] == done.json["uses_left"] == 0
    again = await house.redeem(told["code"], test=True)
    assert (again.status, again.json["code"]) == (409, "already_redeemed")


async def test_forged_and_unknown_codes_get_the_same_bytes(house: Counter) -> None:
    genuine = code_for(uuid4(), key=house.keyring.current(Kind.CODE, now=SINCE))
    answers = [await house.redeem(code) for code in (genuine, "0" * 48, "hello", genuine[:-1] + "?")]
    assert {answer.status for answer in answers} == {404}
    assert [without_id(answer) for answer in answers] == [without_id(answers[0])] * 4
    assert answers[0].json["code"] == "unknown_code"


async def test_thirty_wrong_codes_in_a_minute_are_enough(db_dsn: str, tmp_path: Path) -> None:
    async with open_counter(db_dsn, tmp_path) as house:
        good = (await house.taken())["code"]
        statuses = [(await house.redeem(f"{number:048d}")).status for number in range(32)]
        assert statuses == [404] * 30 + [429] * 2
        blocked = await house.redeem(good)
        assert (blocked.status, blocked.json["code"]) == (429, "too_many_wrong_codes")
        assert 1 <= int(blocked.headers["Retry-After"]) <= 60
        checked = await house.ask("POST", "/v1/redemptions/check", by="till", body={"code": good})
        assert checked.status == 429
        await house.till("second")
        assert (await house.redeem(good, by="second")).status == 201


async def test_the_limit_is_the_setting(db_dsn: str, tmp_path: Path) -> None:
    async with open_counter(db_dsn, tmp_path, limits__wrong_codes_per_minute=2) as house:
        statuses = [(await house.redeem("0" * 48)).status for _ in range(4)]
        assert statuses == [404, 404, 429, 429]


async def test_conflicts_do_not_count_as_wrong(db_dsn: str, tmp_path: Path) -> None:
    async with open_counter(db_dsn, tmp_path, limits__wrong_codes_per_minute=2) as house:
        code = (await house.taken())["code"]
        statuses = [(await house.redeem(code)).status for _ in range(8)]
        assert statuses == [201] + [409] * 7


async def test_wrong_codes_at_once_are_counted_exactly_and_nobody_is_stuck(db_dsn: str, tmp_path: Path) -> None:
    async with open_counter(db_dsn, tmp_path, limits__wrong_codes_per_minute=20) as house:
        genuine = code_for(uuid4(), key=house.keyring.current(Kind.CODE, now=SINCE))
        answers = await asyncio.gather(*(house.redeem(genuine if n % 2 else "0" * 48) for n in range(60)))
        assert Tally(answer.status for answer in answers) == {404: 20, 429: 40}


async def test_another_stores_till_is_refused(house: Counter) -> None:
    async with house.pool.transaction() as db:
        other = await add_store(db, name="Bahnhof")
    await house.till("elsewhere", store_id=other)
    told = await house.taken(redeem_at={"ids": [str(house.store_id)]})
    answer = await house.redeem(told["code"], by="elsewhere")
    assert (answer.status, answer.json["code"]) == (403, "wrong_store")
    assert (await house.redeem(told["code"])).status == 201


async def test_before_its_time_a_pass_is_too_early(house: Counter) -> None:
    later = await house.value("SELECT clock_timestamp() + interval '1 hour'")
    told = await house.taken(valid_from=later)
    answer = await house.redeem(told["code"])
    assert (answer.status, answer.json["code"]) == (425, "not_yet_valid")


async def test_after_its_time_a_pass_is_gone(house: Counter) -> None:
    told = await house.taken()
    async with house.pool.acquire() as db:
        await db.execute("UPDATE passes SET valid_until = clock_timestamp()")
    answer = await house.redeem(told["code"])
    assert (answer.status, answer.json["code"]) == (410, "expired")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"code": ""},
        {"code": 5},
        {"code": "x" * 1001},
        {"code": "x", "more": 1},
        {"code": "x", "test": "yes"},
        {"code": "x", "purchase": {}},
        {"code": "x", "purchase": {"amount": {"minor": -1, "currency": "EUR"}}},
        {"code": "x", "purchase": {"amount": {"minor": 1, "currency": "euro"}}},
        {"code": "x", "purchase": {"amount": {"minor": 1, "currency": "EUR"}, "order_id": ""}},
    ],
)
async def test_a_wrong_body_is_named_by_its_field(house: Counter, body: dict[str, Any]) -> None:
    answer = await house.ask("POST", "/v1/redemptions", by="till", body=body)
    assert answer.status == 422
    assert answer.json["errors"]
    assert await guesses(house) == 0


@pytest.mark.parametrize("path", ["/v1/redemptions", "/v1/redemptions/check"])
async def test_only_tills_redeem(house: Counter, path: str) -> None:
    code = (await house.taken())["code"]
    for by, status in (("kim", 403), ("admin", 403), (None, 401)):
        assert (await house.ask("POST", path, by=by, body={"code": code})).status == status
    assert await counted(house) == (0, 0)


async def test_a_check_says_what_a_redemption_would(house: Counter) -> None:
    told = await house.taken()
    ask = {"code": told["code"]}
    before = await house.ask("POST", "/v1/redemptions/check", by="till", body=ask, key=None)
    assert before.status == 200
    assert (before.json["would"], before.json["code"], before.json["uses_left"]) == (201, None, 0)
    assert (before.json["serial"], before.json["reward"]) == (told["serial"], told["reward"])
    done = await house.redeem(told["code"])
    after = await house.ask("POST", "/v1/redemptions/check", by="till", body=ask, key=None)
    assert (after.status, after.json["would"], after.json["code"]) == (200, 409, "already_redeemed")
    assert (after.json["redeemed_at"], after.json["store_id"]) == (done.json["redeemed_at"], str(house.store_id))


async def test_a_check_of_an_unknown_code_would_be_404(house: Counter) -> None:
    genuine = code_for(uuid4(), key=house.keyring.current(Kind.CODE, now=SINCE))
    for code in ("0" * 48, genuine):
        answer = await house.ask("POST", "/v1/redemptions/check", by="till", body={"code": code})
        assert (answer.status, answer.json["would"], answer.json["code"]) == (200, 404, "unknown_code")
    assert await guesses(house) == 2


async def test_a_hold_keeps_another_till_away(house: Counter) -> None:
    code = (await house.taken())["code"]
    await house.till("second")
    held = await house.ask("POST", "/v1/redemptions/check", by="till", body={"code": code, "hold": "PT2M"})
    assert (held.json["would"], held.json["held_until"] is not None) == (201, True)
    refused = await house.redeem(code, by="second")
    assert (refused.status, refused.json["code"]) == (409, "held")
    checked = await house.ask("POST", "/v1/redemptions/check", by="second", body={"code": code, "hold": "PT2M"})
    assert (checked.json["would"], checked.json["code"], checked.json["held_until"]) == (409, "held", None)
    assert (await house.redeem(code)).status == 201


@pytest.mark.parametrize("hold", ["PT5M1S", "P1D", "PT0S", "2 minutes", "", "-PT1M", "PT1H"])
async def test_a_hold_is_at_most_five_minutes(house: Counter, hold: str) -> None:
    code = (await house.taken())["code"]
    answer = await house.ask("POST", "/v1/redemptions/check", by="till", body={"code": code, "hold": hold})
    assert answer.status == 422
    assert [error["field"] for error in answer.json["errors"]] == ["hold"]


async def reverse(house: Counter, identifier: str, *, by: str = "till", key: str = "new") -> Answered:
    path = f"/v1/redemptions/{identifier}/reversal"
    return await house.ask("POST", path, by=by, body={"reason": "changed their mind"}, key=key)


async def test_a_redemption_is_taken_back_and_made_again(house: Counter) -> None:
    told = await house.taken()
    done = await house.redeem(told["code"], key="first")
    back = await reverse(house, done.json["id"])
    assert back.status == 201
    assert set(back.json) == {"id", "redemption_id", "serial", "uses_left", "reversed_at"}
    assert (back.json["redemption_id"], back.json["uses_left"]) == (done.json["id"], 1)
    replayed = await house.redeem(told["code"], key="first")
    assert (replayed.status, replayed.body) == (201, done.body)
    assert (await house.redeem(told["code"])).status == 201
    assert await counted(house) == (2, 1)


async def test_it_is_taken_back_once(house: Counter) -> None:
    done = await house.redeem((await house.taken())["code"])
    first = await reverse(house, done.json["id"], key="back")
    assert (await reverse(house, done.json["id"], key="back")).body == first.body
    again = await reverse(house, done.json["id"])
    assert (again.status, again.json["code"]) == (409, "already_reversed")
    assert await counted(house) == (1, 1)


async def test_another_store_does_not_find_it(house: Counter) -> None:
    done = await house.redeem((await house.taken())["code"])
    async with house.pool.transaction() as db:
        other = await add_store(db)
    await house.till("elsewhere", store_id=other)
    foreign = await reverse(house, done.json["id"], by="elsewhere")
    unknown = await reverse(house, str(uuid4()), by="elsewhere")
    assert (foreign.status, unknown.status) == (404, 404)
    assert without_id(foreign) == without_id(unknown)


async def test_after_the_window_only_an_admin_can(db_dsn: str, tmp_path: Path) -> None:
    async with open_counter(db_dsn, tmp_path, reversal__window_s=0) as house:
        done = await house.redeem((await house.taken())["code"])
        late = await reverse(house, done.json["id"])
        assert (late.status, late.json["code"]) == (403, "reversal_window_over")
        assert (await reverse(house, done.json["id"], by="admin")).status == 201
        assert await house.value("SELECT count(*) FROM audit WHERE action = 'redemption.reverse'") == 1


async def test_a_customer_takes_nothing_back(house: Counter) -> None:
    done = await house.redeem((await house.taken())["code"])
    assert (await reverse(house, done.json["id"], by="kim")).status == 403
    assert await counted(house) == (1, 0)


async def test_a_till_without_a_store_redeems_nothing(house: Counter) -> None:
    """A `counter` user whose store was taken away; keys of tills always have one."""
    from server.web.access import Kind as Caller
    from server.web.access import Principal
    from server.web.counter import till_of

    class Lonely:
        principal = Principal(Caller.TILL, "user:x", frozenset({Caller.TILL}))

    with pytest.raises(Exception, match="no store"):
        till_of(Lonely())  # type: ignore[arg-type]


async def test_a_revoked_till_is_out_within_a_second(house: Counter) -> None:
    code = (await house.taken())["code"]
    async with house.pool.transaction() as db:
        identifier: UUID = await db.fetchval("SELECT id FROM api_keys WHERE store_id = $1", house.store_id)
        await keys.revoke(db, id_=identifier)
    assert (await house.redeem(code)).status == 401
