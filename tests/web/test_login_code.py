"""The second step of a log-in: what is half is nothing, a code counts once, and guessing comes to an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.store.pool import Pool
from tests.web.house import SENTENCE, Browser, cookie_of
from tests.web.people import Town, town

HTML = "text/html,application/xhtml+xml"


@pytest.fixture
async def there(pool: Pool, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(pool, tmp_path) as opened:
        yield opened


async def test_a_password_alone_opens_nothing_but_the_second_form(there: Town) -> None:
    await there.with_phone("admin")
    answered = await there.house.log_in("kim@example.com", SENTENCE)
    assert answered.headers["Set-Cookie"].startswith("half=kh_")
    assert answered.headers["Set-Cookie"].endswith("; Path=/; Max-Age=300; HttpOnly; SameSite=Strict")
    half = cookie_of(answered)
    form = await there.house.served.call("GET", "/login/code", headers={"Cookie": half})
    assert (form.status, b'autocomplete="one-time-code"' in form.body) == (200, True)
    as_session = half.replace("half=", "sid=")
    for cookie in (half, as_session, f"{half}; {as_session}"):
        for path in ("/v1/users", "/v1/account"):
            assert (await there.house.served.call("GET", path, headers={"Cookie": cookie})).status == 401
    without = await there.house.served.call("GET", "/login/code")
    assert (without.status, without.headers["Location"]) == (303, "/login")


async def test_the_code_of_the_phone_lets_in_and_counts_once(there: Town) -> None:
    _, secret, _ = await there.with_phone("admin")
    half, code = await there.half(), there.code(secret)
    came = await there.give(half, code)
    assert (came.status, came.headers["Location"]) == (303, "/docs")
    browser = Browser(there.house.served, cookie_of(came), "")
    assert (await browser.get("/v1/users")).status == 200
    over = await there.give(half, there.code(secret))
    assert (over.status, over.json["code"]) == (401, "login_over")
    again = await there.give(await there.half(), code)
    assert (again.status, again.json["code"]) == (401, "wrong_code")
    there.clock.step()
    assert (await there.give(await there.half(), there.code(secret))).status == 303


async def test_a_recovery_code_lets_in_once_and_is_in_the_audit(there: Town) -> None:
    browser, _, codes = await there.with_phone("admin")
    assert (await there.give(await there.half(), codes[4])).status == 303
    assert (await there.give(await there.half(), codes[4])).status == 401
    told = (await browser.get("/v1/account")).json["second_factor"]
    assert (told["on"], told["recovery_codes_left"]) == (True, 9)
    [deed] = [each for each in (await browser.get("/v1/audit")).json["items"] if each["action"] == "user.recovery_code"]
    assert deed["actor"] == deed["object"]


async def test_of_two_good_codes_for_one_half_log_in_one_becomes_a_session(there: Town) -> None:
    _, _, codes = await there.with_phone("admin")
    half = await there.half()
    async with there.house.pool.acquire() as db:
        before = await db.fetchval("SELECT count(*) FROM sessions")
    answers = await asyncio.gather(*(there.give(half, code) for code in codes[:2]))
    assert sorted(each.status for each in answers) == [303, 401]
    async with there.house.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM sessions") == before + 1
        left = await db.fetchval("SELECT count(*) FROM recovery_codes WHERE used_at IS NULL")
    assert left == 9  # the one that came second was not spent


async def test_guessing_codes_ends_for_the_account_from_wherever_it_is_tried(there: Town) -> None:
    browser, secret, _ = await there.with_phone("admin")
    half = await there.half()
    statuses = [(await there.give(half, f"{number:06}")).status for number in range(9)]
    assert statuses == [401] * 9  # the password was the first attempt
    assert (await there.give(half, there.code(secret))).status == 429
    async with there.house.pool.acquire() as db:  # as if all that had come from other networks
        await db.execute("UPDATE login_failures SET network = '198.51.100.0/24' WHERE network <> 'anywhere'")
    half = await there.half()
    assert (await there.give(half, "000000")).status == 401
    locked = await there.give(half, there.code(secret))
    assert (locked.status, locked.json["code"]) == (429, "too_many_requests")
    assert (await browser.get("/v1/users")).status == 200  # who is logged in stays so


async def test_a_wrong_code_is_said_in_the_readers_language_and_a_right_one_forgives(there: Town) -> None:
    _, secret, _ = await there.with_phone()
    half = await there.half()
    for _ in range(3):
        page = await there.give(half, "12 34 56", Accept=HTML, **{"Accept-Language": "de"})
        assert (page.status, "falsch oder schon benutzt" in page.body.decode()) == (401, True)
    assert (await there.give(half, there.code(secret))).status == 303
    async with there.house.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM login_failures") == 0
    late = await there.give(half, "123456", Accept=HTML)
    assert (late.status, b"begin again with the password" in late.body) == (401, True)


@pytest.mark.parametrize("change", [{"reset_password": True}, {"disabled": True}, {"reset_second_factor": True}])
async def test_what_an_admin_changes_ends_half_log_ins(there: Town, change: dict[str, bool]) -> None:
    _, secret, _ = await there.with_phone()
    half = await there.half()
    [kim] = (await there.house.call("GET", "/v1/users")).json["items"]
    assert (await there.house.call("PATCH", f"/v1/users/{kim['id']}", json=change)).status == 200
    assert (await there.give(half, there.code(secret))).status == 401


async def test_the_page_that_was_wanted_is_handed_on_through_both_forms(there: Town) -> None:
    _, secret, _ = await there.with_phone("marketer")
    page, call = "/dashboard/why?moment_id=1", there.house.served.call
    way = "/login/code?to=%2Fdashboard%2Fwhy%3Fmoment_id%3D1"
    form = {"email": "kim@example.com", "password": SENTENCE}
    hostile = await call("POST", "/login", data=form | {"to": "//evil.example"})
    assert hostile.headers["Location"] == "/login/code"
    came = await call("POST", "/login", data=form | {"to": page})
    assert came.headers["Location"] == way
    cookie = {"Cookie": cookie_of(came)}
    shown = (await call("GET", way, headers=cookie)).body.decode()
    again = way.replace("/code", "")
    assert (f'name="to" value="{page}"' in shown, f'<a href="{again}">' in shown) == (True, True)
    wrong = {"code": "000000", "to": page}
    assert (
        f'name="to" value="{page}"'.encode()
        in (await call("POST", "/login/code", data=wrong, headers=cookie | {"Accept": HTML})).body
    )
    code = {"code": there.code(secret)}
    entered = await call("POST", "/login/code", data=code | {"to": page}, headers=cookie)
    assert (entered.status, entered.headers["Location"]) == (303, page)
    late = await call("GET", way)
    assert (late.status, late.headers["Location"]) == (303, again)
    there.clock.step()
    cookie = {"Cookie": await there.half()}
    code = {"code": there.code(secret), "to": "//evil.example"}
    assert (await call("POST", "/login/code", data=code, headers=cookie)).headers["Location"] == "/docs"


async def test_another_site_can_not_finish_a_log_in(there: Town) -> None:
    _, secret, _ = await there.with_phone()
    refused = await there.give(await there.half(), there.code(secret), Origin="https://evil.example")
    assert (refused.status, refused.json["code"]) == (403, "cross_site")


async def test_behind_https_the_half_cookie_is_bound_to_the_host_too(pool: Pool, tmp_path: Path) -> None:
    async with town(pool, tmp_path) as before:
        await before.with_phone()
    async with town(pool, tmp_path, server__public_url="https://kairos.example") as there:
        answered = await there.house.log_in("kim@example.com", SENTENCE)
        assert answered.headers["Set-Cookie"].startswith("__Host-half=kh_")
        assert answered.headers["Set-Cookie"].endswith("; Secure")
