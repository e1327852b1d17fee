"""The signed link: fetched as phones do, two or three times, without any header of ours; dead after five minutes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from passes.testing import check
from server.store.ids import new_id
from server.wallet.links import token_for
from tests.passes import samples
from tests.web.counter import Counter, open_counter
from tests.web.serving import Answered


@pytest.fixture
async def house(db_dsn: str, tmp_path: Path) -> AsyncIterator[Counter]:
    async with open_counter(db_dsn, tmp_path) as opened:
        yield opened


async def fetch(house: Counter, address: str) -> Answered:
    return await house.ask("GET", urlsplit(address).path)


def document(answer: Answered) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(samples.unzipped(answer.body)["pass.json"])
    return read


async def test_the_file_is_a_whole_pass_that_openssl_verifies(house: Counter) -> None:
    told = await house.taken()
    answer = await fetch(house, told["links"]["apple"])
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/vnd.apple.pkpass"
    assert check(answer.body) == []
    assert samples.verified(answer.body)


async def test_the_file_names_the_serial_and_carries_the_code(house: Counter) -> None:
    told = await house.taken()
    read = document(await fetch(house, told["links"]["apple"]))
    assert read["serialNumber"] == told["serial"]
    assert read["barcodes"][0]["message"] == told["code"]
    assert "voided" not in read


async def test_it_is_kept_by_no_cache_and_saved_as_a_file(house: Counter) -> None:
    told = await house.taken()
    answer = await fetch(house, told["links"]["apple"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Disposition"].endswith('.pkpass"')


async def test_it_may_be_fetched_again_and_asked_for_by_head(house: Counter) -> None:
    told = await house.taken()
    answers = [await fetch(house, told["links"]["apple"]) for _ in range(3)]
    assert [answer.status for answer in answers] == [200] * 3
    head = await house.ask("HEAD", urlsplit(told["links"]["apple"]).path)
    assert (head.status, head.body) == (200, b"")


async def test_a_redeemed_pass_is_fetched_struck_out(house: Counter) -> None:
    told = await house.taken()
    await house.redeem(told["code"])
    assert document(await fetch(house, told["links"]["apple"]))["voided"] is True


async def test_after_five_minutes_the_link_is_gone(house: Counter) -> None:
    told = await house.taken()
    async with house.pool.acquire() as db:
        now = await db.fetchval("SELECT clock_timestamp()")
    serial = await house.value("SELECT serial FROM passes")
    old = token_for(serial, keyring=house.keyring, now=now - timedelta(minutes=5, seconds=2))
    young = token_for(serial, keyring=house.keyring, now=now - timedelta(minutes=4, seconds=30))
    gone = await house.ask("GET", f"/p/{old}")
    assert (gone.status, gone.json["code"]) == (410, "expired")
    assert (await house.ask("GET", f"/p/{young}")).status == 200
    assert told["serial"] == str(serial)


async def test_forged_links_and_links_to_nothing_look_alike(house: Counter) -> None:
    told = await house.taken()
    genuine = urlsplit(told["links"]["apple"]).path
    async with house.pool.acquire() as db:
        now = await db.fetchval("SELECT clock_timestamp()")
    nobodys = "/p/" + token_for(new_id(now=now), keyring=house.keyring, now=now)
    changed = genuine[:-3] + ("AAA" if not genuine.endswith("AAA") else "BBB")
    for path in (changed, nobodys, "/p/x", f"{genuine}A", genuine[:-1], f"/p/{told['serial']}"):
        answer = await house.ask("GET", path)
        assert answer.status == 404
        assert answer.json["code"] == "not_found"


async def test_nothing_of_the_customer_is_in_the_file(house: Counter) -> None:
    told = await house.taken("kim")
    answer = await fetch(house, told["links"]["apple"])
    for data in samples.unzipped(answer.body).values():
        assert str(house.customers["kim"]).encode() not in data


async def test_behind_https_the_pass_knows_where_to_ask_for_updates(house: Counter) -> None:
    told = await house.taken()
    read = document(await fetch(house, told["links"]["apple"]))
    assert read["webServiceURL"] == "https://kairos.example/wallet/"
    assert len(read["authenticationToken"]) == 43
