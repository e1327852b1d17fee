"""The editor in a real Chromium: the design's own offer written by hand, mistakes at their place, and nothing lost on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.browser.hostile import CORPUS, SHORT, TOGETHER, nothing_ran
from tests.browser.visits import Visit, enter, person, visit
from tests.decision.rulebook import WHOLE
from tests.street.serving import Street, open_street

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}
TOWN = {"lat": 52.52, "lon": 13.405, "radius_m": 100, "time_zone": "Europe/Berlin"}
EVIL = CORPUS[1]
REFUSED = "422 (Unprocessable Entity)"

# As the design of documents has it; whether it is live is no field of the form.
COFFEE: dict[str, Any] = {name: value for name, value in WHOLE.items() if name != "status"}


ODD: tuple[dict[str, Any], ...] = (
    {"if": {"all": {}}, "when": None, "moment": [], "reward": "much", "limits": {"per_customer": {}}},
    {
        "if": [],
        "when": {"trigger": "schedule", "cron": 5, "places": {"ids": [None]}},
        "variants": [None, {"weight": "x"}],
    },
    {
        "limits": {
            "per_customer": [{"period": {"rolling": 7}}, {"period": {"calendar": "year"}}],
            "total": {"liability": 5},
        }
    },
    {
        "moment": {"content": {"de-DE": [{"formality": {}}, None], "__proto__x": 1}},
        "reward": {"valid": {"until": {"local": 5}}},
    },
    {
        "if": {
            "any": [
                {"weather": {"kind": "frogs", "temperature_c": {"near": 5}}},
                {"event": None},
                {"rfm": {"within": "P1M"}},
            ]
        }
    },
)
"""Documents that nobody should write, and somebody will."""

FORGED = """
async () => Promise.all([{}, {"X-CSRF-Token": "0".repeat(43)}].map(async (more) => {
    const headers = {"Content-Type": "application/json", ...more};
    return (await fetch("/v1/offers", {method: "POST", headers, body: "{}"})).status;
}))
"""
"""What a page of somebody else could make a browser send: the cookie, and no token or a wrong one."""


@pytest.fixture
async def street(db_dsn: str, tmp_path: Path) -> AsyncIterator[Street]:
    """A house with one store, whose words are hostile, and a segment."""
    async with open_street(db_dsn, tmp_path) as opened:
        await opened.key("admin")
        store = TOWN | {"name": EVIL[:64], "tags": ["store", SHORT], "address": CORPUS[4]}
        assert (await opened.call("POST", "/v1/stores", by="admin", body=store)).status == 201
        for name in ("coffee-drinkers", SHORT):
            assert (await opened.call("POST", "/v1/segments", by="admin", body={"name": name})).status == 201
        yield opened


async def stored(street: Street, name: str) -> tuple[int, Any]:
    """The newest version of the offer of that name and its document."""
    async with street.house.parts.pool.acquire() as db:
        row = await db.fetchrow("SELECT version, document FROM offers WHERE name = $1", name)
    assert row is not None
    return row["version"], json.loads(row["document"]) if isinstance(row["document"], str) else row["document"]


async def somebody(browser: Browser, street: Street, **options: Any) -> Visit:
    seen = await visit(browser, street, **options)
    await enter(seen, street, await person(street, "marketer"))
    return seen


def at(page: Page, path: str) -> Locator:
    """The field of a path of the document."""
    return page.locator(f'[data-path="{path}"]')


async def put(page: Page, path: str, text: str) -> None:
    await at(page, path).locator("input:not([type=checkbox]):not([type=color]), textarea").first.fill(text)


async def choose(page: Page, path: str, word: str, number: int = 0) -> None:
    await at(page, path).locator("select").nth(number).select_option(label=word)


async def lasts(page: Page, path: str, count: int, unit: str) -> None:
    await put(page, path, str(count))
    await choose(page, path, unit)


async def ask_for(page: Page, word: str, *, group: int | None = None) -> None:
    """Add a condition: at the end, or to the group that is the nth in order."""
    lists = page.get_by_label("Bedingung hinzufügen …")
    await (lists.last if group is None else lists.nth(group)).select_option(label=word)


async def say_more(page: Page, path: str, word: str) -> None:
    await at(page, path).get_by_label("mehr sagen …").select_option(label=word)


async def write_rule(page: Page) -> None:
    """Basics, trigger and conditions of the design's offer."""
    for path, text in {
        "name": "coffee-morning", "priority": "60", "active.from": "2026-11-01", "active.to": "2027-02-28",
        "goal.event": "redemption",
    }.items():  # fmt: skip
        await put(page, path, text)
    await lasts(page, "goal.within", 1, "Tage")
    await choose(page, "when.trigger", "Verweilen an einem Ort")
    await lasts(page, "when.dwell", 2, "Minuten")
    await choose(page, "when.places", "Orte mit dem Schlagwort")
    await put(page, "when.places.tag", "store")
    await put(page, "when.min_confidence", "0.7")
    await ask_for(page, "Wochentage und Uhrzeit")
    for part in ("nur wenn geöffnet", "Feiertage", "nach welcher Uhr"):
        await say_more(page, "if.local_time", part)
    await put(page, "if.local_time.from", "7")  # as people write it
    await put(page, "if.local_time.to", "11.00")
    await ask_for(page, "Eine Gruppe: eine von mehreren")
    await ask_for(page, "Wetter: Temperatur", group=0)
    await ask_for(page, "Wetter: Himmel", group=0)
    await at(page, "if.all[1].any[1].weather.kind").get_by_label("Schnee", exact=True).check()
    await say_more(page, "if.all[1].any[1].weather", "Alter der Beobachtung")
    await ask_for(page, "Kundensegment")
    await put(page, "if.all[2].segment", "coffee-drinkers")
    await ask_for(page, "Was zuletzt geschah")
    await say_more(page, "if.all[3].event", "eines Angebots")
    await put(page, "if.all[3].event.offer", "coffee-morning")
    line = at(page, "if.all[3]")
    await line.get_by_role("button", name="nicht: das Gegenteil verlangen").focus()
    await page.keyboard.press("Enter")
    await expect(line.get_by_role("button", name="nicht: das Gegenteil verlangen")).to_be_focused()


