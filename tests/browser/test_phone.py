"""A phone in a real Chromium: agreements, a walk into a fence, moments in each placement, a coupon and its end, one's data."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.hostile import CORPUS, TOGETHER, nothing_ran
from tests.browser.visits import Visit, visit
from tests.counter_rows import add_moment
from tests.street.serving import Street, open_street

SMALL = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}
START = (51.05, 10.905)
EVIL = CORPUS[1]
END = datetime(2041, 5, 1, 12, tzinfo=UTC)
TRACK = "".join(
    f'<trkpt lat="{51.05 + 0.0004 * number}" lon="10.905"><time>2026-11-03T07:{minute:02}:00Z</time><name>{{}}</name></trkpt>'
    for number, minute in enumerate((0, 1, 2, 3, 4, 5, 55))  # it goes on until somebody stops it
)
GPX = f'<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><name>{{}}</name><trkseg>{TRACK}</trkseg></trk></gpx>'


@pytest.fixture
async def street(db_dsn: str, tmp_path: Path) -> AsyncIterator[Street]:
    """A house with a store 220 m north of the phone, and offers in each placement."""
    given: dict[str, Any] = {
        "app__lat": START[0],
        "app__lon": START[1],
        "pressure__per_day": 0,
        "pressure__per_week": 0,
    }
    async with open_street(db_dsn, tmp_path, **given) as opened:
        for kind in ("admin", "app"):
            await opened.key(kind)
        store = {
            "name": f"Café {EVIL}"[:60],
            "lat": START[0] + 0.002,
            "lon": START[1],
            "radius_m": 80,
            "tags": ["cafe"],
        }
        made = await opened.call("POST", "/v1/stores", by="admin", body=store | {"time_zone": "Europe/Berlin"})
        assert made.status == 201, made.body
        await opened.key("till", store_id=UUID(made.json["id"]))
        yield opened


async def publish(street: Street, placement: str, **changes: Any) -> None:
    """Let an offer live, whose words name the customer."""
    words = {"title": f"{placement} {{{{ customer.first_name | default: 'you' }}}}", "body": EVIL}
    document = {
        "name": placement,
        "when": {"trigger": "enter", "places": {"tag": "cafe"}},
        "variants": [{"id": "only", "placement": placement}],
        "moment": {"surfaces": ["in_app"], "content": {"en-US": words, "de-DE": words}, "fallback_locale": "en-US"},
        "reward": {"type": "free_item", "sku": "coffee", "value": {"minor": 250, "currency": "EUR"}, "places": "any"},
    } | changes
    made = await street.call("POST", "/v1/offers", by="admin", body=document)
    assert made.status == 201, made.body
    assert (await street.call("POST", f"/v1/offers/{made.json['id']}/publish", by="admin")).status == 200
    await street.house.parts.rules.refresh()


async def looked_up(street: Street, statement: str) -> Any:
    async with street.house.parts.pool.acquire() as db:
        return await db.fetchval(statement)


async def sign_up(seen: Visit, street: Street, *, name: str, begin: str) -> Page:
    """Agree to the location, and begin."""
    page = await seen.go("/app")
    form = page.locator("#sign-up")
    await form.locator("[name=key]").fill(street.tokens["app"])
    await form.locator("[name=first_name]").fill(name)
    await form.locator("[name=location]").check()
    await form.get_by_role("button", name=begin).click()
    await expect(page.locator("#tabbar")).to_be_visible()
    return page


async def move(page: Page, *directions: str) -> None:
    for each in directions:
        await page.locator(f"#pad [value={each}]").click()


async def test_a_walk_into_a_fence_becomes_a_coupon_that_is_redeemed(street: Street, chromium: Browser) -> None:
    await publish(street, "card")
    far = {"latitude": START[0], "longitude": START[1], "accuracy": 9}
    more: dict[str, Any] = {"geolocation": far, "permissions": ["geolocation"]}
    seen = await visit(chromium, street, locale="de-DE", color_scheme="dark", viewport=SMALL, **more)
    page = await seen.go("/app")
    await expect(page.locator("#ask-key")).to_contain_text("kairos keys create app")
    await page.get_by_role("button", name="Los geht’s").click()
    await expect(page.locator("#sign-up-wrong")).to_have_text("Ohne Schlüssel der App kann niemand angemeldet werden.")
    await page.locator("#sign-up [name=key]").fill("ka_wrong")
    await page.get_by_role("button", name="Los geht’s").click()
    await expect(page.locator("#sign-up-wrong")).not_to_be_empty()
    assert await looked_up(street, "SELECT count(*) FROM customers") == 0
    await seen.is_accessible()
    page = await sign_up(seen, street, name=f"Kim {TOGETHER}"[:100], begin="Los geht’s")
    consents = await looked_up(
        street, "SELECT string_agg(purpose || ' ' || granted, ',' ORDER BY purpose) FROM consents WHERE granted"
    )
    assert consents == "location true"
    await page.locator("#tabbar [value=world]").click()
    await page.context.set_geolocation(far | {"latitude": START[0] + 0.002})
    await page.get_by_role("button", name="Meine echte Position").click()
    await expect(page.locator(".place-name")).to_contain_text("Café")
    await page.locator("#tabbar [value=now]").click()
    card = page.locator("#cards article")
    await expect(card).to_contain_text("card Kim")
    await expect(page.locator("#where")).to_contain_text("In Café")
    await seen.is_accessible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await card.get_by_role("button", name="Öffnen").click()
    await page.get_by_role("button", name="Annehmen").click()
    picture = page.get_by_role("img", name="Code für die Kasse")
    await expect(picture).to_be_visible()
    assert await looked_up(street, "SELECT state FROM moments") == "accepted"
    await expect(page.locator("#tabbar .count:visible")).to_have_count(0)  # nothing is unread
    await page.evaluate(
        "import('/static/js/frame.js').then(frame => frame.tell('It failed. '.repeat(5), {wrong: true}))"
    )
    said, code = await page.locator("#said").bounding_box(), await picture.bounding_box()
    assert said is not None
    assert code is not None
    assert said["y"] + said["height"] < code["y"], "what is said covers neither the code nor the tabs under it"
    steps = "SELECT string_agg(type, ',' ORDER BY type) FROM app_events"
    async with asyncio.timeout(30):  # what the phone tells beside its main way may come a little later
        while await looked_up(street, steps) != "clicked,delivered,opened":
            await asyncio.sleep(0.05)
    await seen.is_accessible()
    typed = await page.locator(".pass-typed").inner_text()
    answer = await street.call("POST", "/v1/redemptions", by="till", body={"code": typed}, key="new")
    assert answer.status == 201, answer.body
    await expect(page.locator(".pass-state")).to_have_text("Eingelöst")
    await expect(picture).to_have_count(0)
    await nothing_ran(page)
    seen.only_here("401")
    await page.context.close()


async def test_banner_interstitial_and_inbox_come_live_and_one_leaves_with_everything(
    street: Street, chromium: Browser
) -> None:
    seen = await visit(chromium, street, viewport=DESK, accept_downloads=True)
    page = await sign_up(seen, street, name="Kim", begin="Begin")
    await publish(street, "inbox", priority=90)
    track = {
        "name": f"{EVIL}.gpx",
        "mimeType": "application/gpx+xml",
        "buffer": GPX.replace("{}", "&lt;b&gt;").encode(),
    }
    broken = track | {"buffer": b"<gpx><trk style='color: red'><trkpt lat='x'"}
    await page.locator("#walk [name=track]").set_input_files(broken)  # type: ignore[arg-type]
    await expect(page.locator("#said")).to_contain_text("no points that could be walked along")
    await page.locator("#walk [name=track]").set_input_files(track)  # type: ignore[arg-type]
    await expect(page.locator("#walked")).to_have_text("7 points, 55 min")
    await page.locator("#walk [name=speed]").select_option("60")
    await page.get_by_role("button", name="Walk", exact=True).click()
    await expect(page.locator("#tabbar [value=inbox]")).to_contain_text("1", timeout=30_000)
    await page.get_by_role("button", name="Stop").click()
    await expect(page.locator("#play")).to_be_focused()
    await page.get_by_role("button", name="Draw a way").click()
    await page.locator("#map").click(position={"x": 600, "y": 120})
    await expect(page.locator("#walked")).to_have_text(re.compile(r"2 points, \d+ m"))
    await page.get_by_role("button", name="Draw a way").click()
    await move(page, "stay")
    await a_banner_is_declined_without_a_network(street, page, seen)
    await an_interstitial_covers_the_screen(street, page, seen)
    await page.locator("#tabbar [value=inbox]").click()
    await expect(page.locator("#inbox li")).to_have_count(4)
    await page.locator("#inbox button", has_text="inbox Kim").click()
    await page.get_by_role("button", name="In an hour").click()
    await expect(page.locator("#inbox")).to_contain_text("comes back at")
    assert await looked_up(street, "SELECT count(*) FROM moments WHERE snoozed_until > now()") == 1
    await its_own_data(street, page, seen)
    await nothing_ran(page)
    seen.only_here("403", "ERR_INTERNET_DISCONNECTED")  # what was not agreed to any more, and what a test cut off
    await page.context.close()


async def tell_live(street: Street, placement: str) -> None:
    """Make a moment as another process would: written, and known by its COMMIT."""
    async with street.house.parts.pool.transaction() as db:
        row = await db.fetchrow("SELECT customer_id, offer_id FROM moments LIMIT 1")
        words = {
            "title": f"{placement} {EVIL}",
            "body": EVIL,
            "action": {"type": "link", "url": "https://example.org/"},
        }
        shown = {"placement": placement, "state": "created", "reward": None, "valid_until": END, **words}
        await add_moment(db, customer_id=row["customer_id"], offer_id=row["offer_id"], **shown)


async def cut_off(route: Route) -> None:
    await route.abort("internetdisconnected")


async def stands(street: Street, placement: str, state: str) -> None:
    """Wait until the house has it so: what a phone tells comes a little later."""
    async with asyncio.timeout(30):
        while (
            await looked_up(street, f"SELECT bool_or(state = '{state}') FROM moments WHERE placement = '{placement}'")
            is not True
        ):
            await asyncio.sleep(0.05)


async def a_banner_is_declined_without_a_network(street: Street, page: Page, seen: Visit) -> None:
    """Not by this phone's report, but by the stream alone; what is opened is what the house said last."""
    await tell_live(street, "banner")
    banner, row = page.locator("#banner"), page.locator("#inbox li", has_text="banner")
    await expect(banner).to_contain_text(f"banner {EVIL[:20]}")
    await seen.is_accessible()
    await banner.get_by_role("button", name="Open").click()
    await expect(page.locator("#detail")).to_contain_text(re.compile(r"Until .*\b(20)?41\b"))
    await expect(banner).to_be_hidden()
    await expect(page.locator("#tabbar [value=inbox] .count")).to_have_text("1")
    await stands(street, "banner", "opened")
    await page.route("**/v1/events", cut_off)
    await page.locator("#detail").get_by_role("button", name="No, thanks").click()
    await expect(page.locator("#said")).to_contain_text("sent later")
    await expect(row).to_contain_text("declined")
    assert await looked_up(street, "SELECT state FROM moments WHERE placement = 'banner'") == "opened"
    await page.reload()
    await page.locator("#tabbar [value=inbox]").click()
    await expect(row).to_contain_text("declined")
    await page.unroute("**/v1/events")
    await page.evaluate("dispatchEvent(new Event('online'))")
    await stands(street, "banner", "dismissed")
    async with asyncio.timeout(30):
        while await page.evaluate("localStorage.getItem('kairos.phone.told')") is not None:
            await asyncio.sleep(0.05)


