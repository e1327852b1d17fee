"""People log in by a form, get a cookie that says nothing, and are told nothing that helps a guesser."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from server.store.pool import Pool
from server.web.passwords import Checked, Hasher
from tests.web.house import SENTENCE, Browser, House, a_store, cookie_of, hash_of_sentence, housed
from tests.web.serving import Answered

HTML = "text/html,application/xhtml+xml"


def facts_of(page: Answered) -> Any:
    """What a page's scripts are told."""
    found = re.search(r'id="facts">(.*?)</script>', page.body.decode(), re.DOTALL)
    assert found
    return json.loads(found[1])


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    async with housed(pool) as opened:
        yield opened


async def test_a_log_in_sets_a_cookie_that_scripts_and_other_sites_do_not_get(house: House) -> None:
    user = await house.add_user()
    answered = await house.log_in(user["email"], user["password"])
    assert answered.status == 303
    cookie = answered.headers["Set-Cookie"]
    assert re.fullmatch(r"sid=ks_[\w-]{43}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict", cookie)


async def test_behind_https_the_cookie_is_secure_and_bound_to_the_host(cleared: Pool) -> None:
    async with housed(cleared, server__public_url="https://kairos.example") as house:
        user = await house.add_user()
        answered = await house.log_in(user["email"], user["password"])
        cookie = answered.headers["Set-Cookie"]
        assert cookie.startswith("__Host-sid=ks_")
        assert cookie.endswith("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure")
        assert answered.headers["Strict-Transport-Security"].startswith("max-age=")


async def test_a_one_time_password_opens_nothing_but_the_way_to_another(house: House) -> None:
    user = await house.add_user(roles=["admin"])
    answered = await house.log_in(user["email"], user["password"])
    assert answered.headers["Location"] == "/password"
    browser = Browser(house.served, cookie_of(answered), "")
    refused = await browser.get("/v1/users")
    assert (refused.status, refused.json["code"]) == (403, "password_change_required")
    browser = await browser.with_csrf("/password")
    why = b"The one-time password was for this log-in alone."
    assert why in (await browser.get("/password")).body
    changed = await browser.post("/password", {"current": user["password"], "password": SENTENCE, "again": SENTENCE})
    assert changed.status == 303
    assert (await browser.get("/v1/users")).status == 401  # the session of the one-time password is over
    after = Browser(house.served, cookie_of(changed), "")
    assert (await after.get("/v1/users")).status == 200
    assert (await house.log_in(user["email"], user["password"])).status == 401
    assert (await house.log_in(user["email"], SENTENCE)).status == 303


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"password": SENTENCE + "!", "again": SENTENCE}, "not the same"),
        ({"password": "short", "again": "short"}, "15 characters"),
        ({"password": "passwordpassword", "again": "passwordpassword"}, "guesses"),
        ({"password": SENTENCE, "again": SENTENCE, "current": "wrong"}, "current password is wrong"),
    ],
)
async def test_a_new_password_that_will_not_do_is_explained_in_the_form(
    house: House, form: dict[str, str], words: str
) -> None:
    user = await house.add_user()
    browser = Browser(house.served, cookie_of(await house.log_in(user["email"], user["password"])), "")
    browser = await browser.with_csrf("/password")
    answered = await browser.post("/password", {"current": user["password"]} | form, Accept=HTML)
    assert answered.status in (401, 422)
    assert answered.headers["Content-Type"] == "text/html; charset=utf-8"
    assert words in answered.body.decode()
    assert (await browser.get("/password")).status == 200  # still logged in, nothing changed


async def test_who_is_not_known_and_who_is_wrong_get_the_same_answer(house: House) -> None:
    user = await house.add_user()
    wrong = await house.log_in(user["email"], "not the password at all")
    unknown = await house.log_in("nobody@example.com", "not the password at all")
    assert wrong.status == unknown.status == 401
    strip = re.compile(rb'"request_id":"[^"]*"')
    assert strip.sub(b"", wrong.body) == strip.sub(b"", unknown.body)
    typed = (user["email"], "nobody@example.com")
    pages = [await house.log_in(email, "not the password", Accept=HTML) for email in typed]
    assert pages[0].status == pages[1].status == 401
    kept = [f' value="{email}"'.encode() for email in typed]  # what was typed need not be typed again, known or not
    assert [page.body.count(each) for page, each in zip(pages, kept, strict=True)] == [1, 1]
    assert pages[0].body.replace(kept[0], b"") == pages[1].body.replace(kept[1], b"")
    assert b"E-mail address or password is wrong." in pages[0].body


