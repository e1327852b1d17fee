"""Who holds a pass: one token opens one pass, and whatever else is sent gets one answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

from server.store.ids import new_id
from server.web.holder import is_apple, says_pass
from tests.passes import samples
from tests.web.counter import Counter, open_counter
from tests.web.serving import Answered

TYPE = "pass.de.kaffeeklatsch.coupon"


class Held(NamedTuple):
    """A pass in a wallet: its serial, its token."""

    serial: str
    token: str


async def held(house: Counter, name: str = "kim") -> Held:
    """Take a pass, and read from its file what a wallet reads."""
    told = await house.taken(name)
    file = await house.ask("GET", urlsplit(told["links"]["apple"]).path)
    read = json.loads(samples.unzipped(file.body)["pass.json"])
    assert read["passTypeIdentifier"] == TYPE
    return Held(read["serialNumber"], read["authenticationToken"])


@pytest.fixture
async def house(db_dsn: str, tmp_path: Path) -> AsyncIterator[Counter]:
    async with open_counter(db_dsn, tmp_path) as opened:
        yield opened


async def knock(
    house: Counter, authorization: str | None, *, serial: str, type_: str = TYPE, method: str = "GET"
) -> Answered:
    """Fetch the pass, or register a device for it (POST), or unregister it (DELETE)."""
    headers = {} if authorization is None else {"Authorization": authorization}
    path = "passes" if method == "GET" else "devices/phone/registrations"
    more = {"json": {"pushToken": "aa" * 32}} if method == "POST" else {}
    return await house.served.call(method, f"/wallet/v1/{path}/{type_}/{serial}", headers=headers, **more)


def but_for_its_id(answer: Answered) -> tuple[int, bytes, list[tuple[str, str]]]:
    """What an answer says but for the request's id and the time."""
    headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in ("x-request-id", "date")]
    return answer.status, answer.body.replace(answer.json["request_id"].encode(), b"ID"), sorted(headers)


async def test_the_passes_own_token_opens_it_however_the_scheme_is_written(house: Counter) -> None:
    mine = await held(house)
    for scheme in ("ApplePass", "applepass", "APPLEPASS"):
        assert (await knock(house, f"{scheme} {mine.token}", serial=mine.serial)).status == 200
    assert (await knock(house, f"ApplePass   {mine.token} ", serial=mine.serial)).status == 200
    assert (await knock(house, f"WalletPass {mine.token}", serial=mine.serial)).status == 200  # on Android


async def test_whatever_is_wrong_with_a_credential_has_one_answer(house: Counter) -> None:
    mine, other, erased = await held(house), await held(house), await held(house, "robin")
    async with house.pool.transaction() as db:
        await db.execute(
            "UPDATE passes SET customer_id = NULL, erased_at = now() - interval '25 hours' WHERE serial = $1",
            UUID(erased.serial),
        )
    right = f"ApplePass {mine.token}"
    wrong: dict[str, tuple[str | None, str, str]] = {
        "none": (None, mine.serial, TYPE),
        "an empty header": ("", mine.serial, TYPE),
        "no token": ("ApplePass", mine.serial, TYPE),
        "an empty token": ("ApplePass ", mine.serial, TYPE),
        "another scheme": (f"Basic {mine.token}", mine.serial, TYPE),
        "a bearer": (f"Bearer {mine.token}", mine.serial, TYPE),
        "no scheme": (mine.token, mine.serial, TYPE),
        "an Android wallet's wrong token": (f"WalletPass {other.token}", mine.serial, TYPE),
        "both schemes": (f"ApplePass WalletPass {mine.token}", mine.serial, TYPE),
        "another pass's token": (f"ApplePass {other.token}", mine.serial, TYPE),
        "a token cut short": (right[:-1], mine.serial, TYPE),
        "half a token": (right[: len(right) - 21], mine.serial, TYPE),
        "a token and more": (f"{right}A", mine.serial, TYPE),
        "a token twice": (f"{right} {mine.token}", mine.serial, TYPE),
        "a quoted token": (f'ApplePass "{mine.token}"', mine.serial, TYPE),
        "a token in the wrong case": (f"ApplePass {mine.token.swapcase()}", mine.serial, TYPE),
        "its last character changed": (right[:-1] + ("A" if right[-1] != "A" else "B"), mine.serial, TYPE),
        "its first character changed": (f"ApplePass {'A' if mine.token[0] != 'A' else 'B'}{mine.token[1:]}", mine.serial, TYPE),
        "not ASCII": ("ApplePass " + "ä" * 43, mine.serial, TYPE),
        "very long": ("ApplePass " + "A" * 5000, mine.serial, TYPE),
        "the serial as the token": (f"ApplePass {mine.serial}", mine.serial, TYPE),
        "another serial": (right, other.serial, TYPE),
        "a serial that there is not": (right, str(new_id()), TYPE),
        "a serial of another shape": (right, "4711", TYPE),
        "a serial without hyphens": (right, UUID(mine.serial).hex, TYPE),
        "a serial with NUL": (right, "%00", TYPE),
        "another type": (right, mine.serial, "pass.example.other"),
        "the type in capitals": (right, mine.serial, TYPE.upper()),
        "the pass of an erased customer": (f"ApplePass {erased.token}", erased.serial, TYPE),
    }  # fmt: skip
    assert len(wrong) >= 22
    for method, good in (("GET", 200), ("POST", 201), ("DELETE", 200)):
        answers = {
            name: but_for_its_id(await knock(house, header, serial=serial, type_=type_, method=method))
            for name, (header, serial, type_) in wrong.items()
        }
        expected = answers["none"]
        assert expected[0] == 401
        assert {name: answer for name, answer in answers.items() if answer != expected} == {}
        assert (await knock(house, right, serial=mine.serial, method=method)).status == good