async def an_interstitial_covers_the_screen(street: Street, page: Page, seen: Visit) -> None:
    """On a small display nothing under it has the keyboard; Escape puts it into the inbox."""
    await page.set_viewport_size(SMALL)
    await page.locator("#tabbar [value=world]").click()
    over = page.locator("#over")
    await tell_live(street, "interstitial")
    await expect(over).to_contain_text(f"interstitial {EVIL[:20]}")
    await seen.is_accessible()
    for _ in range(4):
        await page.keyboard.press("Tab")
        assert await page.evaluate(
            "document.activeElement === document.body || Boolean(document.activeElement.closest('#over'))"
        )
    await page.evaluate("document.activeElement.blur()")  # as after a click beside its buttons
    await page.keyboard.press("Escape")
    await expect(over).to_be_hidden()
    await expect(page.locator("#tabbar [value=world]")).to_be_focused()
    await stands(street, "interstitial", "opened")
    await page.set_viewport_size(DESK)
    await tell_live(street, "interstitial")
    await over.get_by_role("button", name="No, thanks").click()
    await expect(over).to_be_hidden()
    await stands(street, "interstitial", "dismissed")


COUNT_PUTS = """() => {
  const real = window.fetch;
  window.puts = 0;
  window.fetch = (path, more) => ((window.puts += Number(more?.method === "PUT")), real(path, more));
}"""


