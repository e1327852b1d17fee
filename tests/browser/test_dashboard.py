"""The dashboard in a real Chromium: somebody logs in, sees what happened, narrows it, and takes it along."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from server.model.money import Money
from server.store import lift
from server.store.pool import Pool
from tests import lives
from tests.browser.hostile import SHORT, TOGETHER, nothing_ran
from tests.browser.visits import PASSWORD, Visit, enter, person, visit
from tests.lives import row
from tests.street.serving import Street, open_street
from tests.sums import sum_up
from tests.web.authors import a_store

NARROW = "\u2212"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
async def street(db_dsn: str, tmp_path: Path) -> AsyncIterator[Street]:
    """A whole house with its jobs and some lives, all of which are counted."""
    async with open_street(db_dsn, tmp_path, privacy__min_group=3) as opened:
        await fill(opened.house.parts.pool)
        await rolled_up(opened)
        yield opened


TRIED = """
INSERT INTO lift_cells (slot, offer_id, place_id, channel, placement, variant, local_day, local_hour, weekday, weather,
                        currency, held_out, customers, reached, visits, visits_squared, value_minor, value_squared,
                        in_sums, in_place_sums)
VALUES (date_bin('15 minutes', $2::timestamptz, '2000-01-01 00:00Z'), $1, $1, 'push', 'card', 'card', $2::date, 9, 1, '', 'EUR',
        $3, $4::bigint, $5::bigint, $4::bigint / 3, $4::bigint, $5::bigint * 900, $5::bigint * 900 * 900, true,
        true)
"""
"""Trials of coffee, or the programme, that are over: 12 and 6 in a hundred redeemed something, and spent nine euros each."""


async def fill(pool: Pool) -> None:
    """Coffee for 12 people at a store, books for 5 (names want to be markup), and two rare offers that two people each had."""
    bakery = await a_store(pool, name=f"Bakery {SHORT}")
    async with pool.acquire() as db:
        for number, name in enumerate(("coffee-morning", TOGETHER, "rare-tea", "rare-milk"), 1):
            await lives.offer_row(db, number, name=name)
        now = await db.fetchval("SELECT clock_timestamp()")
        for offer, people in ((1, range(12)), (2, range(5)), (3, range(2)), (4, range(2, 4))):
            for number in people:
                more = {"variant": SHORT, "weather": SHORT[:20]} if offer == 2 else {}
                more |= {"place_id": bakery.id, "place_kind": "store"} if offer == 1 else {}
                moment = row(number, at=now, offer=offer, held_out=offer == 1 and number == 11, **more)
                await lives.decide(db, moment)
                if moment.held_out:
                    continue
                await lives.told(db, moment, *("delivered", "opened", "clicked")[: 1 + number % 3])
                if number % 2 == 0:
                    await lives.redeem(db, await lives.accept(db, moment, value=Money(250, "EUR")))
        for held_out, customers, reached in ((False, 900, 108), (True, 300, 18)):
            for of in (lives.offer_of(1), lift.PROGRAMME):
                await db.execute(TRIED, of, now, held_out, customers, reached)
        await sum_up(db)


async def rolled_up(street: Street) -> None:
    """Wait until the house's own job has counted everything."""
    async with street.house.parts.pool.acquire() as db:
        for _ in range(200):
            if not await db.fetchval("SELECT count(*) FROM funnel_facts"):
                return
            await asyncio.sleep(0.1)
    raise AssertionError("the facts were never rolled up")


async def log_in(seen: Visit, street: Street, email: str) -> Page:
    """Come to the dashboard, be led to the log-in, and give name and password by the keyboard alone."""
    page = await seen.go("/dashboard")
    await expect(page).to_have_url(f"{street.url}/login?to=%2Fdashboard")
    for text, key in ((email, "Tab"), (PASSWORD, "Enter")):
        await page.keyboard.type(text)
        await page.keyboard.press(key)
    await expect(page).to_have_url(f"{street.url}/dashboard")
    return page


async def figures(page: Page, group: str) -> list[str]:
    """The cells of a row of the funnel, each in one line."""
    line = page.locator("table.offers tbody tr").filter(has=page.get_by_role("rowheader", name=group, exact=True))
    return [" ".join(text.split()) for text in await line.locator("td").all_inner_texts()]


