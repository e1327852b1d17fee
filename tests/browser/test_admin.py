"""The house's pages in a real Chromium: somebody is let in and put out, a key made and revoked, a dead letter sent again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, Route, expect

from server.store.ids import new_id
from tests.browser.hostile import CORPUS, SHORT, TOGETHER, nothing_ran
from tests.browser.visits import PASSWORD, Visit, enter, person, visit
from tests.street.serving import Street, open_street

SENTENCE = "eight wet badgers on a tin roof"
SECTIONS = ("", "/sessions", "/keys", "/tills", "/deliveries", "/certificates", "/settings", "/audit")
DEAD = """
INSERT INTO deliveries (bucket, id, channel, way, serial, state, reason, not_before, deliver_by, created_at, finished_at)
VALUES (7, $1, $3, $3, $1, 'dead', $2, now(), now() + interval '1 day', now(), clock_timestamp())
"""


@pytest.fixture
async def street(db_dsn: str, tmp_path: Path) -> AsyncIterator[Street]:
    async with open_street(db_dsn, tmp_path) as opened:
        yield opened


async def row(street: Street, query: str, *values: Any) -> Any:
    async with street.house.parts.pool.acquire() as db:
        return await db.fetchrow(query, *values)


async def shown_once(page: Page) -> str:
    """The secret of the dialog that is open; the dialog is closed."""
    secret = await page.locator("dialog code.secret").first.inner_text()
    await page.locator("dialog").get_by_role("button", name="Close").click()
    return secret


async def somebody_is_added(seen: Visit, street: Street) -> tuple[str, str]:
    """An admin adds a person by the form; gives the address and the one-time password."""
    await seen.page.route("**/v1/users?*", lambda route: route.fulfill(status=503, json={}), times=1)
    page = await seen.go("/dashboard/admin")
    await expect(page.locator("#section")).to_contain_text("This could not be loaded.")
    await page.get_by_role("button", name="Try again").click()
    await page.get_by_role("button", name="Add a person").click()
    dialog = page.locator("dialog")
    await dialog.get_by_label("Name").fill(SHORT)
    await dialog.get_by_label("E-mail address").fill("no address")
    await dialog.get_by_label("Reports").check()
    await dialog.get_by_role("button", name="Add").click()
    await expect(dialog).to_contain_text("This is not an e-mail address.")
    await seen.is_accessible()
    await dialog.get_by_label("E-mail address").fill("robin@example.com")
    await dialog.get_by_role("button", name="Add").click()
    password = await shown_once(page)
    made = await row(street, "SELECT name, roles, one_time FROM users WHERE email = 'robin@example.com'")
    assert tuple(made) == (SHORT, ["analyst"], True)
    await expect(page.locator("#section")).to_contain_text(SHORT)
    return "robin@example.com", password


async def only_what_was_changed_is_written(seen: Visit, street: Street) -> None:
    """What another admin took away meanwhile is not given back by whoever changes the name alone."""
    page = seen.page
    await page.get_by_role("row").filter(has_text="robin@example.com").get_by_role("button", name="Edit").click()
    roles = "UPDATE users SET roles = $1 WHERE email = 'robin@example.com'"
    await row(street, roles, ["marketer"])
    await page.locator("dialog").get_by_label("Name").fill("Robin")
    await page.locator("dialog").get_by_role("button", name="Save").click()
    await expect(page.locator("#said")).to_have_text("Robin has been changed.")
    made = await row(street, "SELECT name, roles FROM users WHERE email = 'robin@example.com'")
    assert tuple(made) == ("Robin", ["marketer"])
    await row(street, roles, ["analyst"])


async def they_log_in_and_choose_a_password(seen: Visit, street: Street, email: str, password: str) -> None:
    page = await seen.go("/login")
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()
    await expect(page).to_have_url(f"{street.url}/password")
    await page.get_by_label("Current password").fill(password)
    await page.get_by_label("New password", exact=True).fill(SENTENCE)
    await page.get_by_label("New password, again").fill(SENTENCE)
    await page.get_by_role("button", name="Change it").click()
    await expect(page).to_have_url(f"{street.url}/dashboard")
    assert not (await row(street, "SELECT one_time FROM users WHERE email = $1", email))["one_time"]


async def they_are_put_out(seen: Visit, theirs: Visit, street: Street) -> None:
    page = await seen.go("/dashboard/admin/sessions")
    line = page.get_by_role("row").filter(has_text="robin@example.com")
    await line.get_by_role("button", name="End", exact=True).click()
    await page.locator("dialog").get_by_role("button", name="Yes").click()
    await expect(line).to_have_count(0)
    await expect(page.get_by_role("row").filter(has_text="This one")).to_have_count(1)
    await theirs.go("/account")
    await expect(theirs.page).to_have_url(f"{street.url}/login?to=%2Faccount")


async def a_key_is_made_and_revoked(seen: Visit, street: Street) -> None:
    page = await seen.go("/dashboard/admin/keys")
    await page.get_by_role("button", name="Make a key").click()
    await page.locator("dialog").get_by_label("Kind").select_option("analyst")
    await page.locator("dialog").get_by_label("Name").fill(CORPUS[0])
    until = page.locator("dialog").get_by_label("Good until")
    await until.press_sequentially("1212")  # a day of no year: what the browser cannot read is no "for ever"
    await page.locator("dialog").get_by_role("button", name="Make a key").click()
    await expect(page.locator("dialog")).to_contain_text("Please give a day that is still to come.")
    await expect(until).to_be_focused()
    assert await row(street, "SELECT 1 FROM api_keys") is None
    day = datetime.now(UTC).date() + timedelta(days=2)
    await until.fill(day.isoformat())
    twice = "button => { button.click(); button.click(); }"  # by whoever doubts that the first counted: one key is made
    await page.locator("dialog").get_by_role("button", name="Make a key").evaluate(twice)
    street.tokens["made"] = await shown_once(page)
    made = await row(street, "SELECT id, kind, name FROM api_keys")
    assert tuple(made)[1:] == ("analyst", CORPUS[0])
    ends = await row(street, "SELECT not_after AT TIME ZONE 'Europe/Berlin' AS at FROM api_keys")
    assert ends["at"].isoformat() == f"{day}T23:59:00"
    await expect(page.get_by_role("row").nth(1)).to_contain_text(re.compile(f"{day.day} [A-Z][a-z]+ {day.year}, 23:59"))
    assert (await street.call("GET", "/v1/stores", by="made")).status == 200
    await page.get_by_role("button", name="Revoke").click()
    await page.locator("dialog").get_by_role("button", name="Yes").click()
    await expect(page.locator("#section")).to_contain_text("Revoked")
    assert (await street.call("GET", "/v1/stores", by="made")).status == 401


async def a_dead_letter_is_sent_again(seen: Visit, street: Street, letter: UUID) -> None:
    page = await seen.go("/dashboard/admin/deliveries")
    await expect(page.locator("#dead")).to_contain_text(SHORT)
    await more_letters_come_below_those_that_are_chosen(page)
    await the_list_is_of_what_the_field_says(page)
    await page.locator("#dead select").select_option("google_wallet")
    await expect(page.locator(".picking tbody")).to_have_text(re.compile(SHORT))
    await page.get_by_label("Choose all").check()
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("#said")).to_contain_text("1 are on their way again")
    assert (await row(street, "SELECT state FROM deliveries WHERE id = $1", letter))["state"] != "dead"


async def more_letters_come_below_those_that_are_chosen(page: Page) -> None:
    """Three letters, one at a time: what was ticked stays so, and focus goes on with the rows."""

    async def one(route: Route) -> None:
        await route.continue_(url=route.request.url.replace("limit=100", "limit=1"))

    await page.route("**/v1/deliveries?*", one)
    await page.reload()
    picks = page.locator(".pick")
    await picks.check()
    await expect(page.get_by_label("Choose all")).to_be_checked()
    for there in (2, 3):
        await page.get_by_role("button", name="Show more").click()
        await expect(picks).to_have_count(there)
    await expect(picks.last).to_be_focused()
    await expect(page.get_by_role("button", name="Show more")).to_have_count(0)
    await expect(picks.first).to_be_checked()
    await expect(page.locator(".pick:checked")).to_have_count(1)
    await expect(page.get_by_label("Choose all")).not_to_be_checked()
    await page.unroute("**/v1/deliveries?*")


async def the_list_is_of_what_the_field_says(page: Page) -> None:
    """By keyboard, when answers come in another order, and when one is refused."""
    field, list_ = page.locator("#dead select"), page.locator(".picking tbody")
    await field.focus()
    for way, name in (("apns", "iPhones"), ("fcm", "Android")):
        await page.keyboard.press("ArrowDown")
        await expect(list_).to_have_text(re.compile(name))
        await expect(field).to_have_value(way)
        await expect(field).to_be_focused()
    enough = asyncio.Event()

    async def late(route: Route) -> None:
        await enough.wait()
        await route.continue_()

    await page.route("**way=apns*", late)
    await field.select_option("apns")
    await expect(list_).not_to_be_visible()  # nothing can be chosen that the field does not say
    await field.select_option("fcm")
    await expect(list_).to_have_text(re.compile("Android"))
    async with page.expect_response("**way=apns*") as first:
        enough.set()
    await (await first.value).finished()
    await page.evaluate("fetch('/v1/limits').then((answer) => answer.text())")  # it has been read by now
    await expect(list_).to_have_text(re.compile("Android"))
    await page.route("**way=webpush*", lambda route: route.fulfill(status=503, json={}))
    await field.select_option("webpush")
    await expect(page.locator("#said")).to_contain_text("That did not work")
    await expect(field).to_have_value("fcm")
    await expect(list_).to_have_text(re.compile("Android"))


async def an_endpoint_is_added(seen: Visit, street: Street) -> None:
    page = await seen.go("/dashboard/webhooks")
    await page.get_by_role("button", name="Add an endpoint").click()
    dialog = page.locator("dialog")
    await dialog.get_by_label("Address").fill("ftp://10.0.0.1/x")
    await dialog.get_by_role("button", name="Add").click()
    await expect(dialog).to_contain_text("This address is never called")
    await dialog.get_by_label("Address").fill("https://hooks.example.com/canary")
    await dialog.get_by_label("Description").fill(TOGETHER[:200])
    await dialog.get_by_role("button", name="Add").click()
    assert (await page.locator("dialog code.secret").inner_text()).startswith("whsec_")
    await shown_once(page)
    await expect(page.locator(".endpoint .description")).to_have_text(TOGETHER[:200])
    await page.wait_for_load_state()  # the page has come anew: its buttons wait for its script
    await nothing_ran(page)
    await page.get_by_role("button", name="New secret").click()
    await page.locator("dialog").get_by_role("button", name="Yes").click()
    await shown_once(page)
    await expect(page.locator("#said")).to_have_text("The endpoint has been changed.")  # the page has come anew
    assert (await row(street, "SELECT old_sealed IS NOT NULL AS two FROM webhooks"))["two"]
    clicked = asyncio.Event()

    async def after_the_click(route: Route) -> None:
        await clicked.wait()
        await route.continue_()

    await page.route("**/static/js/webhooks.js", after_the_click)
    for turn, now in (("Turn off", False), ("Turn on", True)):
        clicked.clear()
        await page.reload(wait_until="commit")  # the button is there before the script that makes it work
        await page.get_by_role("button", name=turn).click()
        clicked.set()
        await expect(page.get_by_role("button", name="Turn off" if now else "Turn on")).to_be_visible()
        assert (await row(street, "SELECT enabled FROM webhooks"))["enabled"] is now
    await page.unroute("**/static/js/webhooks.js")


async def the_audit_has_it(seen: Visit, street: Street) -> None:
    page = await seen.go("/dashboard/admin/audit")
    await page.get_by_label("To what").fill("robin@example.com")  # as the list calls them
    await page.get_by_role("button", name="Search").click()
    await expect(page.locator("tbody tr").last).to_contain_text("user.create")
    await row(street, "DELETE FROM users WHERE email = 'robin@example.com'")
    await page.reload()
    await expect(page.locator("[name=actor] option").last).to_have_text(re.compile("^user:"))
    for action in ("user.create", "session.end", "key.revoke", "delivery.retry", "webhook.create"):
        await expect(page.locator("#section")).to_contain_text(action)
    await page.get_by_role("button", name="Check the chain").click()
    await expect(page.locator("#section")).to_contain_text(re.compile("All [0-9]+ rows follow one from the other"))
    await page.get_by_label("What", exact=True).fill("key")
    await page.get_by_role("button", name="Search").click()
    await expect(page.locator("tbody tr")).to_have_count(2)
    async with page.expect_download() as saved:
        await page.get_by_role("link", name="Save as CSV").click()
    lines = Path(await (await saved.value).path()).read_text("utf-8").splitlines()
    assert [line.split(",")[3] for line in lines[1:]] == ['"key.revoke"', '"key.create"']


async def test_an_admin_lets_somebody_in_and_puts_them_out_and_all_of_it_is_in_the_audit(
    street: Street, chromium: Browser
) -> None:
    letter = new_id(bucket=7)
    async with street.house.parts.pool.acquire() as db:
        await db.execute(DEAD, letter, SHORT, "google_wallet")
        for way in ("apns", "fcm"):
            await db.execute(DEAD, new_id(bucket=7), "Unregistered", way)
    email = await person(street, "admin")
    seen = await visit(chromium, street, viewport={"width": 1280, "height": 900})
    theirs = await visit(chromium, street)
    await enter(seen, street, email)
    added = await somebody_is_added(seen, street)
    await only_what_was_changed_is_written(seen, street)
    await they_log_in_and_choose_a_password(theirs, street, *added)
    await they_are_put_out(seen, theirs, street)
    await a_key_is_made_and_revoked(seen, street)
    await a_dead_letter_is_sent_again(seen, street, letter)
    await an_endpoint_is_added(seen, street)
    await the_audit_has_it(seen, street)
    for section in SECTIONS:
        page = await seen.go(f"/dashboard/admin{section}")
        await expect(page.locator("#section > *").first).not_to_have_text("Loading …")
        await seen.is_accessible()
        await nothing_ran(page)
    await nobody_elses_page_does_it(seen, street)
    await the_admin_goes(seen, street)
    await their_own_new_password_is_shown_to_them(seen, street, email)
    seen.only_here("422", "503")


async def nobody_elses_page_does_it(seen: Visit, street: Street) -> None:
    """The browser's cookie alone, or from another site, writes nothing."""
    [cookie] = [each for each in await seen.page.context.cookies() if each["name"] == "sid"]
    token = await seen.page.locator("meta[name=csrf]").get_attribute("content")
    headers = {"Cookie": f"sid={cookie['value']}"}
    new = {"email": "eve@example.com", "name": "Eve", "roles": ["admin"]}
    evil = {**headers, "X-CSRF-Token": token or "", "Origin": "https://evil.example"}
    for each in (headers, evil):
        answered = await street.call("POST", "/v1/users", body=new, headers=each)
        assert (answered.status, answered.json["code"]) == (403, "cross_site")
    assert await row(street, "SELECT 1 FROM users WHERE email = 'eve@example.com'") is None