class Held:
    """Requests that wait until they may go on."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.going = asyncio.Event()

    async def come(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.bodies) < count:
                await asyncio.sleep(0.05)

    async def __call__(self, route: Route) -> None:
        if route.request.method != "GET":
            self.bodies.append(route.request.post_data_json)
            await self.going.wait()
        await route.continue_()


async def what_is_changed_quickly(page: Page) -> None:
    """The last word counts, whatever takes long; a failure is seen, and forgotten after the next success."""
    held, push = Held(), page.locator("#consents [name=push]")
    await page.route("**/v1/me/consents", held)
    await page.evaluate(COUNT_PUTS)
    await push.check()
    await held.come(1)
    await push.uncheck()
    assert await page.evaluate("puts") == 1, "one after the other"
    held.going.set()
    await held.come(2)
    assert held.bodies == [{"push": True}, {"push": False}]
    await expect(push).not_to_be_checked()
    await page.unroute("**/v1/me/consents")
    await page.route("**/v1/me/consents", cut_off)
    await push.click()
    await expect(page.locator("#said")).to_contain_text("cannot be reached")
    await expect(push).not_to_be_checked()
    await page.unroute("**/v1/me/consents")
    await push.check()
    await expect(page.locator("#said")).to_be_empty()
    await expect(push).to_be_checked()


async def its_own_data(street: Street, page: Page, seen: Visit) -> None:
    """A topic, the reasons, the agreements, all that is stored, and the end of it."""
    await page.locator("#tabbar [value=me]").click()
    customer = await looked_up(street, "SELECT id::text FROM customers")
    await expect(page.locator("#who")).to_have_text(customer[-8:])
    await what_is_changed_quickly(page)
    held, field = Held(), page.locator("#topics [name=topic]")
    await page.route("**/v1/me", held)
    await field.fill(EVIL)
    await page.get_by_role("button", name="Not interested").click()
    await field.fill("the next one")
    held.going.set()
    await expect(page.locator("#topic-list")).to_contain_text("not interested")
    await expect(field).to_have_value("the next one")
    await page.unroute("**/v1/me")
    assert await looked_up(street, "SELECT topics::text FROM customers") == json.dumps({EVIL: False})
    await page.get_by_text("Why did this come, and why did nothing come?").click()
    await expect(page.locator("#why-list")).to_contain_text("You got this offer.")
    await page.locator("#consents [name=location]").uncheck()
    await expect(page.locator("#where")).to_have_text("The use of the location was not agreed to: nothing is sent.")
    async with page.expect_response("**/v1/pings") as refusal:  # whoever goes on is told by the house
        await move(page, "s")
    assert (await refusal.value).status == 403
    await page.locator("#consents [name=location]").check()
    await expect(page.locator("#where")).to_contain_text("Next report in")
    await page.locator("#consents [name=location]").uncheck()
    await expect(page.locator("#where")).to_have_text("The use of the location was not agreed to: nothing is sent.")
    await seen.is_accessible()
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name="Everything that is stored").click()
    told = json.loads(Path(await (await waiting.value).path()).read_bytes())
    assert told["customer_id"] == customer
    await page.get_by_role("button", name="Delete everything").click()
    for _ in range(2):
        await page.locator("dialog[open]").last.get_by_role("button", name="Delete everything").click()
    await expect(page.locator("#gone")).to_contain_text("Deleted: the customer")
    await expect(page.locator("#sign-up")).to_be_visible()
    assert await page.evaluate("localStorage.getItem('kairos.phone')") is None
    assert await looked_up(street, "SELECT count(*) FROM customer_tokens") == 0
