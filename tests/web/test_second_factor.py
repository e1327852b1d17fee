"""People set up their own second factor, and nobody else's; the secret is told once."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.store.pool import Pool
from tests.web.house import SENTENCE, Browser, cookie_of
from tests.web.people import Town, town

FACTOR = "/v1/account/second-factor"


@pytest.fixture
async def there(pool: Pool, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(pool, tmp_path) as opened:
        yield opened


async def test_setting_one_up_ends_the_log_ins_that_had_a_password_alone(there: Town) -> None:
    elsewhere = await there.house.entered("admin")
    came = await there.house.log_in("kim@example.com", SENTENCE)
    browser = await Browser(there.house.served, cookie_of(came), "").with_csrf("/password")
    begun = (await browser.ask("POST", FACTOR)).json
    assert len(base64.b32decode(begun["secret"])) == 20
    assert begun["secret"] in begun["uri"]
    assert begun["uri"].startswith("otpauth://totp/Kairos:kim@example.com?")
    assert begun["qr"].startswith("<?xml")
    assert begun["secret"] not in begun["qr"]
    assert (await browser.get("/v1/account")).json["second_factor"]["on"] is False
    assert (await elsewhere.get("/v1/users")).status == 200
    done = await browser.ask("POST", f"{FACTOR}/confirm", json={"code": there.code(begun["secret"])})
    assert (done.status, len(set(done.json["recovery_codes"]))) == (200, 10)
    assert (await elsewhere.get("/v1/users")).status == 401
    told = (await browser.get("/v1/account")).json["second_factor"]
    assert (told["on"], told["required"], told["recovery_codes_left"]) == (True, False, 10)
    [deed] = (await browser.get("/v1/audit")).json["items"]
    assert deed["action"] == "user.second_factor.on"
    [kim] = (await there.house.call("GET", "/v1/users")).json["items"]
    assert kim["second_factor"] is True
    assert (await browser.ask("POST", FACTOR)).json["code"] == "second_factor_on"


async def test_a_wrong_code_turns_nothing_on_and_too_many_are_refused(there: Town) -> None:
    browser = await there.house.entered()
    secret = (await browser.ask("POST", FACTOR)).json["secret"]
    wrong = f"{(int(there.code(secret)) + 1) % 10**6:06}"
    statuses = [(await browser.ask("POST", f"{FACTOR}/confirm", json={"code": wrong})).status for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    assert (await browser.get("/v1/account")).json["second_factor"]["on"] is False


async def test_codes_are_made_anew_and_it_is_turned_off(there: Town) -> None:
    browser, _, old = await there.with_phone()
    fresh = (await browser.ask("POST", f"{FACTOR}/recovery-codes")).json["recovery_codes"]
    assert not set(fresh) & set(old)
    assert (await there.give(await there.half(), old[0])).status == 401
    assert (await browser.ask("DELETE", FACTOR)).status == 204
    assert (await there.house.log_in("kim@example.com", SENTENCE)).headers["Location"] != "/login/code"
    for method, path in (("DELETE", FACTOR), ("POST", f"{FACTOR}/recovery-codes")):
        refused = await browser.ask(method, path)
        assert (refused.status, refused.json["code"]) == (409, "second_factor_off")


async def test_an_admin_takes_away_what_somebody_lost(there: Town) -> None:
    await there.with_phone()
    [kim] = (await there.house.call("GET", "/v1/users")).json["items"]
    answered = await there.house.call("PATCH", f"/v1/users/{kim['id']}", json={"reset_second_factor": True})
    assert (answered.status, answered.json["second_factor"]) == (200, False)
    assert (await there.house.log_in("kim@example.com", SENTENCE)).headers["Location"] == "/docs"


async def test_where_it_is_required_nothing_else_opens_before_it_is_there(pool: Pool, tmp_path: Path) -> None:
    async with town(pool, tmp_path, session__second_factor="required") as there:
        browser = await there.house.entered("admin")
        refused = await browser.get("/v1/users")
        assert (refused.status, refused.json["code"]) == (403, "second_factor_required")
        page = await browser.get("/account")
        assert (page.status, b'role="alert"' in page.body) == (200, True)
        secret = (await browser.ask("POST", FACTOR)).json["secret"]
        done = await browser.ask("POST", f"{FACTOR}/confirm", json={"code": there.code(secret)})
        assert done.status == 200
        assert (await browser.get("/v1/users")).status == 200
        analyst = await there.house.entered("analyst", email="ana@example.com")
        assert (await analyst.get("/v1/account")).json["second_factor"]["required"] is False
        assert (await analyst.get("/v1/users")).json["code"] == "forbidden"


async def test_a_key_has_no_account(there: Town) -> None:
    body = {"password": "x"}
    for method, path, sent in (
        ("GET", "/v1/account", None),
        ("GET", "/account", None),
        ("GET", "/v1/account/sessions", None),
        ("POST", "/v1/account/reauthenticate", body),
        ("POST", FACTOR, None),
        ("POST", f"{FACTOR}/confirm", {"code": "1"}),
        ("DELETE", FACTOR, None),
    ):
        answered = await there.house.call(method, path, json=sent)
        assert (answered.status, answered.json["code"]) == (403, "no_account"), path