async def write_words(page: Page) -> None:
    """Moment, variants and reward."""
    await put(page, "moment.content.de-DE.title", "Kaffee gefällig, ")
    title = at(page, "moment.content.de-DE.title").locator("input")
    await title.press("End")
    await at(page, "moment.content.de-DE").get_by_label("Einsetzen").select_option(label="Vorname")
    await expect(title).to_be_focused()
    await page.keyboard.type("?")
    await title.fill((await title.input_value()).replace("'du'", "'Hallo'"))
    await put(page, "moment.content.de-DE.body", "Nur bis 11 Uhr bei {{ place.name }}.")
    await page.get_by_role("button", name="Andere Anrede hinzufügen").click()
    words = page.locator(".contents legend")
    await expect(words).to_have_text(["Deutsch (Deutschland) (de-DE) · du", "Deutsch (Deutschland) (de-DE) · Sie"])
    await page.get_by_role("button", name="Entfernen: Deutsch (Deutschland) (de-DE) · Sie").click()
    await page.get_by_label("Weitere Sprache").fill("en-US")
    await page.get_by_role("button", name="Sprache hinzufügen").click()
    await put(page, "moment.content.en-US.title", "Coffee on us")
    await put(page, "moment.content.en-US.body", "Until 11 at {{ place.name }}.")
    await choose(page, "moment.fallback_locale", "en-US")
    await put(page, "moment.collapse_key", "coffee-morning")
    for _ in range(2):
        await page.get_by_role("button", name="Variante hinzufügen").click()
    await page.get_by_role("button", name="Belohnung hinzufügen").click()
    await put(page, "reward.sku", "coffee-small")
    await put(page, "reward.value", "2.50")
    await choose(page, "reward.valid.until", "eine Uhrzeit")
    await put(page, "reward.valid.until", "11:30")
    await lasts(page, "reward.valid.at_most", 4, "Stunden")
    await choose(page, "reward.places", "dort und an den neun nächsten")
    await choose(page, "reward.wallet.apple", "Gutschein")
    await choose(page, "reward.wallet.google", "Angebot")
    await choose(page, "reward.wallet.relevance", "nahe Filialen, solange er gilt")


