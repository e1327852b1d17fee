"""A second factor from its picture to the log-in, on a phone in German by night, and a log-in that is ended elsewhere."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.authenticator import code_at
from tests.browser.hostile import SHORT, nothing_ran
from tests.browser.visits import PASSWORD, Visit, enter, person, visit
from tests.street.serving import Street, open_street

PHONE: dict[str, Any] = {"locale": "de-DE", "color_scheme": "dark", "viewport": {"width": 360, "height": 740}}
WANTED = "/dashboard?days=28&by=store&step=opened"


@pytest.fixture
async def street(db_dsn: str, tmp_path: Path) -> AsyncIterator[Street]:
    async with open_street(db_dsn, tmp_path) as opened:
        yield opened


async def log_in(seen: Visit, email: str, *, at: str = "/login") -> Page:
    """Give the password by the form, or where a page leads to it."""
    page = await seen.go(at)
    await page.get_by_label("E-Mail-Adresse").fill(email)
    await page.get_by_label("Passwort").fill(PASSWORD)
    await page.get_by_role("button", name="Anmelden").click()
    return page


async def give(page: Page, code: str) -> None:
    await page.get_by_label("Code").fill(code)
    await page.get_by_role("button", name="Weiter").click()


async def it_is_set_up(seen: Visit, email: str) -> tuple[str, str, list[str]]:
    """Turn the second factor on; gives the secret, the code that was used, and the recovery codes."""
    page = await log_in(seen, email)
    await page.get_by_role("link", name="Konto").click()
    await seen.is_accessible()
    await page.get_by_role("button", name="Einrichten").click()
    picture = page.get_by_role("img", name="QR-Code")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("image => image.complete && image.naturalWidth > 0")
    secret = await page.locator("code.secret").inner_text()
    await page.get_by_label("Code").fill("000000")
    await page.get_by_role("button", name="Einschalten").click()
    await expect(page.locator("#second")).to_contain_text("Der Code ist falsch")
    code = code_at(secret, time.time())
    await page.get_by_label("Code").fill(code)
    await page.get_by_role("button", name="Einschalten").click()
    await expect(page.locator(".codes code")).to_have_count(10)
    codes = await page.locator(".codes code").all_inner_texts()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await seen.is_accessible()
    await page.get_by_role("button", name="Sie sind sicher abgelegt").click()
    await expect(page.locator("#second")).to_contain_text("An seit")
    await page.get_by_role("button", name="Abmelden").click()
    await expect(page).to_have_url(re.compile("/login$"))
    return secret, code, codes


async def test_a_second_factor_is_set_up_asked_for_and_replaced_by_a_recovery_code(
    street: Street, chromium: Browser
) -> None:
    email = await person(street, "admin", "analyst", name=SHORT)
    seen = await visit(chromium, street, **PHONE)
    secret, used, recovery = await it_is_set_up(seen, email)
    async with street.house.parts.pool.acquire() as db:
        assert await db.fetchval("SELECT confirmed_at IS NOT NULL FROM second_factors")
    page = await log_in(seen, email, at=WANTED)
    await expect(page).to_have_url(re.compile("/login/code[?]to="))
    await seen.is_accessible()
    await give(page, used)
    await expect(page.get_by_role("alert")).to_have_text(
        "Der Code ist falsch oder schon benutzt. Bitte auf den nächsten warten."
    )
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    await page.get_by_role("button", name="Deutsch").click()
    await expect(page.get_by_role("button", name="English")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)  # another language is no second try of the same code
    await give(page, code_at(secret, time.time(), ahead=1))
    await expect(page).to_have_url(f"{street.url}{WANTED}")
    await page.get_by_role("button", name="Abmelden").click()
    await expect(page).to_have_url(re.compile("/login$"))
    await give(await log_in(seen, email), recovery[2])
    await expect(page).to_have_url(f"{street.url}/dashboard")
    await seen.go("/account")
    await expect(page.locator("#second")).to_contain_text("9 von 10")
    await nothing_ran(page)
    assert not [url for url in seen.asked if "otpauth" in url or secret.replace(" ", "") in url]
    seen.only_here("401")


async def test_a_log_in_that_is_ended_elsewhere_dies_here(street: Street, chromium: Browser) -> None:
    email = await person(street, "analyst")
    here = await visit(chromium, street)
    elsewhere = await visit(chromium, street, viewport={"width": 1280, "height": 800})
    await enter(here, street, email)
    await enter(elsewhere, street, email)
    await here.go("/account")
    page = await elsewhere.go("/account")
    await expect(page.get_by_role("row")).to_have_count(3)
    await elsewhere.is_accessible()
    await page.get_by_role("button", name="End").click()
    await page.locator("dialog").get_by_role("button", name="Yes").click()
    await expect(page.get_by_role("row")).to_have_count(2)
    await expect(page.locator("#said")).to_have_text("The log-in has ended.")
    await expect(page.locator("#main")).to_be_focused()  # its row is gone: nobody who uses the keyboard begins anew
    await here.go("/account")
    await expect(here.page).to_have_url(f"{street.url}/login?to=%2Faccount")
    async with street.house.parts.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM sessions") == 1
    elsewhere.only_here()
