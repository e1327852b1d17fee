"""Offers in a real Chromium: from a draft to its end by two people, and a rule that is tried before anybody gets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from server.store import epoch
from tests import lives
from tests.browser.hostile import CORPUS, TOGETHER, nothing_ran
from tests.browser.visits import PASSWORD, Visit, enter, person, visit
from tests.street.scene import report
from tests.street.serving import Street, open_street

PHONE = {"width": 360, "height": 740}
TOWN = {"lat": 52.52, "lon": 13.405, "radius_m": 100, "time_zone": "Europe/Berlin"}
HOURS = {day: [["07:00", "20:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
EVIL = CORPUS[1]
CONDITION = {
    "all": [
        {"local_time": {"days": ["tue"], "from": "07:00", "to": "11:00", "place_open": True}},
        {"weather": {"kind": ["drizzle", "rain"], "temperature_c": {"lte": 12}}},
    ]
}
HEADINGS = """async answer => (await import('/static/js/dry_run_answer.js')).drawAnswer(answer, {})
    .flat(9).filter(each => each?.tagName === 'H3').map(each => each.textContent)"""
ASKED_ALL = {
    **{"outcome": "none", "offer": None, "gate": "place", "truth": "fails", "said": "No.", "values": {}, "parts": []},
    **{"transitions": [], "moment": None, "zone": "Europe/Berlin", "local_time": "2026-11-03T08:12:00+01:00"},
    "others": [
        {"offer": "tea@1", "gate": "consent", "said": "No."},
        {"offer": "coffee@1", "gate": "place", "said": "No."},
    ],
}
FORMS = "input:not([type]), textarea"


@pytest.fixture
async def street(db_dsn: str, tmp_path: Path) -> AsyncIterator[Street]:
    """A house in which two people must agree on what reaches more than one customer."""
    async with open_street(db_dsn, tmp_path, publish__approval_above=1, privacy__min_group=2) as opened:
        await opened.key("admin")
        store = TOWN | {"name": EVIL[:64], "hours": HOURS}
        assert (await opened.call("POST", "/v1/stores", by="admin", body=store)).status == 201
        for number in range(3):
            await opened.customer(f"customer-{number}")
        yield opened


def document(name: str, **changes: Any) -> dict[str, Any]:
    content = {
        "en-US": {"title": TOGETHER[:300], "body": EVIL},
        "de-DE": {"title": EVIL, "body": "Bei {{ place.name }}."},
    }
    return {
        "name": name,
        "when": {"trigger": "enter", "places": {"any": True}},
        "if": CONDITION,
        "moment": {"content": content, "fallback_locale": "en-US"},
        "reward": {"type": "free_item", "sku": EVIL[:64], "value": {"minor": 250, "currency": "EUR"}},
    } | changes


async def written(street: Street, name: str, **changes: Any) -> str:
    answer = await street.call("POST", "/v1/offers", by="admin", body=document(name, **changes))
    assert answer.status == 201, answer.body
    return str(answer.json["id"])


async def looked_up(street: Street, statement: str, *values: Any) -> Any:
    async with street.house.parts.pool.acquire() as db:
        return await db.fetchval(statement, *values)


async def status_of(street: Street, offer: str) -> Any:
    return await looked_up(street, "SELECT status || ' ' || coalesce(live_version, 0) FROM offers WHERE id = $1", offer)


async def redeemed(street: Street, name: str, *, people: int) -> None:
    """An offer that so many redeemed today and yesterday, and one person before; the house's own job counts them."""
    async with street.house.parts.pool.acquire() as db:
        await lives.offer_row(db, 7, name=name)
        now = await db.fetchval("SELECT clock_timestamp()")
        for number in range(2 * people + 1):
            moment = lives.row(number, at=now - timedelta(days=number // people), offer=7)
            await lives.decide(db, moment)
            await lives.redeem(db, await lives.accept(db, moment))
        for _ in range(200):
            if not await db.fetchval("SELECT count(*) FROM funnel_facts"):
                return
            await asyncio.sleep(0.1)
    raise AssertionError("the facts were never rolled up")


async def many_fences(street: Street) -> str:
    """A house with 1,500 more fences; gives the last one's id."""
    statement = """INSERT INTO geofences (id, name, lat, lon, radius_m, zone, changed)
        SELECT ('ffffffff-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Fence ' || n, 48 + n * 0.002, 11, 50,
               'Europe/Berlin', $1 FROM generate_series(1, 1500) n"""
    async with street.house.parts.pool.transaction() as db:
        await db.execute(statement, await epoch.bump(db))
    return "ffffffff-0000-7000-8000-000000001500"


async def somebody(browser: Browser, street: Street, email: str, **options: Any) -> Visit:
    seen = await visit(browser, street, **options)
    await enter(seen, street, email)
    return seen


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


async def test_two_people_publish_an_offer_and_it_is_led_to_its_end(street: Street, chromium: Browser) -> None:
    kim, other = await person(street, "marketer"), await person(street, "marketer", "analyst", name=EVIL)
    offer = await written(street, "pretzel")
    mine = await somebody(chromium, street, kim)
    page = await mine.go(f"/dashboard/offers/{offer}")
    answer = await street.call("PUT", f"/v1/offers/{offer}", by="admin", body=document("pretzel", priority=70))
    assert answer.json["version"] == 2  # while the page still shows the first
    await press(page, "Publish version 1")
    await expect(page.locator("#said")).to_have_text("There is a newer version by now. Please load the page again.")
    assert await looked_up(street, "SELECT count(*) FROM offer_approvals WHERE offer_id = $1", offer) == 0
    await page.reload()
    await press(page, "Publish version 2")
    await expect(page.locator(".waits")).to_contain_text("may reach about 3 customers: another person must approve it")
    await expect(page.get_by_role("button", name="Approve version 2")).to_have_count(0)
    assert await status_of(street, offer) == "draft 0"
    theirs = await somebody(chromium, street, other)
    page = await theirs.go(f"/dashboard/offers/{offer}")
    await press(page, "Approve version 2")
    await expect(page.locator(".state-told")).to_contain_text(f"Approved by {EVIL}")
    assert await looked_up(street, "SELECT approved_by LIKE 'user:%' FROM offer_approvals WHERE offer_id = $1", offer)
    await press(page, "Publish version 2")
    await expect(page.locator("#state")).to_have_text("live")
    await expect(page.locator("#said")).to_contain_text("Version 2 is live.")
    assert await status_of(street, offer) == "live 2"
    await theirs.is_accessible()
    await press(page, "Pause")
    await expect(page.locator("#state")).to_have_text("paused")
    assert await status_of(street, offer) == "paused 2"
    await press(page, "End …")
    await page.get_by_label("Void all of its active passes, too").check()
    await press(page, "End it")
    await expect(page.get_by_role("dialog")).to_contain_text("Really void all active passes")
    assert await status_of(street, offer) == "paused 2"
    await press(page, "Void them")
    await expect(page.locator("#said")).to_have_text("The offer has ended. Passes voided: 0.")
    assert await status_of(street, offer) == "ended 2"
    await nothing_ran(page)
    theirs.only_here()
    mine.only_here("409 (Conflict)")


async def tries_far_away(street: Street, seen: Visit) -> None:
    """Of a thousand fences and more the offer's own is there at once, and any other is searched for."""
    page = seen.page
    places = {"ids": [await many_fences(street)]}
    rule: dict[str, Any] = {"when": {"trigger": "enter", "places": places}, "if": {"daylight": True}}
    far = await written(street, "far", **rule)
    answer = await street.call("PUT", f"/v1/offers/{far}", by="admin", body=document("far", **rule))
    assert answer.status == 200, answer.body
    await seen.go(f"/dashboard/offers/{far}")
    row = await page.locator("tr", has=page.locator("[data-again]")).bounding_box()
    assert row is not None
    assert row["height"] < 150  # words stay whole in what is scrolled
    place, found = page.locator("[name=place]"), page.locator(".found")
    await expect(place.locator("option:checked")).to_have_text("Fence 1500")
    await expect(found).to_have_text("Zur Wahl stehen die ersten 1.000 Orte; weitere findet die Suche.")
    await page.fill("[name=date]", "2026-11-03")
    await page.fill("[name=time]", "12:00")
    await press(page, "Dieses Angebot probieren")
    await expect(page.locator(".verdict")).to_contain_text("Dienstag 12:00 bei Fence 1500: gezeigt")
    await page.get_by_label("Ort suchen").fill("fence 149")
    await expect(found).to_have_text("Zur Wahl steht, was passt: 12.")
    await place.select_option(label="Fence 1499")
    await press(page, "Dieses Angebot probieren")
    await expect(page.locator(".verdict")).to_contain_text("bei Fence 1499: nicht gezeigt")
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await seen.is_accessible()
    await page.get_by_label("Ort suchen").fill("")
    await expect(place.locator("option")).to_have_count(1000 + 3)  # the offer's own, what was chosen, and a point
    await expect(place.locator("option:checked")).to_have_text("Fence 1499")
    seen.only_here("422", "404")  # of the event without a name, and of a fence that might have been a store


async def test_a_rule_is_tried_on_a_phone_in_german_in_the_dark(street: Street, chromium: Browser) -> None:
    offer = await written(street, "regen")
    seen = await somebody(
        chromium, street, await person(street, "marketer"), locale="de-DE", color_scheme="dark", viewport=PHONE
    )
    page = await seen.go(f"/dashboard/offers/{offer}")
    for name, value in {"date": "2026-11-03", "time": "08:12", "temperature_c": "6"}.items():
        await page.fill(f"[name={name}]", value)
    await page.select_option("[name=kind]", "drizzle")
    await press(page, "Dieses Angebot probieren")
    verdict = page.locator(".verdict")
    await expect(verdict).to_contain_text(
        f"Dienstag 08:12, Nieselregen, 6 °C bei {EVIL[:64]}: gezeigt, denn 08:12 liegt in 07:00–11:00"
    )
    await expect(page.locator(".moment strong")).to_have_text(EVIL)
    await page.fill("[name=temperature_c]", "13")
    await press(page, "Dieses Angebot probieren")
    await expect(verdict).to_contain_text("nicht gezeigt, denn das Wetter ist nicht wie gefordert")
    stopped = page.locator("[data-gate=weather]")
    await expect(stopped).to_contain_text("trifft nicht zu")
    await expect(stopped.locator("dl")).to_contain_text("Temperatur (°C) 13", use_inner_text=True)
    await page.select_option("[name=happens]", "event")
    await page.fill("[name=event]", "")
    await press(page, "Dieses Angebot probieren")
    await expect(page.locator("[name=event]")).to_have_attribute("aria-invalid", "true")
    await page.get_by_text("Kundin oder Kunde").click()
    await press(page, "Vorgeschichte ergänzen")
    await page.select_option("[name=past_kind]", "event")
    for number, field in enumerate([each for each in await page.locator(FORMS).all() if await each.is_visible()]):
        await field.fill(CORPUS[number])
    await page.fill("[name=attributes]", "\n".join(f"{each} = {each}" for each in CORPUS if "=" not in each))
    await press(page, "Alle laufenden Angebote probieren")
    await expect(verdict).to_contain_text("Es läuft kein Angebot", ignore_case=True)
    await page.fill("[name=date]", "2026-11-04")
    await press(page, "Dieses Angebot probieren")
    await expect(verdict).to_contain_text("Mittwoch 08:12")
    await expect(page.locator("[data-gate=trigger]")).to_contain_text("Darauf wartet das Angebot nicht.")
    await expect(page.locator("[data-gate=trigger] dl")).to_contain_text(CORPUS[0])
    await nothing_ran(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await seen.is_accessible()
    assert await status_of(street, offer) == "draft 0"

    await tries_far_away(street, seen)


async def tries_all(page: Page) -> None:
    """A point has to be said; the gates are those of the offer that came furthest."""
    await page.route("**/v1/segments?**", lambda route: route.abort())
    await page.get_by_text("Try all live offers against each other").click()
    await expect(page.locator("#dry-run")).to_contain_text("could not be read")
    await page.unroute("**/v1/segments?**")
    await press(page, "Try again")
    await page.locator("[name=place]").select_option("")
    await press(page, "Try all live offers")
    await expect(page.get_by_label("Latitude")).to_be_focused()  # no point is no place in the sea
    await page.get_by_label("Latitude").fill(str(TOWN["lat"]))
    await page.get_by_label("Longitude").fill(str(TOWN["lon"]))
    await press(page, "Try all live offers")
    await expect(page.locator(".verdict")).to_contain_text("there is no live offer")
    assert await page.evaluate(HEADINGS, ASKED_ALL) == ["Step by step: coffee@1", "The live offers"]
    assert await page.evaluate(HEADINGS, ASKED_ALL | {"offer": "tea@1"}) == [
        "Step by step: tea@1",
        "The other live offers",
    ]


async def replays_and_comes_back(page: Page) -> None:
    """The longest span that the form takes is answered, it is told with its own days, and is there after a reload, too."""
    await page.get_by_role("button", name="Replay", exact=True).click()
    figures = page.locator(".replayed .figures")
    await expect(figures).to_contain_text("Moments 3", timeout=30_000, use_inner_text=True)
    await expect(page.get_by_role("img", name="Moments by day: 3 in all")).to_be_visible()
    first = page.get_by_label("First day")
    await first.fill(await first.get_attribute("min") or "")
    asked = await first.input_value()
    await page.get_by_role("button", name="Replay", exact=True).click()
    await first.fill(await page.get_by_label("Last day").input_value())
    title = page.locator(".replayed h3").first
    spoken = "async text => (await import('/static/js/words.js')).day(text)"
    await expect(title).to_contain_text(f"everybody@2, {await page.evaluate(spoken, asked)}", timeout=30_000)
    await page.reload()
    await expect(title).to_contain_text(f"everybody@2, {await page.evaluate(spoken, asked)}")


async def loses_the_network(page: Page) -> None:
    """A list that could not be read is no other list, and is there as soon as it can."""
    await page.route("**/v1/offers?**", lambda route: route.abort())
    await page.get_by_label("State").select_option("draft")
    await expect(page.locator("#found")).to_contain_text("could not be read")  # nor is the other list still there
    await expect(page.locator("#list tbody tr")).to_have_count(0)
    await page.unroute("**/v1/offers?**")
    await page.get_by_label("State").select_option("")


async def test_offers_are_found_replayed_and_compared(street: Street, chromium: Browser) -> None:
    offer = await written(street, "everybody", **{"if": {"daylight": True}}, priority=40)
    rest = {name: value for name, value in document("everybody").items() if name != "if"}
    answer = await street.call("PUT", f"/v1/offers/{offer}", by="admin", body=rest | {"priority": 60})
    assert answer.status == 200, answer.body
    await redeemed(street, "somebody", people=3)
    await street.house.parts.rules.refresh()
    for number in range(3):
        answer = await street.call(
            "POST", "/v1/pings", by=f"customer-{number}", body=report(lat=TOWN["lat"], lon=TOWN["lon"])
        )
        assert answer.status == 200, answer.body
    seen = await somebody(chromium, street, await person(street, "marketer"))
    page = await seen.go("/dashboard/offers")
    await expect(page.locator("#list tbody tr")).to_have_count(2)
    await loses_the_network(page)
    await expect(page.get_by_role("img", name="at least 3 redeemed in 28 days, at most 3 on a day")).to_be_visible()
    await page.get_by_label("Search by name").fill("EVERY")
    await expect(page.locator("#list tbody tr")).to_have_count(1)
    await seen.is_accessible()
    await page.get_by_label("Search by name").fill(EVIL)
    await expect(page.locator("#found")).to_have_text("No offer is called like that.")
    await page.get_by_label("Search by name").fill("")
    await page.get_by_label("State").select_option("ended")
    await expect(page.locator("#found")).to_have_text("No offer is in this state.")
    await tries_all(page)
    await page.get_by_label("State").select_option("")
    await page.get_by_label("Search by name").fill("every")
    await page.get_by_role("link", name="everybody").click()
    await replays_and_comes_back(page)
    assert await looked_up(street, "SELECT count(*) FROM replays WHERE offer_id = $1 AND state = 'done'", offer) == 2
    await press(page, "Compare")
    await expect(page.locator(".changes")).to_contain_text("no longer: Only if: while the sun is up")
    await expect(page.locator(".changes ins")).to_have_text(
        "When it runs: Priority 60: of several offers the highest wins."
    )
    await nothing_ran(page)
    await seen.is_accessible()
    job = "INSERT INTO pass_jobs (id, kind, offer_id, asked_by, state, total) VALUES ($1, 'edit', $1, 'x', 'done', 0)"
    await looked_up(street, job, offer)
    await page.reload()
    await expect(page.locator("#passes-job")).to_contain_text("The passes follow this version: 0 of 0 changed.")
    answer = await street.call("PUT", f"/v1/offers/{offer}", by="admin", body=rest | {"priority": 70})
    assert answer.json["version"] == 3  # the page has not seen it: nothing is written over it
    await page.get_by_role("button", name="Write again as the newest").click()
    await press(page, "Yes")
    await expect(page.locator("#said")).to_have_text("There is a newer version by now. Please load the page again.")
    await page.reload()
    await page.get_by_role("button", name="Write again as the newest (1)").click()
    await press(page, "Yes")
    await expect(page.locator("#said")).to_contain_text("Done.")
    assert await looked_up(street, "SELECT document ->> 'priority' FROM offer_versions WHERE version = 4") == "40"
    seen.only_here("409 (Conflict)", "net::ERR_FAILED")


async def test_what_is_done_on_the_page_is_refused_to_other_pages(street: Street) -> None:
    offer = await written(street, "pretzel")
    login = {"email": await person(street, "marketer"), "password": PASSWORD}
    cookie = (await street.call("POST", "/login", data=login)).headers["Set-Cookie"].partition(";")[0]
    for more in ({}, {"Origin": "https://elsewhere.example"}, {"X-CSRF-Token": "guessed"}):
        for method, path in (("POST", f"/v1/offers/{offer}/publish"), ("PUT", "/v1/programme")):
            body = {"paused": True} if method == "PUT" else None
            answer = await street.call(method, path, headers={"Cookie": cookie, **more}, body=body)
            assert (answer.status, answer.json["code"]) == (403, "cross_site"), answer.body
    assert await status_of(street, offer) == "draft 0"
    assert await looked_up(street, "SELECT paused FROM programme") is False