async def write_limits(page: Page) -> None:
    """Caps, budgets, control group, delivery and trust."""
    for _ in range(2):
        await page.get_by_role("button", name="Grenze hinzufügen").click()
    await put(page, "limits.per_customer[1].max", "3")
    await choose(page, "limits.per_customer[1].period", "beliebige Spanne von")
    await put(page, "limits.total.units", "5000")
    await put(page, "limits.total.liability", "12500")
    await put(page, "limits.per_place.units", "40")
    await put(page, "limits.pressure_class", "marketing")
    await put(page, "holdout.share", "5")
    await put(page, "holdout.salt", "coffee-morning:2026Q4")
    await put(page, "fresh", "3")
    await put(page, "deliver_by", "5")
    await choose(page, "trust.mock", "lösen nichts aus")
    await choose(page, "trust.teleport", "warten auf einen zweiten Standort")


async def test_the_designs_offer_is_written_by_form_on_a_phone_in_german_in_the_dark(
    street: Street, chromium: Browser
) -> None:
    seen = await somebody(chromium, street, locale="de-DE", color_scheme="dark", viewport=PHONE)
    page = await seen.go("/dashboard/offers/new")
    await write_rule(page)
    await write_words(page)
    await write_limits(page)
    await expect(page.locator("#preview .shown strong").first).to_have_text("Kaffee gefällig, Hallo?")
    await expect(page.locator("#preview .pass")).to_contain_text("2,50\xa0€")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await seen.is_accessible()
    await page.get_by_role("button", name="Entwurf speichern").click()
    await expect(page.locator("#said")).to_have_text("Als Version 1 gespeichert.")
    assert await stored(street, "coffee-morning") == (1, COFFEE)
    await page.get_by_role("button", name="Probelauf").click()
    await expect(page.locator("#dry-run form")).to_be_visible()
    await nothing_ran(page)
    seen.only_here()


async def write_mistakes(page: Page) -> None:
    """Six mistakes, and a span that is right."""
    await put(page, "priority", "2000")
    await put(page, "if.all[0].local_time.from", "25:00")
    await put(page, "if.all[2].segment", "nobody")
    await at(page, "if.all[1].any[0].weather.temperature_c").locator("input").select_text()
    await page.keyboard.type("-")  # no number yet, and no zero
    await put(page, "limits.per_customer[0].max", "1.5")
    await put(page, "reward.value", "2.505")
    await put(page, "deliver_by", "1.5")  # minutes, which are whole seconds


async def draws_any_document(page: Page) -> None:
    """A form can be drawn of any document, and changes nothing of it."""
    text = page.get_by_label("The document as JSON")
    for odd in ODD:
        await text.fill(json.dumps(odd))
        await page.get_by_role("button", name="Form").click()
        await page.get_by_role("button", name="JSON").click()
        assert json.loads(await text.input_value()) == odd


