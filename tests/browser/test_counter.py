"""The till in a real Chromium: a code before the camera is redeemed once; without a network it goes on and tells the truth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, Route, expect

from server.model.money import Money
from server.pipeline.accept import accept
from server.store import passes as stored
from server.wallet.codes import CHANGING, code_for
from server.wallet.keyring import Kind
from server.wallet.signed_codes import sign_code
from tests.browser import camera
from tests.browser.hostile import SHORT, TOGETHER, nothing_ran
from tests.browser.visits import PASSWORD, Visit, enter, person, visit
from tests.counter_rows import COFFEE, add_customer, add_moment, add_offer, add_store
from tests.street.serving import Street, open_street

STORE = f"Markt {SHORT}"
CAMERAS = ("willReadFrequently", "camera stream")
"""What the reader of codes says of a camera on http, and of reading pictures; both are its own affair."""
AWAY = ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED")


@dataclass
class Pass:
    """A pass in somebody's hands."""

    serial: UUID
    typed: str
    qr: str


@dataclass
class Shop:
    """A store with somebody at its counter."""

    street: Street
    store_id: UUID
    offer_id: UUID
    email: str

    async def passes(self, count: int, **columns: Any) -> list[Pass]:
        """Give out passes, each to somebody else."""
        parts, made = self.street.house.parts, []
        async with parts.pool.transaction() as db:
            for _ in range(count):
                customer = await add_customer(db)
                moment = await add_moment(db, customer_id=customer, offer_id=self.offer_id, **columns)
                found = (await accept(db, moment_id=moment, customer_id=customer, desk=parts.desk)).pass_
                now = found.created_at
                signed = parts.desk.signed_code(found, now=now)
                assert signed is not None
                made.append(Pass(found.serial, parts.desk.code(found, now=now), signed))
        return made

    async def value(self, sql: str, *arguments: Any) -> Any:
        async with self.street.house.parts.pool.acquire() as db:
            return await db.fetchval(sql, *arguments)

    async def used(self, one: Pass) -> int:
        """How often a pass was redeemed, as the ledger says."""
        return int(await self.value("SELECT count(*) FROM redemptions WHERE serial = $1", one.serial))