async def test_a_log_in_has_a_new_number_and_the_old_one_is_dead(house: House) -> None:
    browser = await house.settled()
    again = await house.served.call(
        "POST", "/login", data={"email": "kim@example.com", "password": SENTENCE}, headers={"Cookie": browser.cookie}
    )
    assert again.status == 303
    assert cookie_of(again) != browser.cookie
    async with house.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM sessions") == 1


async def test_ten_failures_lock_the_account_for_that_network_and_not_its_owner(house: House) -> None:
    browser = await house.settled()
    for _ in range(10):
        assert (await house.log_in("kim@example.com", "a wrong guess")).status == 401
    locked = await house.log_in("KIM@example.com", SENTENCE)  # even the right one, in any case
    assert (locked.status, locked.json["code"]) == (429, "too_many_requests")
    assert 800 < int(locked.headers["Retry-After"]) <= 900
    page = await house.log_in("kim@example.com", SENTENCE, Accept=HTML)
    assert page.status == 429
    assert page.headers["Retry-After"]
    assert (await browser.get("/password")).status == 200  # the owner is logged in and stays so
    assert (await house.log_in("tim@example.com", "a wrong guess")).status == 401  # and others are not held up


async def test_unknown_accounts_are_locked_just_the_same(house: House) -> None:
    statuses = [(await house.log_in("nobody@example.com", "guess")).status for _ in range(11)]
    assert statuses == [401] * 10 + [429]


async def test_guesses_at_once_are_counted_one_by_one(house: House) -> None:
    answers = await asyncio.gather(*(house.log_in("nobody@example.com", "guess") for _ in range(14)))
    assert sorted(answered.status for answered in answers) == [401] * 10 + [429] * 4


async def test_no_account_is_written_down_in_the_clear(house: House) -> None:
    await house.log_in("my-password-in-the-wrong-field", "x")
    async with house.pool.acquire() as db:
        assert "my-password" not in repr([dict(row) for row in await db.fetch("SELECT * FROM login_failures")])


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_another_site_can_not_log_anybody_in(house: House, headers: dict[str, str]) -> None:
    user = await house.add_user()
    answered = await house.log_in(user["email"], user["password"], **headers)
    assert (answered.status, answered.json["code"]) == (403, "cross_site")
    assert "Set-Cookie" not in answered.headers


@pytest.mark.parametrize("origin", ["its own", "null"])
async def test_our_own_page_can_log_in(house: House, origin: str) -> None:
    """A page that sends no referrer sends no origin with a form either (Chromium: "null")."""
    user = await house.add_user()
    headers = {"Origin": house.served.url if origin == "its own" else "null", "Sec-Fetch-Site": "same-origin"}
    assert (await house.log_in(user["email"], user["password"], **headers)).status == 303


async def test_a_cookie_alone_changes_nothing(house: House) -> None:
    browser = await house.settled(roles=["admin"])
    new = {"email": "eve@example.com", "name": "Eve", "roles": ["admin"]}
    cookie = {"Cookie": browser.cookie}
    for headers in (
        cookie,
        cookie | {"X-CSRF-Token": "kx_wrong"},
        cookie | {"X-CSRF-Token": browser.csrf, "Origin": "https://evil.example"},
        cookie | {"X-CSRF-Token": browser.csrf, "Sec-Fetch-Site": "cross-site"},
    ):
        answered = await house.served.call("POST", "/v1/users", json=new, headers=headers)
        assert (answered.status, answered.json["code"]) == (403, "cross_site")
    assert (await browser.post("/logout", {"csrf": "wrong"})).status == 403
    async with house.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM users") == 1
    right = cookie | {"X-CSRF-Token": browser.csrf, "Origin": house.served.url}
    assert (await house.served.call("POST", "/v1/users", json=new, headers=right)).status == 201


