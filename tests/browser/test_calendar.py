"""The calendar in a real Chromium, on a phone in German in the dark: days, a pressure that is too much, and the switch."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from server.model.ids import bucket_of
from tests.browser.hostile import TOGETHER, nothing_ran
from tests.browser.visits import enter, person, visit
from tests.street.scene import document
from tests.street.serving import Street, open_street

PHONE = {"width": 360, "height": 740}


STORE = {"name": "Mitte", "lat": 52.52, "lon": 13.405, "radius_m": 100, "time_zone": "Europe/Berlin"}
VISITS = """
INSERT INTO pings (bucket, customer_id, id, at, received_at, cell, geofence_ids)
SELECT $1, $2, gen_random_uuid(), day, day, '', ARRAY[$3::text::uuid]
FROM generate_series(now() - interval '14 days', now() - interval '1 day', '1 day') AS day
"""
"""Two weeks of daily visits: somebody who comes so often soon has had as many messages as a week allows."""


@pytest.fixture
async def street(db_dsn: str, tmp_path: Path) -> AsyncIterator[Street]:
    async with open_street(db_dsn, tmp_path, privacy__min_group=2) as opened:
        await opened.key("admin")
        store = (await opened.call("POST", "/v1/stores", by="admin", body=STORE)).json
        made = await opened.call("POST", "/v1/offers", by="admin", body=document("every-day"))
        assert (await opened.call("POST", f"/v1/offers/{made.json['id']}/publish", by="admin")).status == 200
        async with opened.house.parts.pool.acquire() as db:
            await db.execute("UPDATE offers SET published_at = published_at - interval '90 days'")
        for number in range(3):
            customer = await opened.customer(f"customer-{number}")
            async with opened.house.parts.pool.acquire() as db:
                await db.execute(VISITS, bucket_of(customer), customer, store["geofence_id"])
        yield opened


async def test_days_are_read_and_everything_is_stopped_and_goes_on(street: Street, chromium: Browser) -> None:
    seen = await visit(chromium, street, locale="de-DE", color_scheme="dark", viewport=PHONE)
    await enter(seen, street, await person(street, "marketer"))
    page = await seen.go("/dashboard/calendar")
    today = page.locator(".days .today")
    await expect(today).to_contain_text("erreichbar 3")
    await today.get_by_role("button").click()
    await expect(page.locator("#day")).to_contain_text("3 sind erreichbar")
    await expect(page.locator("#day tbody tr")).to_have_text(["every-dayläuft32aufgezeichneten Besuchen"])
    await page.get_by_label("Tage markieren").fill("5")
    await expect(today).to_have_class("over today")
    await expect(today).to_contain_text("⚠ Zu viel:")  # not by its colour alone
    await seen.is_accessible()
    await page.emulate_media(color_scheme="light")
    await seen.is_accessible()
    await page.get_by_label("Tage markieren").fill("")  # no limit marks no day
    await expect(page.locator(".days .over")).to_have_count(0)
    await page.get_by_role("button", name="Alles anhalten …").click()
    await page.get_by_role("button", name="Jetzt anhalten").click()
    await expect(page.get_by_role("dialog")).to_be_visible()  # without a reason nothing is stopped
    await page.locator("dialog textarea").fill(TOGETHER[:500])
    await page.route("**/v1/programme", lambda route: route.abort())
    await page.get_by_role("button", name="Jetzt anhalten").click()
    await expect(page.locator("#said")).to_contain_text("nicht erreichbar")
    await page.unroute("**/v1/programme")
    await page.get_by_role("button", name="Alles anhalten …").click()  # what was typed is still there
    await page.get_by_role("button", name="Jetzt anhalten").click()
    await expect(page.get_by_role("heading", level=2).first).to_have_text("Das Programm ist angehalten")
    await expect(page.locator(".reason")).to_contain_text("Warum: <script>window.taken=1</script>")
    async with street.house.parts.pool.acquire() as db:
        assert await db.fetchval("SELECT reason FROM programme WHERE paused") == TOGETHER[:500]
        await nothing_ran(page)
        await page.get_by_role("button", name="Weiterlaufen lassen …").click()
        await page.get_by_role("dialog").get_by_role("button", name="Weiterlaufen lassen").click()
        await expect(page.get_by_role("heading", level=2).first).to_have_text("Das Programm läuft")
        assert await db.fetchval("SELECT paused FROM programme") is False
    await expect(page.locator("#month")).to_have_text(re.compile(r"\d{4}$"))  # not while it is being read
    month = await page.locator("#month").inner_text()
    await page.get_by_role("button", name="Monat danach").click()
    await expect(page.locator("#month")).not_to_have_text(month)
    await page.get_by_role("button", name="Monat davor").click()
    await expect(page.locator("#month")).to_have_text(month)
    await page.get_by_role("button", name="Monat davor").click()
    await expect(page.locator("#month")).not_to_have_text(month)
    await page.locator(".days button").first.click()  # nobody foretells what was
    await expect(page.locator("#day")).to_contain_text("Dieser Tag ist vorbei")
    await expect(page.locator("#day [scope=col]")).to_have_text(["Angebot", "Zustand"])
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    seen.only_here("net::ERR_FAILED")