@pytest.fixture
async def shop(db_dsn: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_street(db_dsn, tmp_path, offline__codes=True) as street:
        async with street.house.parts.pool.transaction() as db:
            store_id, offer_id = await add_store(db, name=STORE), await add_offer(db)
        yield Shop(street, store_id, offer_id, await person(street, "counter", store_id=store_id))


async def ready(page: Page) -> None:
    await expect(page.locator("body[data-ready]")).to_be_attached(timeout=15_000)


async def type_in(page: Page, code: str) -> None:
    await page.fill("#code", code)
    await page.press("#code", "Enter")


async def says(page: Page, kind: str, *texts: str) -> None:
    answer = page.locator("#answer")
    await expect(answer).to_have_class(f"answer {kind}")
    for text in texts:
        await expect(answer).to_contain_text(text)


async def test_a_code_before_the_camera_is_redeemed_once_and_taken_back(shop: Shop, chromium: Browser) -> None:
    one, two, three, four = await shop.passes(4, reward=dict(COFFEE) | {"sku": SHORT})
    camera.show(one.qr)
    seen = await visit(chromium, shop.street, viewport={"width": 1280, "height": 900})
    page = await seen.go("/counter")
    await expect(page).to_have_url(f"{seen.url}/login?to=%2Fcounter")
    await page.fill("[name=email]", shop.email)
    await page.fill("[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{seen.url}/counter")
    await ready(page)
    await expect(page.locator("h1")).to_contain_text(STORE)
    await page.get_by_role("button", name="Scan with the camera").click()
    await says(page, "good", "Redeemed", f"{SHORT} (worth €2.50)")
    await expect(page.locator("#today li")).to_contain_text("this till")
    assert await shop.used(one) == 1  # it is still before the camera, and no second scan
    await seen.is_accessible()
    await page.get_by_role("button", name="Next").click()
    await expect(page.locator("#main")).to_be_focused()  # and no keyboard of a phone lies over the camera's picture
    await page.keyboard.type(one.typed.lower())  # as a hand scanner does, wherever the focus is
    await page.keyboard.press("Enter")
    await says(page, "wrong", "Already redeemed", "in this store")
    await page.get_by_role("button", name="Next").click()
    await page.keyboard.type("x")
    await expect(page.locator("#code")).to_have_value("X")  # in place of the code that was answered
    await says_typed(page, two, three)
    await undone(page, shop, one)
    await judged(page, shop, four)
    await named(page)
    await only_ours(seen, shop, four)
    await nothing_ran(page)
    seen.only_here(*CAMERAS, "409", "404", "403", "422")


async def says_typed(page: Page, two: Pass, three: Pass) -> None:
    """Texts of others in every field are a code that nobody has; a purchase goes along; looking first takes nothing."""
    await type_in(page, TOGETHER)
    await says(page, "wrong", "Unknown code")
    await page.get_by_text("Purchase amount").click()
    await page.fill("#amount", SHORT[:15])
    await page.fill("#order", SHORT)
    await type_in(page, two.typed)
    await says(page, "wait", "Which amount?")  # and nothing was redeemed
    await expect(page.locator("#amount")).to_be_focused()
    await page.fill("#order", "")
    for much in ("10000000000001", "99999999999999"):  # more than the server takes for an amount
        await page.fill("#amount", much)
        await page.get_by_role("button", name="Try again").click()
        await says(page, "wait", "Which amount?")
    await page.fill("#amount", "")
    await page.fill("#order", "")
    await page.get_by_role("button", name="Try again").click()
    await says(page, "good", "Redeemed")
    await page.get_by_text("Settings of this device").click()
    await page.get_by_label("Look first").check()
    await page.get_by_label("No sound").check()
    await page.fill("#amount", "4,80")
    await page.fill("#order", SHORT)
    await type_in(page, " ".join(three.typed[at : at + 4] for at in range(0, 48, 4)))
    await says(page, "wait", "Good: not redeemed yet")
    await page.get_by_role("button", name="Redeem", exact=True).click()
    await says(page, "good", "Redeemed")


async def undone(page: Page, shop: Shop, one: Pass) -> None:
    """The first of the day is taken back, with a reason that is somebody's script, and is told so."""
    assert (
        await shop.value("SELECT order_id FROM redemptions WHERE order_id IS NOT NULL AND amount_minor = 480") == SHORT
    )
    await used_here(page, one, True)
    await page.locator("#today li").last.get_by_role("button").click()
    await page.get_by_label("Reason").fill("   ")
    await page.get_by_label("Reason").press("Enter")
    await page.locator("#undo").get_by_role("button", name="Take back").click()
    await page.get_by_label("Reason").fill(TOGETHER[:500])  # it is still asked for
    await page.locator("#undo").get_by_role("button", name="Take back").click()
    await expect(page.locator("#today s")).to_have_count(1)
    await expect(page.locator("#today li").last).to_contain_text("taken back")
    await expect(page.locator("#total")).to_have_text("2 redeemed, worth €5.00")
    assert await shop.value("SELECT reason FROM reversals WHERE serial = $1", one.serial) == TOGETHER[:500]
    assert await shop.value("SELECT uses_left FROM passes WHERE serial = $1", one.serial) == 1
    await used_here(page, one, False)  # it may be used again, without a network too


USED_HERE = (
    """async () => (await (await import("/static/js/counter_store.js")).all("seen")).map((each) => each.serial)"""
)


async def used_here(page: Page, one: Pass, expected: bool) -> None:
    """The browser keeps what it knows a moment after it says so."""
    async with asyncio.timeout(30):
        while (one.serial.hex in await page.evaluate(USED_HERE)) is not expected:
            await asyncio.sleep(0.05)


JUDGE = """async ([code, amount, change]) => {
    const offline = await import("/static/js/counter_offline.js");
    return (await offline.judge(code, amount, {...await offline.terms(), ...change})).why;
}"""


OF = """async (codes) => codes.map((await import("/static/js/counter_codes.js")).passOf)"""


WORDS = """async (told) => {
    const { refusal } = await import("/static/js/counter_answer.js");
    return told.map((each) => refusal({code: each.code, told: each, words: "Try later."}));
}"""


async def named(page: Page) -> None:
    """Each refusal has a colour and words of its own; one that the page does not know is told in the server's."""
    told: list[dict[str, Any]] = [
        {"code": "expired", "valid_until": "2026-01-01T10:00:00Z"},
        {"code": "voided"},
        {"code": "unknown_code"},
        {"code": "wrong_store"},
        {"code": "not_yet_valid", "valid_from": "2026-01-01T10:00:00Z"},
        {"code": "held"},
        {"code": "too_many_wrong_codes"},
        {"code": "minimum_not_met", "minimum_purchase": {"minor": 500, "currency": "EUR"}},
        {"code": "already_redeemed", "redeemed_at": "2026-01-01T10:00:00Z", "store_id": str(UUID(int=1))},
        {"code": "something_new"},
    ]
    found = await page.evaluate(WORDS, told)
    assert [(each["kind"], each["title"]) for each in found] == [
        ("wrong", "Expired"), ("wrong", "Not valid any more"), ("wrong", "Unknown code"), ("wrong", "Not in this store"),
        ("wait", "Too early"), ("wait", "Another till has it"), ("wait", "Too many wrong codes"),
        ("wait", "The purchase is too small"), ("wrong", "Already redeemed"), ("wait", "Not possible now"),
    ]  # fmt: skip
    lines = [" ".join(each["lines"]) for each in found]
    assert lines[0] == "It was valid until 1 Jan 2026, 11:00"  # in the store's zone
    assert lines[7].startswith("From a purchase of €5.00.")
    assert lines[8] == "Used: 1 Jan 2026, 11:00, in another store"
    assert lines[9] == "Try later."


async def judged(page: Page, shop: Shop, one: Pass) -> None:
    """What the page makes of signed codes without asking anybody: each fault by its name, and its own limits."""
    parts = shop.street.house.parts
    async with parts.pool.acquire() as db:
        found = await stored.find(db, serial=one.serial)
    assert found is not None
    key, hour = parts.secrets.current(Kind.OFFLINE, now=found.created_at), timedelta(hours=1)
    dear = replace(found.benefit, minimum_purchase=Money(500, "EUR"))
    paid: Any = {"minor": 500, "currency": "EUR"}
    cases: list[tuple[dict[str, Any], Any, dict[str, Any], str]] = [
        ({}, None, {}, "genuine"),
        ({"valid_from": found.created_at + hour}, None, {}, "early"),
        ({"valid_from": found.created_at - hour, "valid_until": found.created_at}, None, {}, "expired"),
        ({"valid_until": None}, None, {}, "genuine"),
        ({"places": (UUID(int=1),)}, None, {}, "elsewhere"),
        ({"places": (UUID(int=1), shop.store_id)}, None, {}, "genuine"),
        ({"place_tag": "bakery"}, None, {}, "unchecked"),
        ({"place_tag": "bakery"}, None, {"unchecked": "take"}, "unsure"),
        ({"benefit": dear}, None, {}, "minimum"),
        ({"benefit": dear}, paid | {"minor": 499}, {}, "minimum"),
        ({"benefit": dear}, paid, {}, "genuine"),
        ({}, None, {"keys": []}, "unchecked"),
        ({}, None, {"asked": 0}, "stale"),
        ({}, None, {"takes": False}, "off"),
        ({}, None, {"uses": 0}, "full"),
        ({}, None, {"value_minor": 249}, "full"),
        ({"benefit": replace(dear, value=None, percent=10.0)}, paid, {"value_minor": 50}, "genuine"),
        ({"benefit": replace(dear, value=None, percent=10.0)}, paid, {"value_minor": 49}, "full"),
    ]
    for facts, amount, change, expected in cases:
        code = sign_code(replace(found, **facts), key=key)
        assert await page.evaluate(JUDGE, [code, amount, change]) == expected, (facts, change)
    other = sign_code(found, key=replace(key, secret=bytes(32)))
    for code, why in (
        (other, "forged"),
        (TOGETHER, "unknown"),
        (f"{one.typed}.12345678", "unchecked"),
        ("", "unknown"),
    ):
        assert await page.evaluate(JUDGE, [code, None, {}]) == why
    name = code_for(one.serial, key=parts.secrets.current(Kind.CODE, now=found.created_at), version=CHANGING)
    same = [one.typed, one.typed.lower(), one.qr, f"{name}.12345678", f" {name}.87654321"]
    assert await page.evaluate(OF, [*same, "x", "x.1"]) == [one.serial.hex] * 5 + ["x", "x"]


async def only_ours(seen: Visit, shop: Shop, one: Pass) -> None:
    """Writes without the page's token, and from another site, are refused."""
    post = """async code => (await fetch("/v1/redemptions", {method: "POST", body: JSON.stringify({code}), headers: {
        "Content-Type": "application/json", "Idempotency-Key": "k"}})).status"""
    assert await seen.page.evaluate(post, one.typed) == 403
    [cookie] = [each for each in await seen.page.context.cookies() if each["httpOnly"]]
    token = await seen.page.locator("meta[name=csrf]").get_attribute("content")
    headers = {"Cookie": f"{cookie['name']}={cookie['value']}", "X-CSRF-Token": token, "Origin": "https://evil.example"}
    answer = await shop.street.call("POST", "/v1/redemptions", body={"code": one.typed}, key="new", headers=headers)
    assert (answer.status, await shop.used(one)) == (403, 0)


async def test_a_till_without_a_network_goes_on_and_tells_what_came_of_it(shop: Shop, chromium: Browser) -> None:
    one, two, three, four = await shop.passes(4)
    seen = await visit(
        chromium,
        shop.street,
        locale="de-DE",
        color_scheme="dark",
        viewport={"width": 360, "height": 740},
        is_mobile=True,
    )
    await enter(seen, shop.street, shop.email)
    page = await seen.go("/counter")
    await ready(page)
    denied = "async () => { throw new DOMException('no', 'NotAllowedError'); }"
    await page.evaluate(f"() => {{ navigator.mediaDevices.getUserMedia = {denied}; }}")
    await page.get_by_role("button", name="Mit der Kamera").click()
    await expect(page.locator("#camera-fault")).to_contain_text("Die Kamera ist nicht erlaubt")
    await expect(page.locator("body[data-kept]")).to_be_attached()
    await page.context.set_offline(True)
    await page.reload()
    await ready(page)
    await expect(page.locator("#away")).to_contain_text("Kein Netz")
    for each in (one, two, three):
        await type_in(page, each.qr)
        await says(page, "good", "Echt: ausgeben", "Wert 2,50")
    await type_in(page, one.typed)
    await says(page, "wrong", "Nicht ausgeben", "schon angenommen")
    await type_in(page, four.typed)
    await says(page, "wait", "Nicht ausgeben", "ohne Netz nicht prüfen")
    await type_in(page, f"{four.qr[:-9]}0{four.qr[-8:]}" if four.qr[-9] != "0" else f"{four.qr[:-9]}1{four.qr[-8:]}")
    await says(page, "wrong", "nicht echt")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await seen.is_accessible()
    assert [await shop.used(each) for each in (one, two, three)] == [0, 0, 0]
    await shop.street.key("till", store_id=shop.store_id)  # meanwhile another till redeems the second one
    assert (
        await shop.street.call("POST", "/v1/redemptions", by="till", body={"code": two.typed}, key="new")
    ).status == 201
    await page.evaluate(ALTER, 3)
    context = page.context
    await page.close()  # and the phone is switched off before anything was sent
    page = seen.page = await context.new_page()
    await context.set_offline(False)
    await page.goto(f"{seen.url}/counter")
    await expect(page.locator("#said")).to_contain_text("3 gesendet, davon ließen sich 2 nicht buchen")
    await told_honestly(page)
    assert [await shop.used(each) for each in (one, two, three)] == [1, 1, 0]
    assert await shop.value("SELECT count(*) FROM audit WHERE action = 'till_key.tampered'") == 1
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await seen.is_accessible()
    await nothing_ran(page)
    await leaves(page, one)
    seen.only_here(*CAMERAS, *AWAY)


async def test_the_next_customers_code_waits_until_the_one_before_is_answered(shop: Shop, chromium: Browser) -> None:
    one, two, three = await shop.passes(3)
    seen = await visit(chromium, shop.street)
    await enter(seen, shop.street, shop.email)
    page = await seen.go("/counter")
    await ready(page)
    camera.show(three.qr)
    enough = asyncio.Event()

    async def slowly(route: Route) -> None:
        if route.request.method == "POST":
            await enough.wait()
        await route.continue_()

    await page.route("**/v1/redemptions", slowly)
    await type_in(page, one.typed)
    await says(page, "busy", "One moment")
    await page.keyboard.type(two.typed)  # in place of the first: it was selected
    await page.keyboard.press("Enter")
    await expect(page.locator("#said")).to_contain_text("Not taken yet")
    enough.set()
    await says(page, "good", "Redeemed")
    await expect(page.locator("#code")).to_have_value(
        " ".join(two.typed[at : at + 4] for at in range(0, 100, 4)).strip()
    )
    assert [await shop.used(each) for each in (one, two)] == [1, 0]
    enough.clear()
    await page.press("#code", "Enter")
    await says(page, "busy")
    await page.get_by_role("button", name="Scan with the camera").click()
    while await page.locator("video").evaluate("video => video.currentTime") < 1:  # until it has seen the third
        await asyncio.sleep(0.1)
    assert [await shop.used(each) for each in (two, three)] == [0, 0]
    enough.set()
    await expect(page.locator("#today li")).to_have_count(3)
    assert [await shop.used(each) for each in (one, two, three)] == [1, 1, 1]
    seen.only_here(*CAMERAS)


async def test_a_redemption_whose_answer_was_lost_is_finished_with_the_same_code(shop: Shop, chromium: Browser) -> None:
    [one], (two, three, four) = await shop.passes(1, reward=dict(COFFEE) | {"uses": 2}), await shop.passes(3)
    seen = await visit(chromium, shop.street)
    await enter(seen, shop.street, shop.email)
    await seen.page.route("**/js/counter_eye.js", lambda route: route.fulfill(body=EYE, content_type="text/javascript"))
    page = await seen.go("/counter")
    await ready(page)
    async with lost(page, "/v1/redemptions"):
        await type_in(page, one.typed)
        await says(page, "wait", "Do not give it", "It may have been redeemed all the same")
    await page.get_by_role("button", name="Scan with the camera").click()
    assert await page.evaluate(HELD, [two.qr, two.typed]) == "answer good"
    await says(page, "good", "Redeemed")
    await page.reload()
    await ready(page)
    await type_in(page, one.typed.lower())
    await says(page, "good", "Redeemed", "coffee-small", "One use left")
    assert await shop.used(one) == 1
    await type_in(page, one.typed)  # it was answered: this is the other use
    await expect(page.locator("#today li")).to_have_count(3)
    await type_in(page, one.typed)
    await says(page, "wrong", "Already redeemed")
    await looked_at_first(page, three)
    assert [await shop.used(each) for each in (one, two, three)] == [2, 1, 1]
    await undone_twice(page, shop, four)
    await entered_anew(seen, shop, four)
    seen.only_here("401", "403", "409", *AWAY)


EYE = "export const startCamera = (scanned) => { window.scanned = scanned; };"
"""Stands for the camera: the test says what it sees, and when."""


HELD = """async ([code, changed]) => {
    const answer = document.querySelector("#answer");
    let now = Date.now() + 2000;
    Date.now = () => now;
    scanned(code);
    while (answer.className !== "answer good") await new Promise((resolve) => setTimeout(resolve, 20));
    now += 1500;
    scanned(changed); // the same pass is still there, and its code has changed: no other scan
    return answer.className;
}"""


@asynccontextmanager
async def lost(page: Page, path: str) -> AsyncIterator[None]:
    """What is posted there reaches the server, and its answer does not come back."""
    answered = asyncio.Event()

    async def lose(route: Route) -> None:
        if route.request.method == "POST":
            await route.fetch()
            answered.set()
            await route.abort()
        else:
            await route.continue_()

    await page.route(f"**{path}", lose)
    yield
    await answered.wait()
    await page.unroute(f"**{path}", lose)


async def looked_at_first(page: Page, three: Pass) -> None:
    """Who looks first finishes it as well; with another amount too, since the pass was used by none but this till."""
    await page.get_by_text("Settings of this device").click()
    await page.get_by_label("Look first").check()
    await type_in(page, three.typed)
    await says(page, "wait", "Good: not redeemed yet")
    async with lost(page, "/v1/redemptions"):
        await page.get_by_role("button", name="Redeem", exact=True).click()
        await says(page, "wait", "Do not give it", "It may have been redeemed all the same")
    await page.get_by_text("Purchase amount").click()
    await page.fill("#amount", "3")
    await type_in(page, three.qr)
    await says(page, "good", "Redeemed")
    await page.get_by_label("Look first").uncheck()


async def undone_twice(page: Page, shop: Shop, four: Pass) -> None:
    """What is taken back is taken back, also where both answers were lost; the pass may then be used anew, and is."""
    async with lost(page, "/v1/redemptions"):
        await type_in(page, four.typed)
        await says(page, "wait", "Do not give it")
    assert await shop.used(four) == 1
    await page.reload()
    await ready(page)
    undo = page.locator("#undo")
    async with lost(page, "/v1/redemptions/*/reversal"):
        await page.locator("#today li").first.get_by_role("button").click()
        await page.get_by_label("Reason").fill("x")
        await undo.get_by_role("button", name="Take back").click()
        await expect(page.locator("#said")).to_contain_text("cannot be reached")
    await page.locator("#today li").first.get_by_role("button").click()
    await page.get_by_label("Reason").fill("y")
    await undo.get_by_role("button", name="Take back").click()
    await expect(page.locator("#said")).to_have_text("This was taken back before.")
    await expect(page.locator("#today s")).to_have_count(1)
    await type_in(page, four.typed)
    await says(page, "good", "Redeemed")
    assert await shop.used(four) == 2
    assert await shop.value("SELECT uses_left FROM passes WHERE serial = $1", four.serial) == 0


SEND = """async ([record]) => {
    const { put, get } = await import("/static/js/counter_store.js");
    const offline = await import("/static/js/counter_offline.js");
    const told = await offline.terms();
    await put("records", { ...record, store_id: told.store_id });
    const code = await offline.send(told).then(({ stuck }) => `stuck: ${stuck}`, (error) => error.code);
    return [code, (await get("records", record.id)).status];
}"""


async def entered_anew(seen: Visit, shop: Shop, four: Pass) -> None:
    """Who logs in again in another tab goes on in this one; if that is somebody else, it says what to do, and sends nothing."""
    page = seen.page
    await enter(seen, shop.street, shop.email)
    await type_in(page, four.typed)
    await says(page, "wrong", "Already redeemed")
    await enter(seen, shop.street, await person(shop.street, "counter", "analyst", store_id=shop.store_id))
    await type_in(page, four.typed)
    await says(page, "wait", "Not possible now", "The log-in in this browser has changed")
    record = {"id": str(UUID(int=1)), "n": 1, "prev": "x" * 43, "code": "x", "scanned_at": "2026-01-01T00:00:00Z"}
    record |= {"signature": "x" * 86, "key_id": str(UUID(int=2)), "status": "unsent", "at": 0}
    assert await page.evaluate(SEND, [record]) == ["cross_site", "unsent"]
    await page.context.clear_cookies()
    await type_in(page, four.typed)
    await says(page, "wait", "Not redeemed", "Your log-in is over")


ALTER = """n => new Promise((resolve, reject) => {
    const opening = indexedDB.open("kairos-counter");
    opening.onsuccess = () => {
        const records = opening.result.transaction("records", "readwrite").objectStore("records");
        records.getAll().onsuccess = (event) => {
            const found = event.target.result.find((each) => each.n === n);
            records.put({...found, scanned_at: "2026-01-01T00:00:00.000Z"}).onsuccess = () => resolve(true);
        };
    };
    opening.onerror = () => reject(opening.error);
})"""


async def told_honestly(page: Page) -> None:
    """One was booked, one served twice with its cost, one altered; the store's conflict is listed with its loss."""
    records = page.locator("#records li")
    await expect(records.filter(has_text="gebucht").first).to_be_visible()
    await expect(records.filter(has_text="doppelt ausgegeben")).to_contain_text("Kosten 2,50")
    await expect(records.filter(has_text="nicht gebucht")).to_contain_text("verändert")
    await expect(page.locator("#waiting")).to_have_text("Alles ist gesendet.")
    await expect(page.locator("#send")).to_be_hidden()
    await expect(page.locator("#lost")).to_contain_text("insgesamt 1, Wert 2,50")
    await expect(page.locator("#lost-list")).to_contain_text(f"({STORE})")


TERMS_ARE_LEFT = """() => new Promise((resolve, reject) => {
    const opening = indexedDB.open("kairos-counter");
    opening.onsuccess = () => {
        const kept = opening.result.transaction("kept", "readwrite").objectStore("kept");
        kept.put({name: "terms", value: {till_id: "user:x", store: "X", takes: true}}).onsuccess = () => resolve(true);
    };
    opening.onerror = () => reject(opening.error);
})"""
TERMS_GO = """() => new Promise((resolve, reject) => {
    const opening = indexedDB.open("kairos-counter");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
        const end = Date.now() + 10_000;
        const look = () => {
            const found = opening.result.transaction("kept").objectStore("kept").get("terms");
            found.onsuccess = () => {
                if (found.result === undefined || Date.now() > end) resolve(found.result === undefined);
                else setTimeout(look, 50);
            };
        };
        look();
    };
})"""


async def leaves(page: Page, one: Pass) -> None:
    """Who logs out with something unsent is asked; and then nobody is there, with or without a network."""
    await page.context.set_offline(True)
    await page.evaluate("""() => new Promise((resolve) => { const opening = indexedDB.open("kairos-counter");
        opening.onsuccess = () => { const records = opening.result.transaction("records", "readwrite").objectStore("records");
        records.put({id: "x", n: 9, status: "unsent", at: Date.now(), key_id: "k", store_id: "s"}).onsuccess = resolve; }; })""")
    await page.get_by_role("button", name="Abmelden").click()
    await expect(page.get_by_role("dialog")).to_contain_text("1 noch nicht gesendet")
    await page.get_by_role("button", name="Abbrechen").click()
    await page.context.set_offline(False)
    await page.get_by_role("button", name="Abmelden").click()
    await page.get_by_role("button", name="Trotzdem abmelden").click()
    await expect(page).to_have_url(f"{page.url.rpartition('/')[0]}/login")
    await page.evaluate(TERMS_ARE_LEFT)  # as they are by who logs out on another page
    await page.reload()
    assert await page.evaluate(TERMS_GO)
    await page.context.set_offline(True)
    await page.goto(f"{page.url.rpartition('/')[0]}/counter")
    await expect(page.locator("#nobody")).to_be_visible()
    await type_in(page, one.qr)
    await says(page, "wrong", "Nicht ausgeben")