async def test_a_form_of_a_page_that_is_older_than_the_log_in_is_refused_in_words(house: House) -> None:
    """Nobody who logged in anew in another tab, or whose log-in has ended, reads a problem's details."""
    german = {"Accept-Language": "de", "Accept": HTML}
    browser = await house.entered()
    for path, form in (("/logout", {}), ("/password", {"current": "x", "password": "x", "again": "x"})):
        stale = await browser.post(path, {"csrf": "kx_older"} | form, **german)
        assert (stale.status, "Diese Seite war veraltet" in stale.body.decode()) == (403, True), path
        assert facts_of(stale)["here"] == "/"
        over = await house.served.call("POST", path, data=form, headers=german)
        assert (over.status, over.headers["Location"]) == (303, "/login")
        assert (await browser.post(path, {"csrf": "kx_older"} | form)).json["code"] == "cross_site"
    long = await house.log_in("kim@example.com", "x" * 1025, **german)
    assert (long.status, "Etwas im Formular fehlt oder ist zu lang." in long.body.decode()) == (422, True)
    assert (await browser.get("/account")).status == 200


async def test_logging_out_ends_the_session_at_once(house: House) -> None:
    browser = await house.settled(roles=["admin"])
    assert (await browser.get("/v1/users")).status == 200
    answered = await browser.post("/logout", {})
    assert (answered.status, answered.headers["Location"]) == (303, "/login")
    assert "Max-Age=0" in answered.headers["Set-Cookie"]
    assert (await browser.get("/v1/users")).status == 401
    assert (await house.served.call("POST", "/logout")).status == 303  # who is not logged in is not surprised


async def test_who_opens_a_page_without_a_log_in_is_led_to_it(house: House) -> None:
    answered = await house.served.call("GET", "/password")
    assert (answered.status, answered.headers["Location"]) == (303, "/login")
    page = await house.served.call("GET", "/login")
    assert page.status == 200
    assert b'action="/login"' in page.body


async def test_somebody_lands_on_the_page_that_they_opened_if_they_may_see_it(house: House) -> None:
    page, account = "/dashboard/why?moment_id=1&x=%C3%BC", "/account?tab=2"
    await house.entered("marketer")
    await house.entered("analyst", email="robin@example.com")
    for email, to, landed in (
        ("kim@example.com", page, page),
        ("robin@example.com", page, "/docs"),
        ("robin@example.com", account, account),
        ("kim@example.com", "//evil.example", "/docs"),
        ("kim@example.com", "/v1/users", "/docs"),
    ):
        form = {"email": email, "password": SENTENCE, "to": to}
        came = await house.served.call("POST", "/login", data=form)
        assert (came.status, came.headers["Location"]) == (303, landed)
    form = {"email": "kim@example.com", "password": "wrong"}
    for to, kept in ((account, True), ("//evil.example", False), ("/logout", False)):
        again = await house.served.call("POST", "/login", data=form | {"to": to}, headers={"Accept": HTML})
        assert (again.status, f'name="to" value="{account}"' in again.body.decode()) == (401, kept)
        assert b"evil" not in again.body


