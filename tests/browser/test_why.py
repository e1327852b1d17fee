"""Why in a real Chromium: a decision is found by its moment, by a pass and by offer and time, and told in words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, expect

from tests import lives
from tests.browser.hostile import CORPUS, nothing_ran
from tests.browser.visits import enter, person, visit
from tests.lives import MORNING
from tests.street.serving import Street, open_street
from tests.written import write_receipt

PHONE = {"width": 360, "height": 740}
EVIL = CORPUS[1]
CLOSED = f"07:30 is within 07:00–11:00. {EVIL} is closed."


VERSION = "INSERT INTO offer_versions (offer_id, version, document, author) VALUES ($1, 1, '{}', 'key:x')"


class Past(NamedTuple):
    """A house with one moment, its pass, and a decision that came to nothing."""

    street: Street
    moment: UUID
    serial: UUID


def verdict(offer: int, gate: str | None, reason: str, truth: str = "fails", **values: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"gate": gate, "truth": truth, "reason": reason, "values": values}
    return {"offer_id": str(lives.offer_of(offer)), "offer": f"offer-{offer}@1", "place_id": None, **told}


@pytest.fixture
async def past(db_dsn: str, tmp_path: Path) -> AsyncIterator[Past]:
    async with open_street(db_dsn, tmp_path) as street, street.house.parts.pool.acquire() as db:
        for number in (1, 2, 3, 4):
            await lives.offer_row(db, number)
            await db.execute(VERSION, lives.offer_of(number))
        moment = lives.row(1)
        await lives.decide(db, moment)
        taken = await lives.accept(db, moment)
        closed = verdict(2, "local_time", CLOSED, local_time="2026-11-03T07:30:00+01:00", zone="Europe/Berlin")
        mine = lives.customer(1)
        week = {"cap": "programme_week", "max": 3, "period": "PT604800S", "shown": 3}
        often = verdict(3, "cap", "The customer has had enough messages.", **week)
        again = verdict(4, "cap", "This offer was shown often enough.", cap="offer", max=1, period="day", shown=1)
        told = [verdict(1, None, "It won.", "holds"), closed, often, again]
        await write_receipt(db, mine, told, at=MORNING, moment=moment.id)
        named = verdict(
            1,
            "attribute",
            "The customer's attributes are not as asked (first_name exactly Kim).",
            first_name="Kimberly",
        )
        await write_receipt(db, lives.customer(2), [named], at=MORNING + timedelta(minutes=5))
        plain = verdict(1, "place", "The fix is in none of the offer's places.") | {"weight": 20.0}
        await write_receipt(db, lives.customer(3), [plain], at=MORNING + timedelta(minutes=6))
        yield Past(street, moment.id, taken.serial)


async def look(page: Page, by: str, number: object) -> None:
    await page.select_option("[name=by]", by)
    await page.fill("[name=id]", str(number))
    await page.get_by_role("button", name="Nachsehen").click()


async def test_support_reads_a_decision_by_moment_and_pass_in_german(past: Past, chromium: Browser) -> None:
    seen = await visit(chromium, past.street, locale="de-DE", color_scheme="dark", viewport=PHONE)
    await enter(seen, past.street, await person(past.street, "marketer"))
    page = await seen.go("/dashboard/why")
    found = page.locator(".decision")
    await look(page, "moment_id", EVIL[:36])
    await expect(page.locator("#id-wrong")).to_contain_text("Das ist keine Nummer")
    await page.fill("[name=id]", "")
    await page.keyboard.insert_text(f" {past.moment}")  # as it comes out of a table or a mail
    await page.get_by_role("button", name="Nachsehen").click()
    await expect(found).to_have_count(1)
    await expect(found.locator("[data-gate=none]")).to_contain_text("Nichts hielt es auf. Das Angebot hat gewonnen.")
    stopped = found.locator("[data-gate=local_time]")
    await expect(stopped).to_contain_text(f"Gestoppt bei: Uhrzeit. 07:30 liegt in 07:00–11:00. {EVIL} ist geschlossen.")
    await expect(stopped.locator("dl")).to_contain_text("Ortszeit 07:30", use_inner_text=True)
    caps = found.locator("[data-gate=cap] dl")
    for at, text in (
        (0, "aller Nachrichten in der Woche"),
        (0, "Zeitraum 7 Tage"),
        (1, "dieses Angebots"),
        (1, "Kalendertag"),
    ):
        await expect(caps.nth(at)).to_contain_text(text, use_inner_text=True)
    await expect(stopped.locator("q")).to_have_text("Das Angebot gilt zu einer anderen Zeit.")
    await nothing_ran(page)
    await seen.is_accessible()
    await look(page, "serial", past.serial)
    await expect(found.locator("code")).to_have_text([str(past.moment)])
    await look(page, "serial", UUID(int=7))
    await expect(page.locator("#told")).to_have_text("Darüber ist nichts aufgezeichnet, oder nicht mehr.")
    await page.select_option("[name=by]", "offer_id")
    await page.get_by_label("Angebot", exact=True).fill("offer-1")
    await page.fill("[name=first]", "2099-01-02T03:04")
    await page.get_by_role("button", name="Nachsehen").click()
    await expect(page.locator("#first-wrong")).to_have_text("Das kommt erst noch: seither ist nichts entschieden.")
    await expect(page.locator("#first")).to_be_focused()
    await expect(page.locator("#first")).to_have_value("2099-01-02T03:04")
    await page.fill("[name=first]", "")
    await page.fill("[name=last]", "2020-01-02T03:04")
    await page.get_by_role("button", name="Nachsehen").click()
    await expect(page.locator("#last-wrong")).to_have_text("Bitte auch sagen, ab wann.")
    await expect(page.locator("#last")).to_have_value("2020-01-02T03:04")
    await expect(page.locator("#said")).to_be_empty()
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    seen.only_here("422")


async def test_an_offers_decisions_are_told_without_names_but_to_an_admin(past: Past, chromium: Browser) -> None:
    where = f"/dashboard/why?offer_id={lives.offer_of(1)}&from=2026-11-03T00:00:00Z&to=2026-11-04T00:00:00Z"
    seen = await visit(chromium, past.street)
    await enter(seen, past.street, await person(past.street, "marketer"))
    page = await seen.go(where)
    found = page.locator(".decision")
    await expect(found).to_have_count(2)  # the plain no is left out
    await expect(page.locator("[data-gate=attribute]")).to_contain_text("The customer's attributes are not as asked")
    await expect(page.get_by_text("Kimberly")).to_have_count(0)
    await expect(page.locator("[name=by] option")).to_have_count(3)
    await page.get_by_label("Near things only").uncheck()
    await expect(found).to_have_count(3)
    await expect(page.locator("[data-gate=place]")).to_contain_text("Stands for 20 like it")
    await page.get_by_label("Offer", exact=True).fill(EVIL[:64])
    await page.get_by_role("button", name="Look up").click()
    await expect(page.locator("#offer-wrong")).to_have_text("No offer is called like that.")
    await expect(found).to_have_count(0)  # nothing is left of what was asked for before
    await expect(page.locator("#told")).to_be_empty()
    one = {"at": "2026-11-03T07:12:00Z", "offer": "coffee@1"}  # a decision asks each offer once: two at a time are two
    grouped = "async lines => (await import('/static/js/why_decision.js')).grouped(lines).map(each => each.length)"
    assert await page.evaluate(grouped, [one, one | {"offer": "tea@1"}, one]) == [2, 1]
    await expect(page.locator("#ask")).not_to_have_attribute("aria-busy", "true")
    await nothing_ran(page)
    await seen.is_accessible()
    seen.only_here()
    await enter(seen, past.street, await person(past.street, "admin"))
    page = await seen.go(where)
    await expect(page.locator("[data-gate=attribute] dl")).to_contain_text("Kimberly")
    await (
        page.locator(".decision", has=page.locator("[data-gate=attribute]"))
        .get_by_role("button", name="More of this customer")
        .click()
    )
    await expect(page.locator("[name=by]")).to_have_value("customer_id")
    await expect(found.locator("code")).to_have_text([str(lives.customer(2))])
    await page.go_back()
    await expect(page.locator("[name=by]")).to_have_value("offer_id")
    await expect(page.get_by_label("Offer", exact=True)).to_have_value("offer-1")
    await expect(page.locator("[name=last]")).to_have_value("2026-11-04T01:00")
    await expect(found).to_have_count(2)
    await page.go_forward()
    await expect(page.locator("[name=by]")).to_have_value("customer_id")
    await expect(found.locator("code")).to_have_text([str(lives.customer(2))])
