"""One's own log-ins, and the password once more before what is dear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from server.store.pool import Pool
from server.web.access import ACCESS
from server.web.gate import GATE
from tests.web.house import SENTENCE, Browser, cookie_of
from tests.web.people import Town, town

PROOF = "/v1/account/reauthenticate"
NEW = {"email": "new@example.com", "name": "New", "roles": ["analyst"]}


@pytest.fixture
async def there(pool: Pool, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(pool, tmp_path) as opened:
        yield opened


async def grow_old(there: Town) -> None:
    """Let every log-in be one whose password was given an hour ago, also to whoever remembers it otherwise."""
    async with there.house.pool.acquire() as db:
        await db.execute("UPDATE sessions SET proven_at = proven_at - interval '1 hour'")

    there.house.served.app[GATE].credentials._cache.clear()


async def test_people_see_their_own_log_ins_and_end_them(there: Town) -> None:
    browser = await there.house.entered()
    await there.house.entered(email="tim@example.com")
    agent = "Mozilla/5.0 (Windows NT 10.0) Firefox/128.0"
    other = await there.house.log_in("kim@example.com", SENTENCE, **{"User-Agent": agent})
    elsewhere = Browser(there.house.served, cookie_of(other), "")
    newest, current = (await browser.get("/v1/account/sessions")).json["items"]
    assert (newest["current"], newest["browser"], newest["network"]) == (False, "Firefox, Windows", "127.0.0.0/24")
    assert current["current"] is True
    assert (await elsewhere.get("/v1/account")).status == 200
    assert (await browser.ask("DELETE", f"/v1/account/sessions/{newest['id']}")).status == 204
    assert (await elsewhere.get("/v1/account")).status == 401
    [tims] = (await there.house.call("GET", f"/v1/sessions?user_id={(await who(there, 'tim'))}")).json["items"]
    for id_ in (tims["id"], newest["id"], str(uuid4())):
        assert (await browser.ask("DELETE", f"/v1/account/sessions/{id_}")).status == 404
    assert (await browser.get("/v1/sessions")).status == 403


async def who(there: Town, name: str) -> str:
    items = (await there.house.call("GET", "/v1/users")).json["items"]
    return next(each["id"] for each in items if each["email"].startswith(name))


async def test_what_is_dear_asks_for_the_password_again_after_a_while(there: Town) -> None:
    browser = await there.house.entered("admin")
    await grow_old(there)
    for method, path in (
        ("POST", "/v1/users"),
        ("PATCH", f"/v1/users/{uuid4()}"),
        ("DELETE", f"/v1/users/{uuid4()}"),
        ("POST", "/v1/keys"),
        ("DELETE", f"/v1/keys/{uuid4()}"),
        ("POST", "/v1/account/second-factor"),
        ("DELETE", "/v1/account/second-factor"),
        ("POST", "/v1/account/second-factor/recovery-codes"),
    ):
        body = {"kind": "app"} if path == "/v1/keys" else NEW if path == "/v1/users" else {}
        refused = await browser.ask(method, path, json=body)
        assert (refused.status, refused.json["code"]) == (403, "reauthentication_required"), path
        assert refused.json["second_factor"] is False
    assert (await browser.get("/v1/users")).status == 200  # looking is free


def test_everything_that_is_dear_asks_for_it() -> None:
    """Requirement 17 and the matrix: keys, roles, exports; webhooks' secrets; second factors."""
    dear = {" ".join(route) for route, access in ACCESS.items() if access.fresh}
    assert dear == {
        "POST /v1/users", "PATCH /v1/users/{id}", "DELETE /v1/users/{id}", "POST /v1/keys", "DELETE /v1/keys/{id}",
        "POST /v1/webhooks", "PATCH /v1/webhooks/{id}", "DELETE /v1/webhooks/{id}", "POST /v1/webhooks/{id}/rotate",
        "GET /v1/export/{type}", "DELETE /v1/redemptions/offline/keys/{id}",
        "POST /v1/account/second-factor", "POST /v1/account/second-factor/confirm",
        "POST /v1/account/second-factor/recovery-codes", "DELETE /v1/account/second-factor",
    }  # fmt: skip


async def test_the_password_once_more_renews_the_log_in_under_another_number(there: Town) -> None:
    browser = await there.house.entered("admin")
    await grow_old(there)
    assert (await browser.ask("POST", "/v1/users", json=NEW)).status == 403
    for password in ("not the password", ""):
        wrong = await browser.ask("POST", PROOF, json={"password": password})
        assert (wrong.status, wrong.json["code"]) == (401, "wrong_login")
    proven = await browser.ask("POST", PROOF, json={"password": SENTENCE})
    assert proven.status == 204
    renewed = browser._replace(cookie=cookie_of(proven))
    assert renewed.cookie != browser.cookie
    assert (await browser.get("/v1/users")).status == 401
    assert (await renewed.ask("POST", "/v1/users", json=NEW)).status == 201  # and the page's token is still good
    async with there.house.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM login_failures") == 0


async def test_with_a_second_factor_a_code_is_asked_for_as_well(there: Town) -> None:
    browser, secret, _ = await there.with_phone("admin")
    await grow_old(there)
    refused = await browser.ask("POST", "/v1/users", json=NEW)
    assert refused.json["second_factor"] is True
    for code in (None, "123456"):
        wrong = await browser.ask("POST", PROOF, json={"password": SENTENCE, "code": code})
        assert (wrong.status, wrong.json["code"]) == (401, "wrong_code")
    proven = await browser.ask("POST", PROOF, json={"password": SENTENCE, "code": there.code(secret)})
    assert proven.status == 204


async def test_guessing_the_password_here_is_counted_too(pool: Pool, tmp_path: Path) -> None:
    async with town(pool, tmp_path, limits__login_failures=2) as there:
        browser = await there.house.entered()
        answers = await asyncio.gather(*(browser.ask("POST", PROOF, json={"password": "guess"}) for _ in range(4)))
        assert sorted(each.status for each in answers) == [401] * 2 + [429] * 2


async def test_a_key_is_not_asked_again(there: Town) -> None:
    assert (await there.house.call("POST", "/v1/users", json=NEW)).status == 201


async def test_another_sites_page_proves_nothing(there: Town) -> None:
    browser = await there.house.entered()
    refused = await browser.ask("POST", PROOF, json={"password": SENTENCE}, headers={"Origin": "https://evil.example"})
    assert (refused.status, refused.json["code"]) == (403, "cross_site")
    without = await browser._replace(csrf="").ask("POST", PROOF, json={"password": SENTENCE})
    assert without.json["code"] == "cross_site"


@pytest.mark.parametrize("phone", [True, False])
async def test_a_new_password_is_no_code_where_one_is_asked_for(there: Town, phone: bool) -> None:
    browser = (await there.with_phone("admin"))[0] if phone else await there.house.entered("admin")
    await grow_old(there)
    form = {"current": SENTENCE, "password": f"{SENTENCE} 2", "again": f"{SENTENCE} 2"}
    changed = await browser.post("/password", form)
    assert changed.status == 303
    fresh = await Browser(there.house.served, cookie_of(changed), "").with_csrf("/password")
    asked = await fresh.ask("POST", "/v1/users", json=NEW)
    assert (asked.status, asked.json.get("code")) == ((403, "reauthentication_required") if phone else (201, None))