async def test_another_password_is_asked_for_on_the_way_and_the_page_comes_after_it(house: House) -> None:
    user, page = await house.add_user(roles=["marketer"]), "/dashboard/why?moment_id=1"
    for hostile in ("//evil.example", "/logout"):
        form = {"email": user["email"], "password": user["password"], "to": hostile}
        assert (await house.served.call("POST", "/login", data=form)).headers["Location"] == "/password"
    came = await house.served.call("POST", "/login", data=form | {"to": page})
    way = came.headers["Location"]
    assert way == "/password?to=%2Fdashboard%2Fwhy%3Fmoment_id%3D1"
    browser = Browser(house.served, cookie_of(came), "")
    assert (await browser.get(page)).headers["Location"] == way
    browser = await browser.with_csrf(way)
    form = {"current": user["password"], "password": SENTENCE, "again": SENTENCE, "to": page}
    wrong = await browser.post("/password", form | {"again": "other"}, Accept=HTML)
    assert (wrong.status, f'name="to" value="{page}"' in wrong.body.decode()) == (422, True)
    changed = await browser.post("/password", form)
    assert (changed.status, changed.headers["Location"]) == (303, page)
    browser = await Browser(house.served, cookie_of(changed), "").with_csrf("/password")
    form = {"current": SENTENCE, "password": f"{SENTENCE} 2", "again": f"{SENTENCE} 2", "to": "//evil.example"}
    assert (await browser.post("/password", form)).headers["Location"] == "/docs"
    late = await house.served.call("GET", way)
    assert (late.status, late.headers["Location"]) == (303, "/login?to=%2Fdashboard%2Fwhy%3Fmoment_id%3D1")


async def test_somebody_of_the_counter_lands_as_the_till_of_their_store(house: House) -> None:
    store = await a_store(house.pool)
    browser = await house.settled(roles=["counter"], store_id=str(store))
    assert (await browser.get("/v1/users")).status == 403


async def test_a_password_that_is_no_password_is_refused_and_never_written(house: House) -> None:
    long = await house.log_in("kim@example.com", "x" * 2000)
    assert (long.status, long.json["errors"][0]["field"]) == (422, "password")
    assert (await house.served.call("POST", "/login", data={"email": "kim@example.com"})).status == 422


async def test_a_log_in_knows_where_it_comes_from_and_no_more_exactly(house: House) -> None:
    user = await house.add_user()
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    await house.log_in(user["email"], user["password"], **{"User-Agent": agent})
    async with house.pool.acquire() as db:
        row = await db.fetchrow("SELECT network, browser FROM sessions")
    assert tuple(row or ()) == ("127.0.0.0/24", "Firefox, Linux")


async def test_the_forms_and_what_is_wrong_with_them_are_said_in_the_readers_language(house: House) -> None:
    german = {"Accept-Language": "de", "Accept": HTML}
    form = await house.served.call("GET", "/login", headers=german)
    assert b"<h1>Anmelden</h1>" in form.body
    wrong = await house.log_in("nobody@example.com", "not the password", **german)
    assert (wrong.status, wrong.headers["Content-Language"]) == (401, "de")
    assert "E-Mail-Adresse oder Passwort ist falsch." in wrong.body.decode()
    assert facts_of(wrong)["here"] == "/login"  # where the other language is: what was sent is not sent again
    browser = await house.settled()
    short = {"current": SENTENCE, "password": "kurz", "again": "kurz"}
    refused = await browser.post("/password", short | {"to": "/account"}, **german)
    assert (refused.status, "mindestens 15 Zeichen" in refused.body.decode()) == (422, True)
    assert facts_of(refused)["here"] == "/password?to=%2Faccount"


@pytest.mark.parametrize("change", ["password_hash = 'another', one_time = true", "disabled_at = clock_timestamp()"])
async def test_what_changes_while_a_password_is_checked_lets_nobody_in(
    house: House, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    browser, check = await house.entered(), Hasher.check

    async def meanwhile(hasher: Hasher, password: str, stored: str | None) -> Checked:
        checked = await check(hasher, password, stored)
        assert checked.right
        async with house.pool.acquire() as db:
            await db.execute(f"UPDATE users SET {change}")
        return checked

    monkeypatch.setattr(Hasher, "check", meanwhile)
    came = await house.log_in("kim@example.com", SENTENCE)
    assert (came.status, came.json["code"]) == (401, "wrong_login")
    async with house.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM sessions") == 1
        await db.execute("UPDATE users SET password_hash = $1, disabled_at = NULL", await hash_of_sentence())
    form = {"current": SENTENCE, "password": f"{SENTENCE} 2", "again": f"{SENTENCE} 2"}
    changed = await (await browser.with_csrf("/password")).post("/password", form)
    assert (changed.status, changed.json["code"]) == (401, "wrong_login")