async def test_the_token_of_an_erased_customers_pass_opens_none_of_its_doors(house: Counter) -> None:
    mine = await held(house)
    headers = {"Authorization": f"ApplePass {mine.token}"}
    path = f"/wallet/v1/devices/phone/registrations/{TYPE}/{mine.serial}"
    assert (await house.served.call("DELETE", path, headers=headers)).status == 200
    async with house.pool.transaction() as db:
        await db.execute("UPDATE passes SET customer_id = NULL")
    answers = [await house.served.call("DELETE", path, headers=headers), await knock(house, None, serial=mine.serial)]
    assert but_for_its_id(answers[0]) == but_for_its_id(answers[1])


async def test_an_erased_customers_wallet_may_fetch_and_drop_its_pass_for_a_day_and_nothing_else(
    house: Counter,
) -> None:
    mine = await held(house)
    headers = {"Authorization": f"ApplePass {mine.token}"}
    path = f"/wallet/v1/devices/phone/registrations/{TYPE}/{mine.serial}"
    async with house.pool.transaction() as db:
        await db.execute(
            "UPDATE passes SET customer_id = NULL, state = 'voided', erased_at = now() - interval '23 hours'"
        )
    answer = await knock(house, headers["Authorization"], serial=mine.serial)
    assert answer.status == 200
    assert json.loads(samples.unzipped(answer.body)["pass.json"])["voided"] is True
    assert (await house.served.call("DELETE", path, headers=headers)).status == 200
    refused = await house.served.call("POST", path, headers=headers, json={"pushToken": "aa" * 32})
    assert but_for_its_id(refused) == but_for_its_id(await knock(house, None, serial=mine.serial))
    async with house.pool.transaction() as db:
        await db.execute("UPDATE passes SET erased_at = now() - interval '25 hours'")
    assert (await knock(house, headers["Authorization"], serial=mine.serial)).status == 401


async def test_other_kinds_of_callers_are_told_that_this_is_not_theirs(house: Counter) -> None:
    mine = await held(house)
    for by in ("admin", "till", "kim"):
        for serial in (mine.serial, str(uuid4())):
            answer = await house.ask("GET", f"/wallet/v1/passes/{TYPE}/{serial}", by=by)
            assert (answer.status, answer.json["code"]) == (403, "forbidden")


async def test_a_passes_token_opens_no_other_door(house: Counter) -> None:
    mine = await held(house)
    for path in ("/v1/passes", "/v1/redemptions", f"/v1/passes/{mine.serial}"):
        for scheme in ("ApplePass", "Bearer"):
            answer = await house.served.call("GET", path, headers={"Authorization": f"{scheme} {mine.token}"})
            assert answer.status == 401


async def test_the_token_is_taken_from_its_header_alone(house: Counter) -> None:
    mine = await held(house)
    path = f"/wallet/v1/passes/{TYPE}/{mine.serial}?authenticationToken={mine.token}"
    assert (await house.served.call("GET", path)).status == 401
    answer = await house.served.call("GET", path.partition("?")[0], headers={"Cookie": f"sid={mine.token}"})
    assert answer.status == 401


@pytest.mark.parametrize(
    ("header", "said", "apple"),
    [
        ("ApplePass x", True, True),
        ("applepass", True, True),
        ("WalletPass x", True, False),
        ("walletpass x", True, False),
        (None, False, False),
        ("", False, False),
        ("Bearer x", False, False),
        ("ApplePassx y", False, False),
    ],
)
def test_the_scheme_is_a_word_of_its_own(header: str | None, said: bool, apple: bool) -> None:
    assert (says_pass(header), is_apple(header)) == (said, apple)
