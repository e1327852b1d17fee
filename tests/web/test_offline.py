"""A till without a network over HTTP: terms, keys, records sent twice, answers that were lost, and what was tampered with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.counter_rows import add_store
from tests.till_book import TillBook
from tests.web.counter import Counter, open_counter
from tests.web.serving import Answered

PATH = "/v1/redemptions/offline"


@pytest.fixture(scope="module")
async def opened(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counter]:
    changes: dict[str, Any] = {"offline__codes": True, "limits__offline_records": 3, "limits__till_keys": 2}
    async with open_counter(shared_dsn, tmp_path_factory.mktemp("house"), **changes) as opened:
        yield opened


@pytest.fixture
async def house(opened: Counter) -> Counter:
    return await opened.anew()


async def registered(house: Counter, *, by: str = "till") -> TillBook:
    book = TillBook()
    made = await house.ask("POST", f"{PATH}/keys", by=by, body={"public_key": book.public_key})
    assert made.status == 201, made.body
    assert made.json["n"] == 0
    return book.known_as(made.json["id"])


async def send(house: Counter, book: TillBook, *records: dict[str, Any], by: str = "till") -> Answered:
    return await house.ask("POST", PATH, by=by, body=book.body(*records))


async def test_a_till_is_told_its_terms(house: Counter) -> None:
    told = (await house.ask("GET", PATH, by="till")).json
    assert (told["store_id"], told["store"], told["time_zone"]) == (str(house.store_id), "Marktplatz", "Europe/Berlin")
    assert (told["takes"], told["unchecked"], told["uses"], told["records"]) == (True, "refuse", 50, 3)
    [key] = told["keys"]
    assert (key["id"], len(key["key"]), key["not_after"]) == (1, 43, None)


async def test_a_batch_is_booked_in_its_order_and_once_however_often_it_comes(house: Counter) -> None:
    book, codes = await registered(house), [(await house.taken())["code"] for _ in range(2)]
    records = [book.write(codes[0]), book.write(codes[1]), book.write(codes[0])]
    answers = await asyncio.gather(*(send(house, book, *records) for _ in range(4)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    statuses = [(each["status"], each.get("code")) for each in answers[0].json["results"]]
    assert statuses == [("redeemed", None), ("redeemed", None), ("conflict", "already_redeemed")]
    again = answers[0].json["results"][2]
    assert (again["store_id"], again["cost"]) == (str(house.store_id), {"minor": 250, "currency": "EUR"})
    assert await house.value("SELECT count(*) FROM redemptions WHERE store_id = $1", house.store_id) == 2
    found = await house.ask("GET", "/v1/redemptions/conflicts", by="till")
    [conflict] = found.json["items"]
    assert (conflict["code"], conflict["store"], conflict["before_store"]) == ("already_redeemed",) + (
        "Marktplatz",
    ) * 2
    assert datetime.fromisoformat(conflict["served_at"]) == datetime.fromisoformat(records[2]["scanned_at"])
    assert found.json["losses"] == [{"count": 1, "cost": {"minor": 250, "currency": "EUR"}}]


async def test_the_qr_of_a_pass_is_taken_online_and_offline(house: Counter) -> None:
    book, told = await registered(house), await house.taken()
    assert len(told["qr"]) == 164 > len(told["code"]) == 48
    results = (await send(house, book, book.write(told["qr"]))).json["results"]
    assert results[0]["status"] == "redeemed"
    refused = await house.redeem(told["qr"])
    assert (refused.status, refused.json["code"]) == (409, "already_redeemed")


async def test_a_redemption_whose_answer_was_lost_is_not_made_twice(house: Counter) -> None:
    book, told = await registered(house), await house.taken(reward={"type": "stamp", "uses": 3})
    scan = uuid4()
    online = await house.redeem(told["code"], key=str(scan))
    assert online.status == 201
    answer = await send(house, book, book.write(told["code"], own_id=scan), book.write(told["code"]))
    first, second = answer.json["results"]
    assert (first["status"], first["redemption_id"]) == ("redeemed", online.json["id"])
    assert (second["status"], second["uses_left"]) == ("redeemed", 1)


async def test_the_answer_to_another_passes_scan_stands_for_no_record(house: Counter) -> None:
    book, other, told = await registered(house), await house.taken(), await house.taken()
    scan = uuid4()
    online = await house.redeem(other["code"], key=str(scan))
    [result] = (await send(house, book, book.write(told["code"], own_id=scan))).json["results"]
    assert (result["status"], result["uses_left"]) == ("redeemed", 0)
    assert result["redemption_id"] != online.json["id"]
    assert (await house.redeem(told["code"])).json["code"] == "already_redeemed"


async def test_what_was_tampered_with_is_refused_counted_and_in_the_audit(house: Counter) -> None:
    book, told = await registered(house), await house.taken(reward={"type": "stamp", "uses": 3})
    one, two, three = (book.write(told["code"]) for _ in range(3))
    results = (await send(house, book, one | {"code": "0" * 48})).json["results"]
    assert (results[0]["status"], results[0]["code"]) == ("refused", "bad_signature")
    answer = (await send(house, book, one, three)).json
    assert ([each["status"] for each in answer["results"]], answer["missing"]) == (["redeemed", "redeemed"], 1)
    assert (await send(house, book, two)).json["results"][0]["code"] == "chain_broken"
    of = f"till_key:{book.key_id}"
    told_of = "SELECT count(*) FROM audit WHERE object = $1 AND action = 'till_key.tampered'"
    assert await house.value(told_of, of) == 3


async def test_who_tries_codes_waits_and_loses_nothing(house: Counter) -> None:
    book, code = await registered(house), (await house.taken())["code"]
    records = [book.write("0" * 48) for _ in range(31)] + [book.write(code)]
    batches = [records[at : at + 3] for at in range(0, 32, 3)]
    statuses = [(await send(house, book, *batch)).status for batch in batches]
    assert statuses == [200] * 10 + [429]
    stored = "SELECT count(*) FROM offline_redemptions WHERE key_id = $1"
    assert await house.value(stored, book.key_id) == 30
    waits = await send(house, book, batches[-1][1])  # sent once more it is no answer either, right or wrong
    assert (waits.status, waits.json["code"]) == (429, "too_many_wrong_codes")
    assert 1 <= int(waits.headers["Retry-After"]) <= 60
    assert (await house.redeem(code)).status == 429
    await house.value("UPDATE wrong_codes SET since = since - interval '1 minute' RETURNING count")
    for _ in range(2):  # what was told before is told again
        later = await send(house, book, *batches[-1])
        assert [each["status"] for each in later.json["results"]] == ["refused", "redeemed"]


async def test_a_key_is_its_stores_and_ends_when_it_is_revoked(house: Counter) -> None:
    book, told = await registered(house), await house.taken()
    record = book.write(told["code"])
    async with house.pool.transaction() as db:
        other = await add_store(db)
    await house.till("elsewhere", store_id=other)
    theirs = await send(house, book, record, by="elsewhere")
    assert (theirs.status, theirs.json["code"]) == (404, "unknown_key")
    listed = (await house.ask("GET", f"{PATH}/keys", by="admin")).json["items"]
    assert [each["n"] for each in listed if each["id"] == str(book.key_id)] == [0]
    assert (await house.ask("DELETE", f"{PATH}/keys/{book.key_id}", by="admin")).status == 204
    assert (await house.ask("DELETE", f"{PATH}/keys/{uuid4()}", by="admin")).status == 404
    revoked = await send(house, book, record)
    assert (revoked.status, revoked.json["code"]) == (409, "key_revoked")
    await house.till("colleague")
    colleague = await registered(house, by="colleague")
    assert (await send(house, colleague, colleague.write(told["code"]))).json["results"][0]["status"] == "redeemed"


async def test_the_same_key_is_told_again_and_too_many_are_refused(house: Counter) -> None:
    book, _ = await registered(house), await registered(house)
    again = await house.ask("POST", f"{PATH}/keys", by="till", body={"public_key": book.public_key})
    assert (again.status, UUID(again.json["id"])) == (201, book.key_id)
    third = await house.ask("POST", f"{PATH}/keys", by="till", body={"public_key": TillBook().public_key})
    assert (third.status, third.json["code"]) == (409, "too_many_keys")


async def test_at_once_no_more_are_registered_than_may_be(house: Counter) -> None:
    wanted = [{"public_key": TillBook().public_key} for _ in range(6)]
    answers = await asyncio.gather(
        *(house.ask("POST", f"{PATH}/keys", by="till", body=each) for each in (*wanted, wanted[0], wanted[0]))
    )
    made = {answer.json["id"] for answer in answers if answer.status == 201}
    assert len(made) == 2
    assert {answer.json["code"] for answer in answers if answer.status != 201} == {"too_many_keys"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scanned_at": "2026-11-28T08:05:00"}, "records[0].scanned_at"),
        ({"scanned_at": "0001-01-01T00:00:00+14:00"}, "records[0].scanned_at"),
        ({"scanned_at": "now"}, "records[0].scanned_at"),
        ({"n": 0}, "records[0].n"),
        ({"prev": "x"}, "records[0].prev"),
        ({"signature": "A" * 85}, "records[0].signature"),
    ],
)
async def test_a_record_that_is_wrong_is_named(house: Counter, change: dict[str, Any], field: str) -> None:
    book = TillBook().known_as(uuid4())
    answer = await send(house, book, book.write("0" * 48) | change)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, field)


async def test_a_batch_has_its_limit(house: Counter) -> None:
    book = TillBook().known_as(uuid4())
    answer = await send(house, book, *(book.write("0" * 48) for _ in range(4)))
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "records")
    assert (await send(house, book)).status == 422


async def test_the_ledger_marks_what_the_caller_made(house: Counter) -> None:
    await house.till("colleague")
    for by in ("till", "colleague"):
        assert (await house.redeem((await house.taken())["code"], by=by)).status == 201
    items = (await house.ask("GET", "/v1/redemptions", by="till")).json["items"]
    assert [each["own"] for each in items] == [False, True]
    assert [each["value"] for each in items] == [{"minor": 250, "currency": "EUR"}] * 2


async def test_what_was_taken_in_time_is_booked_after_the_pass_has_ended(house: Counter) -> None:
    book, told = await registered(house), await house.taken()
    record = book.write(told["code"])
    await house.value(
        "UPDATE passes SET valid_from = $2, valid_until = $3 WHERE serial = $1 RETURNING serial", UUID(told["serial"]),
        *(await house.value("SELECT array[clock_timestamp() - $1::interval, clock_timestamp()]", timedelta(hours=1))),
    )  # fmt: skip
    assert (await house.redeem(told["code"])).json["code"] == "expired"
    assert (await send(house, book, record)).json["results"][0]["status"] == "redeemed"