async def test_mistakes_are_told_where_they_are_and_what_the_form_does_not_know_stays(
    street: Street, chromium: Browser
) -> None:
    made = await street.call("POST", "/v1/offers", by="admin", body=COFFEE)
    assert made.status == 201, made.body
    seen = await somebody(chromium, street, viewport=DESK)
    page = await seen.go(f"/dashboard/offers/{made.json['id']}/edit")
    await write_mistakes(page)
    await page.get_by_role("button", name="Save as version 2").click()
    await expect(page.locator("#issues h2")).to_have_text("To be mended: 6")
    first = at(page, "priority").locator("input")
    await expect(first).to_be_focused()
    for path, told in {
        "priority": "must be from 0 to 1000",
        "if.all[0].local_time.from": "must be a time of day such as 07:00",
        "if.all[2].segment": "there is no segment nobody",
        "if.all[1].any[0].weather.temperature_c": "must be a number",
        "limits.per_customer[0].max": "must be a whole number",
        "reward.value": "must be an amount with no more decimals than its currency has",
    }.items():
        field = at(page, path).locator("input").first
        await expect(field).to_have_attribute("aria-invalid", "true")
        await expect(field).to_have_accessible_description(
            told if path != "priority" else f"0 to 1000: of several offers the highest is shown. {told}"
        )
    await page.get_by_role("button", name="Segment: there is no segment nobody").click()
    await expect(at(page, "if.all[2].segment").locator("input")).to_be_focused()
    await seen.is_accessible()

    # As JSON the same mistakes stand at their lines; what is no JSON is told by its line, and nothing is lost.
    await page.get_by_role("button", name="JSON").click()
    text = page.get_by_label("The document as JSON")
    lines = (await text.input_value()).split("\n")
    marked = {int(line) for line in await page.locator(".numbers .wrong").all_inner_texts()}
    assert marked == {
        1 + next(n for n, line in enumerate(lines) if part in line)
        for part in ("2000", "25:00", "nobody", '"lte": ""', '"max": 1.5', '"minor": 250.5')
    }
    whole = json.loads(await text.input_value())
    changed = {each: whole[each] for each in ("if", "limits", "reward")}
    assert whole == {**COFFEE, "priority": 2000, "deliver_by": "PT90S", **changed}
    await text.fill(json.dumps(whole, indent=1)[:-1])
    await page.get_by_role("button", name="Form").click()
    await expect(page.locator("#json-said")).to_have_text(
        f"Line {json.dumps(whole, indent=1).count(chr(10)) + 1} is no JSON."
    )
    await expect(text).to_be_focused()
    await draws_any_document(page)
    known = {**deepcopy(COFFEE), "x-note": {"by": ["Kim", 1, None, {"deep": True}]}, "priority": 70}
    known["if"]["all"].append({"not": {"not": {"moon": {"phase": "full"}}}})
    known["if"]["all"][0]["local_time"]["place_open"] = False
    known["limits"]["per_customer"][0]["note"] = 1
    await text.fill(json.dumps(known))
    await page.get_by_role("button", name="Form").click()
    await expect(at(page, "if.all[4]").locator("code")).to_have_text('{"moon":{"phase":"full"}}')
    await put(page, "holdout.share", "10")
    await at(page, "if.all[1]").get_by_role("button", name="Move down").first.click()
    await page.get_by_role("button", name="JSON").click()
    kept = json.loads(await text.input_value())
    assert kept["x-note"] == known["x-note"]
    assert [next(iter(each)) for each in kept["if"]["all"]] == ["local_time", "segment", "any", "not", "not"]
    assert kept["if"]["all"][4] == known["if"]["all"][4]
    assert kept["holdout"] == {**COFFEE["holdout"], "share": 0.1}
    await page.get_by_role("button", name="Save as version 2").click()
    await expect(page.locator("#issues code")).to_have_text(
        ["if.all[0].local_time.place_open", "if.all[4].not.not.moon", "limits.per_customer[0].note", "x-note"]
    )
    await page.get_by_role("button", name="Form").click()  # by name: the sentence and the cap, not their first fields
    await expect(page.get_by_role("button", name="It is: must be true")).to_be_visible()
    await expect(page.get_by_role("button", name="For each customer 1: is not known here")).to_be_visible()
    assert await stored(street, "coffee-morning") == (1, COFFEE)
    seen.only_here(REFUSED)


async def test_what_comes_to_be_known_of_places_leaves_alone_who_is_writing(street: Street, chromium: Browser) -> None:
    async with street.house.parts.pool.acquire() as db:
        store = str(await db.fetchval("SELECT id FROM stores"))
    picked = COFFEE | {"when": {"trigger": "enter", "places": {"ids": [store]}}}
    made = await street.call("POST", "/v1/offers", by="admin", body=picked)
    assert made.status == 201, made.body
    seen = await somebody(chromium, street, viewport=DESK)
    written = asyncio.Event()

    async def after_the_writing(route: Route) -> None:
        await written.wait()
        await route.continue_()

    await seen.page.route("**/v1/stores?*", after_the_writing)
    page = await seen.go(f"/dashboard/offers/{made.json['id']}/edit")
    chip = at(page, "when.places.ids").locator("li")
    await expect(chip).to_contain_text(store[:8])
    field = at(page, "if.all[2].segment").locator("input")
    await field.select_text()
    written.set()
    await expect(chip).to_contain_text(EVIL[:64])
    await expect(chip.get_by_role("button")).to_have_accessible_name(f"Remove: {EVIL[:64]}")
    await page.keyboard.insert_text("nobody")  # in place of what was selected before the answer came
    await expect(field).to_have_value("nobody")
    await nothing_ran(page)
    seen.only_here()


