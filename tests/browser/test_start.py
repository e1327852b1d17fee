"""The first page: in two languages, by day and by night, and to whoever does not look."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.visits import visit
from tests.street.serving import Street, open_street


@pytest.fixture
async def street(db_dsn: str, tmp_path: Path) -> AsyncIterator[Street]:
    async with open_street(db_dsn, tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_first_page_speaks_two_languages_and_is_accessible(
    street: Street, chromium: Browser, scheme: str
) -> None:
    seen = await visit(chromium, street, color_scheme=scheme, viewport={"width": 360, "height": 740})
    page = await seen.go("/")
    await expect(page.locator("main p").first).to_contain_text("The right offer at the right moment")
    await page.get_by_role("button", name="Deutsch").click()
    await expect(page.locator("main p").first).to_contain_text("Das richtige Angebot im richtigen Moment")
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Zum Inhalt")).to_be_focused()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await seen.is_accessible()
    seen.only_here()
