"""A newcomer opens the demo in a browser: walks a phone into a fence, takes the coupon to the counter, and finds it counted.

The town is that of `kairos demo`, opened by its own code, with two days behind it in place of a week.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser, Page, expect

from server.app import Addresses
from server.commands import history
from server.commands.opening import Credentials, open_town
from server.configuration import config_folder, load
from tests import apple_home
from tests.browser import camera
from tests.browser.visits import Visit, visit
from tests.street.serving import Street

CAMERAS = ("willReadFrequently", "camera stream")
SEEN = """
(image, [width, height]) => {
  const canvas = Object.assign(document.createElement("canvas"), {width, height});
  const ink = canvas.getContext("2d");
  ink.fillStyle = "#fff";
  ink.fillRect(0, 0, canvas.width, canvas.height);
  const side = canvas.height - 80;
  ink.drawImage(image, (canvas.width - side) / 2, 40, side, side);
  const {data} = ink.getImageData(0, 0, canvas.width, canvas.height);
  let light = "";
  for (let at = 0; at < data.length; at += 4) light += String.fromCharCode(data[at] > 127 ? 235 : 16);
  return btoa(light);
}
"""
"""What a camera before the phone's screen would see of a picture on it, pixel by pixel."""


@pytest.fixture
async def town(
    db_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Street, Credentials]]:
    """The demo's town on a database of the tests."""
    monkeypatch.setattr(history, "DAYS", 2)
    apple_home.lay_authority(tmp_path)
    settings = load(config_folder() / "demo.toml", environment={})
    own = {"server": {"port": 0, "shutdown_s": 0.5}, "database": {"url": db_dsn}}
    parts = {name: msgspec.structs.replace(getattr(settings, name), **given) for name, given in own.items()}
    settings = msgspec.structs.replace(settings, data_dir=str(tmp_path), **parts)
    async with open_town(settings, Addresses(db_dsn, db_dsn), told=lambda day: None) as (house, made):
        yield Street(house, None), made  # type: ignore[arg-type]


async def log_in(seen: Visit, made: Credentials, who: str, to: str) -> Page:
    """Log in with what the demo prints."""
    page = await seen.go(to)
    email = f"{who}@lindenquell.example"
    await page.fill("[name=email]", email)
    await page.fill("[name=password]", made.logins[email])
    await page.keyboard.press("Enter")
    return page


async def redeemed(page: Page) -> int:
    """Read how many redemptions the dashboard tells of these weeks."""
    await page.goto(page.url.partition("/dashboard")[0] + "/dashboard?days=28")
    told = await page.locator("dl.steps > div").last.inner_text()
    found = re.search(r"Redeemed\s+(\d+)", told)
    assert found is not None, told
    return int(found[1])


async def films(page: Page) -> None:
    """Hold the phone before the counter's camera."""
    code = page.get_by_role("img", name="Code for the counter")
    await expect(code).to_be_visible()
    light = base64.b64decode(await code.evaluate(SEEN, [camera.WIDTH, camera.HEIGHT]))
    camera.show_picture(light)


async def test_a_phone_walks_into_a_fence_and_its_coupon_is_redeemed_and_counted(
    town: tuple[Street, Credentials], chromium: Browser
) -> None:
    street, made = town
    desk = {"width": 1280, "height": 900}
    marketer = await visit(chromium, street, viewport=desk)
    dashboard = await log_in(marketer, made, "marketer", "/dashboard")
    await expect(dashboard.locator("h1")).to_have_text("Dashboard")
    before = await redeemed(dashboard)
    assert before > 0

    owner = await visit(chromium, street, viewport=desk)
    phone = await owner.go("/")
    await phone.get_by_role("link", name="A phone").click()
    await phone.locator("#sign-up [name=location]").check()
    await phone.get_by_role("button", name="Begin").click()
    await phone.locator("#scene [name=weekday]").select_option("tue")
    await phone.locator("#scene [name=clock]").fill("08:12")
    await phone.get_by_role("button", name="Go on to then").click()
    await expect(phone.locator("#clock")).to_have_text("Tuesday 08:12")
    for direction in ("n", "w", "n", "w"):
        await phone.locator(f"#pad [value={direction}]").click()
    card = phone.locator("#cards article")
    await expect(card).to_contain_text("A pretzel on us, here at Bäckerei Kornblume.", timeout=30_000)
    await card.get_by_role("button", name="Open").click()
    await phone.get_by_role("button", name="Take it").click()
    await films(phone)

    till = await visit(chromium, street, viewport=desk)
    counter = await log_in(till, made, "counter", "/counter")
    await expect(counter.locator("h1")).to_contain_text("Bäckerei Kornblume")
    await expect(counter.locator("body[data-ready]")).to_be_attached(timeout=15_000)
    await counter.get_by_role("button", name="Scan with the camera").click()
    await expect(counter.locator("#answer")).to_have_class("answer good")
    await expect(phone.locator(".pass-state")).to_have_text("Redeemed")
    async with street.house.parts.pool.acquire() as db:
        states = await db.fetch("SELECT state FROM passes ORDER BY created_at DESC LIMIT 1")
    assert [row["state"] for row in states] == ["redeemed"]
    async with asyncio.timeout(60):  # the roll-up is a second or two behind, on a busy machine more
        while (after := await redeemed(dashboard)) == before:
            await asyncio.sleep(0.1)
    assert after == before + 1
    owner.only_here("503")  # a busy machine may ask a phone to come again, and it does
    till.only_here(*CAMERAS)
    marketer.only_here()