async def test_somebody_logs_in_by_keyboard_sees_the_funnel_that_happened_chooses_days_and_leaves(
    street: Street, chromium: Browser
) -> None:
    seen = await visit(chromium, street, viewport={"width": 1280, "height": 900})
    page = await log_in(seen, street, await person(street, "analyst"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")
    assert await figures(page, "coffee-morning") == [
        "", "11 100.0%", "11 100.0%", "7 63.6%", "3 27.3%", "6 54.5%", "6 54.5%", "€15.00", "1",
        "Redemptions +6.0 points +2.2 to +9.2"
        f" Visits 0.00 {NARROW}0.12 to +0.12, may be chance Value +€0.54 +€0.23 to +€0.85",
    ]  # fmt: skip
    assert await figures(page, "rare-tea") == ["Fewer than 3 people: not shown, so that nobody can be recognised."]
    totals = [" ".join(text.split()) for text in await page.locator("dl.steps > div").all_inner_texts()]
    assert (totals[0], totals[5]) == ("Decided 16 100.0%", "Redeemed 9 56.3%")
    assert (await figures(page, TOGETHER))[-1] == "–"
    whole = " ".join((await page.locator(".total .aside .effects").inner_text()).split())
    assert whole.startswith("Redemptions +6.0 points +2.2 to +9.2 Visits")
    await the_steps_are_as_high_as_their_figures(page, [16, 16, 10, 4, 9, 9])
    await everything_is_drawn(page)
    await seen.is_accessible()

    await page.get_by_role("link", name="Today", exact=True).focus()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.innerText") == "28 days"
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{street.url}/dashboard?days=28")
    await expect(page.locator(".range a[aria-current]")).to_have_text("28 days")
    await page.fill("input[name=first]", "2020-01-01")
    await page.fill("input[name=last]", "2020-01-31")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("main > p.empty")).to_have_text("No moment was decided in these days.")
    assert await page.input_value("input[name=first]") == "2020-01-01"
    await page.get_by_role("button", name="Log out").click()
    await expect(page).to_have_url(f"{street.url}/login")
    await seen.go("/dashboard")
    await expect(page).to_have_url(f"{street.url}/login?to=%2Fdashboard")
    seen.only_here()


async def everything_is_drawn(page: Page) -> None:
    for part in ("#trend canvas", "#heat table", "#stores details", "#money table", "#kpis details"):
        await expect(page.locator(part).first).to_be_visible()
    await page.locator("#stores").scroll_into_view_if_needed()
    await expect(page.locator("#stores path.leaflet-interactive")).to_have_count(1)


async def the_steps_are_as_high_as_their_figures(page: Page, counts: list[int]) -> None:
    boxes = [await step.bounding_box() for step in await page.locator("svg.wide polygon.step").all()]
    heights = [box["height"] for box in boxes if box is not None]
    assert heights == pytest.approx([heights[0] * count / counts[0] for count in counts], rel=0.02)
    shape = await page.locator("svg.wide").bounding_box()
    assert shape is not None
    assert shape["width"] > 800


REDEEMED = "SELECT count(*) FROM redemptions"


async def test_what_happens_is_seen_and_a_view_is_narrowed_compared_and_taken_along(
    street: Street, chromium: Browser
) -> None:
    seen = await visit(chromium, street, viewport={"width": 1280, "height": 900})
    await enter(seen, street, await person(street, "marketer"))
    page = await seen.go("/dashboard?days=1&compare=before&by=variant")
    await what_happens_is_seen(street, page)
    await expect(page.get_by_role("rowheader", name=SHORT)).to_be_visible()
    await a_store_is_found_on_the_map(page)
    await page.get_by_role("link", name="Offer", exact=True).click()
    await page.locator("table.offers").get_by_role("link", name="coffee-morning").click()
    await expect(page.locator(".chips li strong")).to_have_text(
        ["coffee-morning", f"Bakery {SHORT}"], use_inner_text=True
    )
    assert (await figures(page, "coffee-morning"))[1] == "11 100.0% before 0"
    await the_line_and_the_hours_follow_a_choice_and_the_back_button(page)
    await everything_is_taken_along(page)
    await page.get_by_role("link", name="Remove: coffee-morning").click()
    await page.get_by_role("link", name=f"Remove: Bakery {SHORT}").click()
    await expect(page.locator(".chips")).to_have_count(0)
    await expect(page.locator("#money tbody tr")).to_have_count(4)
    await page.context.clear_cookies()
    await page.locator("a[download]").first.click()
    await expect(page.locator("#said")).to_contain_text("Please log in again.")
    await nothing_ran(page)
    seen.only_here("401")


async def what_happens_is_seen(street: Street, page: Page) -> None:
    """A redemption, as the counter writes it, is on the screen without a reload."""
    async with street.house.parts.pool.acquire() as db:
        before = await db.fetchval(REDEEMED)
        redeemed = page.locator("#now div").filter(has_text="Redeemed").locator("dd")
        await expect(page.locator("#now-state")).to_have_text("Live")
        await expect(redeemed).to_have_text(str(before))
        moment = row(1, at=await db.fetchval("SELECT clock_timestamp()"))
        await lives.decide(db, moment)
        await lives.redeem(db, await lives.accept(db, moment))
        assert await db.fetchval(REDEEMED) == before + 1
        await expect(redeemed).to_have_text(str(before + 1))
        await nobody_looks(street, page)
        moment = row(2, at=await db.fetchval("SELECT clock_timestamp()"))
        await lives.decide(db, moment)
        await lives.redeem(db, await lives.accept(db, moment))
        await page.evaluate(SEEN, True)
        await expect(redeemed).to_have_text(str(before + 2))
        await expect(page.locator("#now-state")).to_have_text("Live")
    await rolled_up(street)


SEEN = """
seen => {
  Object.defineProperty(document, "hidden", { value: !seen, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""Another tab is in front of this one, or not any more; Chromium without a head shows all of them."""


async def nobody_looks(street: Street, page: Page) -> None:
    """A page out of sight holds no connection: a browser has six, for all tabs."""
    assert street.house.parts.board.shown is not None
    await page.evaluate(SEEN, False)
    for _ in range(600):
        if street.house.parts.board.shown is None:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the stream was never closed")


async def a_store_is_found_on_the_map(page: Page) -> None:
    """Its circle says what was redeemed there, and is a button; its link narrows the view to it, whatever was chosen since."""
    await page.locator("#stores").scroll_into_view_if_needed()
    circle = page.locator("#stores path.leaflet-interactive")
    await expect(circle).to_have_count(1)
    await page.locator("#trend-steps").get_by_role("link", name="Opened").click()
    button = page.get_by_role("button", name=f"Bakery {SHORT}: 6 redeemed of 11 decided")
    link = page.get_by_role("link", name=f"Only Bakery {SHORT}")
    for key in ("Enter", "Space"):
        await button.focus()
        await page.keyboard.press(key)
        await expect(link).to_be_focused()
        await expect(link).to_have_attribute("href", re.compile("step=opened"))
        await page.keyboard.press("Escape")
        await expect(page.locator(".leaflet-popup")).to_have_count(0)
        await expect(button).to_be_focused()
    await page.go_back()
    await circle.click()
    await expect(page.locator(".leaflet-popup")).to_contain_text("6 redeemed of 11 decided (€15.00)")
    await link.click()
    await expect(page.locator(".chips li")).to_have_text(re.compile("Store: Bakery"))


async def the_line_and_the_hours_follow_a_choice_and_the_back_button(page: Page) -> None:
    narrowed = page.url
    await expect(page.locator("#trend canvas")).to_be_visible()
    await page.locator("#trend-steps").get_by_role("link", name="Opened").click()
    await page.locator("#heat-steps").get_by_role("link", name="Decided").click()
    assert ("step=opened" in page.url, "heat=decided" in page.url) == (True, True)
    await page.locator("#trend").get_by_text("As a table").click()
    hours = await page.locator("#trend table tbody tr").all_inner_texts()
    assert (len(hours), sum(int(text.split("\t")[1] or 0) for text in hours)) == (24, 7)
    cells = await page.locator("#heat td:not(.zero)").all_inner_texts()
    assert sorted(text for text in cells if text) == ["11"]
    await page.go_back()
    await expect(page.locator("#heat-steps a[aria-current]")).to_have_text("Redeemed")
    await expect(page.locator("#trend-steps a[aria-current]")).to_have_text("Opened")
    await page.go_back()
    await expect(page.locator("#trend-steps a[aria-current]")).to_have_text("Redeemed")
    assert page.url == narrowed


async def everything_is_taken_along(page: Page) -> None:
    """Pictures as PNG, tables as CSV, and the view as a link."""
    for name in ("funnel", "trend", "heat", "money"):
        async with page.expect_download() as waited:
            await page.locator(f"button[data-picture={name}]").click()
        saved = await waited.value
        assert saved.suggested_filename.endswith(".png")
        assert Path(await saved.path()).read_bytes().startswith(PNG)
    links = await page.locator("a[download]").evaluate_all("links => links.map(each => each.href)")
    assert len(links) == 6
    for link in links:
        answer = await page.request.get(link)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    async with page.expect_download() as waited:
        await page.locator("a[download]").first.click()
    saved = await waited.value
    assert saved.suggested_filename == "funnel.csv"
    assert Path(await saved.path()).read_bytes() == await (await page.request.get(links[0])).body()
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy link").click()
    await expect(page.locator("#said")).to_have_text("The link is in the clipboard.")
    assert await page.evaluate("navigator.clipboard.readText()") == page.url


async def test_it_works_on_a_phone_in_german_in_the_dark_also_when_the_connection_is_away(
    street: Street, chromium: Browser
) -> None:
    seen = await visit(
        chromium,
        street,
        locale="de-DE",
        color_scheme="dark",
        viewport={"width": 360, "height": 740},
        is_mobile=True,
        has_touch=True,
    )
    await enter(seen, street, await person(street, "admin"))
    page = seen.page
    async with street.house.parts.pool.acquire() as db:
        await db.execute("UPDATE offers SET name = repeat('x', 90) WHERE name = 'rare-milk'")
    for part in ("today/stream", "uPlot.iife.min.js", "leaflet.js"):
        await page.route(f"**/{part}", lambda route: route.abort())
    await page.route("**/kpis?*", lambda route: route.fulfill(status=503, json={}))
    await seen.go(f"/dashboard?compare=before&variant={SHORT}&channel=push")
    await expect(page.locator("main > p.empty")).to_have_text(
        "An diesen Tagen wurde kein Moment dieser Auswahl ausgelöst."
    )
    await page.get_by_role("link", name="Alle entfernen").tap()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Übersicht")
    assert await page.locator("html").get_attribute("lang") == "de"
    assert (await figures(page, "coffee-morning"))[1] == "11 100,0 % vorher 0"
    await expect(page.locator("#kpis")).to_contain_text("Das lässt sich gerade nicht sagen.")
    await page.unroute("**/kpis?*")
    await page.locator("#kpis button").tap()
    await expect(page.locator("#kpis details").first).to_be_visible()
    for part in ("#trend", "#stores"):
        await expect(page.locator(part)).to_contain_text("Das lässt sich gerade nicht sagen.")
    for part in ("uPlot.iife.min.js", "leaflet.js"):
        await page.unroute(f"**/{part}")
    await page.locator("#stores button").tap()
    await everything_is_drawn(page)
    await expect(page.locator("#heat table.tall")).to_be_visible()
    loyalty = page.locator("#kpis details").first
    await loyalty.locator("summary").tap()
    await expect(loyalty).to_contain_text("Zu wenige Daten")
    await expect(loyalty).to_contain_text("(E − N) / S × 100")
    await expect(page.locator("#now-state")).to_have_text(re.compile(r"Nicht verbunden\. Stand: \d\d:"))
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert await page.evaluate("document.querySelector('#money .scroll').scrollWidth") <= 360
    shown = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(each) for each in re.findall(r"\d+", shown)[:3]) < 60
    await seen.is_accessible()
    await nothing_ran(page)
    refused = await page.request.post(f"{street.url}/logout", headers={"Origin": "https://elsewhere.example"})
    assert refused.status == 403
    seen.only_here("ERR_FAILED", "503", "is not there")
