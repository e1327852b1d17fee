"""Apple's web service, request by request: statuses, shapes, limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from passes.testing import check
from server.web.wallet import legible, read_date, read_tag
from tests.passes import samples
from tests.web.counter import Counter, open_counter
from tests.web.serving import Answered
from tests.web.test_holder import TYPE, Held, held

PHONE = "3c6f5b1e9a7d4c2b8e0f3c6f5b1e9a7d"
PUSH = "0f" * 32


@pytest.fixture
async def house(db_dsn: str, tmp_path: Path) -> AsyncIterator[Counter]:
    async with open_counter(db_dsn, tmp_path) as opened:
        yield opened


async def ask(house: Counter, method: str, path: str, *, of: Held | None = None, **more: Any) -> Answered:
    headers = dict(more.pop("headers", {}))
    if of is not None:
        headers["Authorization"] = f"ApplePass {of.token}"
    return await house.served.call(method, path, headers=headers, **more)


async def register(house: Counter, of: Held, *, device: str = PHONE, push: str = PUSH) -> Answered:
    path = f"/wallet/v1/devices/{device}/registrations/{TYPE}/{of.serial}"
    return await ask(house, "POST", path, of=of, json={"pushToken": push})


async def listed(house: Counter, tag: str | None = None, *, device: str = PHONE, type_: str = TYPE) -> Answered:
    query = "" if tag is None else f"?passesUpdatedSince={tag}"
    return await ask(house, "GET", f"/wallet/v1/devices/{device}/registrations/{type_}{query}")


async def fetched(house: Counter, of: Held, since: str | None = None, *, method: str = "GET") -> Answered:
    headers = {} if since is None else {"If-Modified-Since": since}
    return await ask(house, method, f"/wallet/v1/passes/{TYPE}/{of.serial}", of=of, headers=headers)


async def redeemed(house: Counter, of: Held) -> None:
    """Redeem a use at the counter."""
    passes = (await house.ask("GET", "/v1/passes", by="kim")).json["items"]
    code = next(each["code"] for each in passes if each["serial"] == of.serial)
    assert (await house.redeem(code)).status == 201


# --- registering ------------------------------------------------------------------------------------------------------


async def test_a_device_is_registered_with_201_and_then_with_200(house: Counter) -> None:
    mine = await held(house)
    answers = [await register(house, mine) for _ in range(3)]
    assert [answer.status for answer in answers] == [201, 200, 200]
    assert {answer.headers["Content-Type"] for answer in answers} == {"application/json"}
    assert await house.value("SELECT count(*) FROM registrations") == 1


async def test_a_new_push_token_replaces_the_old_one(house: Counter) -> None:
    mine = await held(house)
    await register(house, mine, push="aa" * 32)
    assert (await register(house, mine, push="bb" * 32)).status == 200
    assert await house.value("SELECT array_agg(push_token) FROM registrations") == ["bb" * 32]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"pushToken": ""}, 422),
        ({"pushToken": None}, 422),
        ({"pushToken": "a b"}, 422),
        ({"pushToken": "ä"}, 422),
        ({"pushToken": "a" * 513}, 422),
        ({"pushToken": PUSH, "more": 1}, 422),
        ([], 422),
        (None, 422),
    ],
)
async def test_what_is_no_push_token_registers_nothing(house: Counter, body: Any, status: int) -> None:
    mine = await held(house)
    path = f"/wallet/v1/devices/{PHONE}/registrations/{TYPE}/{mine.serial}"
    assert (await ask(house, "POST", path, of=mine, json=body)).status == status
    assert await house.value("SELECT count(*) FROM registrations") == 0


async def test_without_its_token_nothing_is_registered_and_nothing_unregistered(house: Counter) -> None:
    mine, other = await held(house), await held(house)
    await register(house, mine)
    for serial, of in ((mine.serial, other), (other.serial, mine)):
        path = f"/wallet/v1/devices/{PHONE}/registrations/{TYPE}/{serial}"
        assert (await ask(house, "POST", path, of=of, json={"pushToken": "cc"})).status == 401
        assert (await ask(house, "DELETE", path, of=of)).status == 401
    assert await house.value("SELECT array_agg(push_token) FROM registrations") == [PUSH]


async def test_an_unregistered_pass_is_listed_no_more_and_unregistering_twice_is_fine(house: Counter) -> None:
    mine, other = await held(house), await held(house)
    for each in (mine, other):
        await register(house, each)
    path = f"/wallet/v1/devices/{PHONE}/registrations/{TYPE}/{mine.serial}"
    assert [(await ask(house, "DELETE", path, of=mine)).status for _ in range(2)] == [200, 200]
    assert (await listed(house)).json["serialNumbers"] == [other.serial]


async def test_a_pass_keeps_its_newest_devices(db_dsn: str, tmp_path: Path) -> None:
    async with open_counter(db_dsn, tmp_path, limits__registrations_per_pass=3) as house:
        mine = await held(house)
        for number in range(5):
            assert (await register(house, mine, device=f"device-{number}", push=f"token-{number}")).status == 201
        statuses = [(await listed(house, device=f"device-{number}")).status for number in range(5)]
        assert statuses == [204, 204, 200, 200, 200]


# --- listing ----------------------------------------------------------------------------------------------------------


async def test_a_list_holds_what_the_device_has_and_the_tag_for_the_next_time(house: Counter) -> None:
    mine, other = await held(house), await held(house)
    for each in (mine, other):
        await register(house, each)
    first = await listed(house)
    assert (first.status, first.headers["Content-Type"]) == (200, "application/json")
    assert set(first.json) == {"serialNumbers", "lastUpdated"}
    assert set(first.json["serialNumbers"]) == {mine.serial, other.serial}
    assert isinstance(first.json["lastUpdated"], str)
    assert (await listed(house, first.json["lastUpdated"])).status == 204
    await redeemed(house, mine)
    second = await listed(house, first.json["lastUpdated"])
    assert second.json["serialNumbers"] == [mine.serial]
    assert (await listed(house, second.json["lastUpdated"])).status == 204


@pytest.mark.parametrize(
    "tag", ["", "x", "-1", "1.5", "0x1", "2026-11-23T10:00:00+01:00", "9" * 18, "9" * 40, "%D9%A3", "1%202", "+1"]
)
async def test_an_empty_tag_and_one_that_we_never_gave_list_everything(house: Counter, tag: str) -> None:
    mine = await held(house)
    await register(house, mine)
    await redeemed(house, mine)
    assert (await listed(house, (await listed(house)).json["lastUpdated"])).status == 204
    assert (await listed(house, tag)).json["serialNumbers"] == [mine.serial]


async def test_what_has_nothing_to_tell_is_told_204_whatever_the_reason(house: Counter) -> None:
    mine = await held(house)
    await register(house, mine)
    answers = [
        await listed(house, device="unknown"),
        await listed(house, device=PHONE.upper()),
        await listed(house, type_="pass.example.other"),
        await listed(house, (await listed(house)).json["lastUpdated"]),
        await listed(house, "5", device="unknown"),
    ]
    assert [(answer.status, answer.body) for answer in answers] == [(204, b"")] * len(answers)


async def test_an_erased_customers_pass_is_listed_no_more(house: Counter) -> None:
    mine = await held(house)
    await register(house, mine)
    async with house.pool.transaction() as db:
        await db.execute("UPDATE passes SET customer_id = NULL")
    assert (await listed(house)).status == 204
    assert (await fetched(house, mine)).status == 401
    assert (await register(house, mine)).status == 401


# --- fetching ---------------------------------------------------------------------------------------------------------


async def test_a_pass_is_fetched_whole_signed_and_uncached(house: Counter) -> None:
    mine = await held(house)
    answer = await fetched(house, mine)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/vnd.apple.pkpass")
    assert answer.headers["Cache-Control"] == "no-store"
    assert check(answer.body) == []
    assert samples.verified(answer.body)
    head = await fetched(house, mine, method="HEAD")
    assert (head.status, head.body, head.headers["Last-Modified"]) == (200, b"", answer.headers["Last-Modified"])


async def test_what_has_not_changed_is_304_and_keeps_its_date(house: Counter) -> None:
    mine = await held(house)
    date = (await fetched(house, mine)).headers["Last-Modified"]
    again = await fetched(house, mine, date)
    assert (again.status, again.body, again.headers["Last-Modified"]) == (304, b"", date)
    later = format_datetime(parsedate_to_datetime(date) + timedelta(days=1), usegmt=True)
    assert (await fetched(house, mine, later)).status == 304
    earlier = format_datetime(parsedate_to_datetime(date) - timedelta(seconds=1), usegmt=True)
    assert (await fetched(house, mine, earlier)).status == 200


async def test_every_change_moves_the_date_by_a_second_at_least_also_within_one(house: Counter) -> None:
    told = await house.taken(reward={"type": "stamp", "uses": 9})
    mine = await _held_as(house, told)
    dates = [(await fetched(house, mine)).headers["Last-Modified"]]
    for _ in range(4):
        await house.redeem(told["code"])
        answer = await fetched(house, mine, dates[-1])
        assert answer.status == 200
        dates.append(answer.headers["Last-Modified"])
    read = [parsedate_to_datetime(date) for date in dates]
    assert read == sorted(set(read))


async def _held_as(house: Counter, told: dict[str, Any]) -> Held:
    """Read the token of a pass that was just taken."""
    from json import loads
    from urllib.parse import urlsplit

    file = await house.ask("GET", urlsplit(told["links"]["apple"]).path)
    return Held(told["serial"], loads(samples.unzipped(file.body)["pass.json"])["authenticationToken"])


@pytest.mark.parametrize(
    "date",
    ["", "x", "yesterday", "Mon, 99 Nov 2026 10:00:00 GMT", "Mon, 23 Nov 99999999999999999999 10:00:00 GMT", "0", "-1"],
)
async def test_a_date_that_is_none_does_not_count(house: Counter, date: str) -> None:
    mine = await held(house)
    assert (await fetched(house, mine, date)).status == 200


def test_dates_are_read_with_and_without_a_zone() -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert read_date("Mon, 23 Nov 2026 12:00:00 GMT") == noon
    assert read_date("Mon, 23 Nov 2026 13:00:00 +0100") == noon
    assert read_date("Mon, 23 Nov 2026 12:00:00 -0000") == noon
    assert read_date(None) is None


# --- the address ------------------------------------------------------------------------------------------------------


async def test_a_doubled_slash_before_the_version_is_the_same_address(house: Counter) -> None:
    mine = await held(house)
    path = f"/wallet//v1/devices/{PHONE}/registrations/{TYPE}"
    assert (await ask(house, "POST", f"{path}/{mine.serial}", of=mine, json={"pushToken": PUSH})).status == 201
    assert (await ask(house, "GET", path)).json["serialNumbers"] == [mine.serial]
    assert (await ask(house, "GET", f"/wallet//v1/passes/{TYPE}/{mine.serial}", of=mine)).status == 200
    assert (await ask(house, "DELETE", f"{path}/{mine.serial}", of=mine)).status == 200
    assert (await ask(house, "POST", "/wallet//v1/log", json={"logs": []})).status == 200
    assert (await ask(house, "GET", f"/wallet///v1/passes/{TYPE}/{mine.serial}", of=mine)).status == 404


# --- how often --------------------------------------------------------------------------------------------------------


async def test_a_device_that_went_wild_is_told_to_wait_and_others_are_not(db_dsn: str, tmp_path: Path) -> None:
    async with open_counter(db_dsn, tmp_path, limits__wallet_per_minute=5) as house:
        mine = await held(house)
        assert [(await register(house, mine)).status for _ in range(5)] == [201, 200, 200, 200, 200]
        for answer in (await register(house, mine), await listed(house)):
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) >= 1
            assert "limits.wallet_per_minute" in answer.json["detail"]
        assert (await register(house, mine, device="another")).status == 201
        assert (await fetched(house, mine)).status == 200


async def test_complaints_from_one_address_are_limited(db_dsn: str, tmp_path: Path) -> None:
    async with open_counter(db_dsn, tmp_path, limits__wallet_per_minute=3) as house:
        path = "/wallet/v1/log"
        statuses = [(await ask(house, "POST", path, json={"logs": ["x"]})).status for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]


# --- the log ----------------------------------------------------------------------------------------------------------


async def test_what_a_wallet_says_is_one_line_of_the_log_escaped_cut_and_without_secrets(house: Counter) -> None:
    mine = await held(house)
    said = [
        f"[2026-11-23 10:00:00 +0100] Unregister task (for device {PHONE}, serial number {mine.serial}) failed",
        f"token {mine.token}",
        'x\r\n{"event": "forged", "level": "error"}\x1b[31m \u2028 ä',
        "y" * 5 + " z" * 5000,
    ]
    with capture_logs() as heard:
        answer = await ask(house, "POST", "/wallet/v1/log", json={"logs": said + ["more"] * 30})
    assert answer.status == 200
    [entry] = [each for each in heard if each["event"] == "a wallet says"]
    assert len(entry["lines"]) == 20
    assert entry["more"] == 14
    assert PHONE not in str(entry)
    assert mine.token not in str(entry)
    assert mine.serial in entry["lines"][0]
    assert all(line.isascii() and line.isprintable() and len(line) <= 400 for line in entry["lines"])
    assert await house.value("SELECT count(*) FROM registrations") == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"logs": "x"}', 422),
        (b'{"logs": [1]}', 422),
        (b"{}", 422),
        (b'{"logs": ["' + b"x" * 70_000 + b'"]}', 413),
    ],
)
async def test_what_is_no_log_is_refused(house: Counter, body: bytes, status: int) -> None:
    answer = await ask(house, "POST", "/wallet/v1/log", data=body, headers={"Content-Type": "application/json"})
    assert answer.status == status


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain", "plain"),
        ("a\nb\tc\0", "a\\nb\\tc\\x00"),
        ("ä€😀", "\\xe4\\u20ac\\U0001f600"),
        ("f" * 24, "***"),
        ("f" * 23, "f" * 23),
        ("(for device " + "ab" * 16 + ",", "(for device ***,"),
        ("0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b", "0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b"),
        ("0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2bff", "***"),
        ("a b " * 500, ("a b " * 100)),
    ],
)
def test_a_strangers_text_is_made_legible(text: str, said: str) -> None:
    assert legible(text) == said


@pytest.mark.parametrize(("text", "tag"), [("0", 0), ("17", 17), ("9" * 18, 10**18 - 1), ("٣", None), (None, None)])
def test_a_tag_is_a_number_that_the_counter_could_have(text: str | None, tag: int | None) -> None:
    assert read_tag(text) == tag


async def test_many_wallets_at_once_are_all_answered(house: Counter) -> None:
    mine = await held(house)
    answers = await asyncio.gather(
        *(register(house, mine, device=f"d{n % 10}", push=f"t{n % 7}") for n in range(30)),
        *(listed(house, device=f"d{n % 10}") for n in range(20)),
    )
    assert {answer.status for answer in answers} <= {200, 201, 204, 503}
    assert await house.value("SELECT count(*) FROM registrations") <= 10