async def the_admin_goes(seen: Visit, street: Street) -> None:
    """Who ends the own log-in has left."""
    page = await seen.go("/dashboard/admin/sessions")
    await page.get_by_role("row").filter(has_text="This one").get_by_role("button", name="End", exact=True).click()
    await expect(page.locator("dialog")).to_contain_text("End your own log-in?")
    await page.locator("dialog").get_by_role("button", name="Yes").click()
    await expect(page).to_have_url(f"{street.url}/login")


async def their_own_new_password_is_shown_to_them(seen: Visit, street: Street, email: str) -> None:
    """Their log-in ends with it, and nobody could ever tell it again."""
    await enter(seen, street, email)
    page = await seen.go("/dashboard/admin")
    await page.get_by_role("row").filter(has_text=email).get_by_role("button", name="Edit").click()
    await page.get_by_role("button", name="New one-time password").click()
    sure = page.locator("dialog", has_text="your own log-in ends, too").last
    await sure.get_by_role("button", name="Yes").click()
    password = await shown_once(page)
    await expect(page).to_have_url(f"{street.url}/login")
    answer = await street.call("POST", "/login", data={"email": email, "password": password})
    assert (answer.status, answer.headers["Location"]) == (303, "/password")


async def test_a_phone_shows_it_all_in_german_by_night_and_asks_for_the_password_again(
    street: Street, chromium: Browser
) -> None:
    email = await person(street, "admin", name=SHORT)
    options: dict[str, Any] = {"locale": "de-DE", "color_scheme": "dark", "viewport": {"width": 360, "height": 740}}
    seen = await visit(chromium, street, **options)
    await enter(seen, street, email)
    async with street.house.parts.pool.acquire() as db:
        await db.execute("UPDATE sessions SET proven_at = now() - interval '1 day'")
        await db.execute(DEAD, new_id(bucket=7), SHORT, "google_wallet")
    for path in (*(f"/dashboard/admin{section}" for section in SECTIONS), "/dashboard/webhooks"):
        page = await seen.go(path)
        await expect(page.locator("main")).not_to_contain_text("Wird geladen")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
        if path.endswith("deliveries"):
            await expect(page.get_by_label("Alle auswählen")).to_be_visible()
        if path.endswith(("admin", "settings", "webhooks")):  # a list, a form, cards: the others are made of the same
            await seen.is_accessible()
    page = await seen.go("/dashboard/admin/keys")
    await page.get_by_role("button", name="Schlüssel erzeugen").click()
    await page.locator("dialog.form").get_by_role("button", name="Schlüssel erzeugen").click()
    proof = page.locator("dialog.proof")
    await expect(proof).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(proof).to_have_count(0)
    await expect(page.locator("dialog.form")).to_contain_text("Ohne das Passwort wurde nichts getan.")
    await page.locator("dialog.form").get_by_role("button", name="Schlüssel erzeugen").click()
    await proof.get_by_label("Passwort").fill("not the password")
    await proof.get_by_role("button", name="Weiter").click()
    await expect(proof).to_contain_text("Das Passwort ist falsch.")
    await seen.is_accessible()
    await proof.get_by_label("Passwort").fill(PASSWORD)
    await proof.get_by_role("button", name="Weiter").click()
    await expect(page.locator("dialog code.secret")).to_have_text(re.compile("^ka_"))
    assert (await row(street, "SELECT kind FROM api_keys"))["kind"] == "app"
    seen.only_here("403", "401")