def hostile() -> dict[str, Any]:
    """A document whose every free text is hostile."""
    words = {"title": TOGETHER[:300], "body": TOGETHER[:2000]}
    line = {"section": "back", "label": {"de": SHORT, "en": SHORT}, "value": TOGETHER[:500].replace("{{", "{")}
    return COFFEE | {
        "name": "hostile", "topic": SHORT, "goal": {"event": SHORT, "within": "P1D"},
        "if": {"all": [
            {"segment": SHORT}, {"topic": SHORT}, {"place": {"tag": SHORT}},
            {"attribute": {"visits": {"eq": EVIL}, "since": {"between": ["2026-01-01", "2026-02-01"]}}},
            {"event": {"name": SHORT, "offer": SHORT, "within": "P7D", "count": {"gte": 2, "lt": 9}}},
            {"rfm": {"recency_days": {"lte": 30}, "monetary_minor": {"gte": 5000}, "currency": "EUR", "within": "P90D"}},
            {"daylight": True},
        ]},
        "holdout": {"share": 0.05, "salt": TOGETHER[:200]},
        "variants": [{"id": SHORT, "placement": "interstitial"}, {"id": EVIL[:64], "placement": "inbox"}],
        "moment": {
            "content": {"en-US": words, "de-DE": [words | {"formality": "du"}, words | {"formality": "sie"}]},
            "collapse_key": SHORT, "fallback_locale": "en-US",
        },
        "reward": COFFEE["reward"] | {"sku": EVIL[:64], "wallet": {"fields": [line], "terms": line["value"]}},
    }  # fmt: skip


def without_braces(value: Any) -> Any:
    """The same without what would be a placeholder: those are refused."""
    return json.loads(json.dumps(value).replace("{{", "{"))


async def test_what_is_hostile_stays_a_text_in_every_field(street: Street, chromium: Browser) -> None:
    document = without_braces(hostile())
    made = await street.call("POST", "/v1/offers", by="admin", body=document)
    assert made.status == 201, made.body
    seen = await somebody(chromium, street, viewport=DESK)
    page = await seen.go(f"/dashboard/offers/{made.json['id']}/edit")
    await expect(page.locator("#preview .shown.as-interstitial strong")).to_contain_text(
        "<script>window.taken=1</script>"
    )
    await page.get_by_role("button", name="JSON").click()
    assert (
        json.loads(await page.get_by_label("The document as JSON").input_value()) == document
    )  # the form changed nothing
    await page.get_by_role("button", name="Form").click()

    # The store, whose name is hostile, is picked in the list and from the map.
    await choose(page, "when.places", "chosen places")
    await page.get_by_role("button", name="Choose places").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("status")).to_have_text("1 match, 0 chosen")
    box = await dialog.locator(".map").bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await expect(dialog.get_by_role("checkbox")).to_be_checked()
    await dialog.get_by_role("button", name="Take over").click()
    await expect(at(page, "when.places.ids").locator("li")).to_contain_text(EVIL[:64])
    await page.get_by_role("button", name="Save as version 2").click()
    await expect(page.locator("#said")).to_have_text("Saved as version 2.")
    async with street.house.parts.pool.acquire() as db:
        store = str(await db.fetchval("SELECT id FROM stores"))
    ids = {"when": document["when"] | {"places": {"ids": [store]}}}
    assert await stored(street, "hostile") == (2, document | ids)

    # Whatever field it is typed into, it is a text: also where the server refuses it and says so.
    fields = page.locator("#form input[type=text], #form textarea")
    longest = await fields.evaluate_all("all => all.map(each => each.maxLength)")
    for number, most in enumerate(longest):
        await fields.nth(number).fill((CORPUS[0] + TOGETHER)[: most if most > 0 else 500])
    await page.get_by_role("button", name="Save as version 3").click()
    await expect(page.locator("#issues")).to_contain_text("must begin with a letter or digit")
    await nothing_ran(page)
    assert (await stored(street, "hostile"))[0] == 2
    seen.only_here(REFUSED)


async def keeps_a_text_that_is_no_json(page: Page) -> None:
    """What was typed is there after a reload, and no member is lost to another of its name."""
    await page.get_by_role("button", name="JSON").click()
    text = page.get_by_label("The document as JSON")
    good = await text.input_value()
    slip = good.replace('"priority": 60,', '"priority": 77')
    await text.fill(slip)
    await page.wait_for_function(
        "slip => Object.values(sessionStorage).some(each => JSON.parse(each).text === slip)", arg=slip
    )
    await page.reload()
    await expect(text).to_have_value(slip)
    await text.fill(good.replace('"priority": 60,', '"priority": 60,\n  "priority": 77,'))
    line = good.split("\n").index('  "priority": 60,') + 2
    await page.get_by_role("button", name="Form").click()
    await expect(page.locator("#json-said")).to_have_text(f"Line {line}: priority stands twice in one object.")
    await expect(page.locator(".numbers .wrong")).to_have_text(str(line))
    await text.fill(good)
    await page.get_by_role("button", name="Form").click()
    await expect(at(page, "reward.value").locator("input").first).to_have_value("3.10")


async def test_nothing_is_lost_and_nobody_is_overwritten_unasked(street: Street, chromium: Browser) -> None:
    made = await street.call("POST", "/v1/offers", by="admin", body=COFFEE)
    offer = f"/v1/offers/{made.json['id']}"
    assert (await street.call("POST", f"{offer}/publish", by="admin")).status == 200
    seen = await somebody(chromium, street, viewport=DESK)
    page = await seen.go(f"/dashboard/offers/{made.json['id']}/edit")
    asked: list[str] = []

    async def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        await dialog.accept()

    page.on("dialog", stay)
    await put(page, "reward.value", "3.10")
    await expect(page.locator("#unsaved")).to_have_text("Unsaved changes")
    await page.reload()
    assert asked == ["beforeunload"]
    await expect(page.locator("#restored")).to_contain_text("Unsaved changes from earlier are shown.")
    await expect(at(page, "reward.value").locator("input").first).to_have_value("3.10")

    await keeps_a_text_that_is_no_json(page)
    assert (await street.call("PUT", offer, by="admin", body=COFFEE | {"priority": 77})).json["version"] == 2
    await page.get_by_role("button", name="Save as version 2, live at once").click()
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog").filter(has_text="Somebody has saved version 2 meanwhile")
    await dialog.get_by_role("button", name="Not now").click()
    assert (await stored(street, "coffee-morning"))[1]["priority"] == 77
    await page.get_by_role("button", name="Save as version 2, live at once").click()
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await dialog.get_by_role("button", name="Save over version 2").click()
    await expect(page.locator("#said")).to_have_text("Saved: version 3 is live.")
    reward = COFFEE["reward"] | {"value": {"minor": 310, "currency": "EUR"}}
    assert await stored(street, "coffee-morning") == (3, COFFEE | {"reward": reward})

    # A copy begins from what is saved; a write that does not come from the page is refused.
    await page.goto(f"{seen.url}/dashboard/offers/new?from={made.json['id']}")
    await expect(at(page, "name").locator("input")).to_have_value("coffee-morning-copy")
    answers = await page.evaluate(FORGED)
    assert answers == [403, 403]
    token = await page.locator("meta[name=csrf]").get_attribute("content")
    foreign = {"Origin": "https://evil.example", "X-CSRF-Token": token or ""}
    assert (await page.context.request.post(f"{seen.url}/v1/offers", data=COFFEE, headers=foreign)).status == 403
    async with street.house.parts.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM offers") == 1
    seen.only_here("403 (Forbidden)", "409 (Conflict)")
