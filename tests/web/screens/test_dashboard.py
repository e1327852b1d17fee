"""The dashboard as HTML: figures, hidden groups, ranges, languages, and texts that stay texts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import escape, unescape
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from server.model.money import Money
from server.store import funnel
from server.store.clock import DatabaseClock
from server.store.pool import Pool
from server.wallet.watch import Fixed, Life, Watch
from server.web.languages import catalogue
from server.web.parts import PARTS
from server.web.screens import dashboard
from tests import lives
from tests.lives import row
from tests.outbox_rows import write
from tests.web.authors import House, a_store, house
from tests.web.serving import settings_with

NARROW = "\u2212"
WORDS, GERMAN = ({**catalogue("common")[each], **catalogue("dashboard")[each]} for each in ("en", "de"))


@pytest.fixture
async def at(pool: Pool) -> AsyncIterator[House]:
    """The dashboard's door where three people are enough."""
    clock = DatabaseClock()
    async with pool.acquire() as db:
        await clock.sync(db)
    async with house(pool, dashboard, clock=clock, settings=settings_with(privacy__min_group=3)) as served:
        yield served


async def fill(
    pool: Pool,
    *,
    offer: int = 1,
    people: int = 3,
    redeemed: int = 0,
    ago: timedelta = timedelta(),
    first: int = 0,
    **more: Any,
) -> None:
    """Let some people have a moment of an offer some time ago, some of them redeem, and roll up."""
    async with pool.acquire() as db:
        now = await db.fetchval("SELECT clock_timestamp()")
        for number in range(people):
            moment = row(first + number, at=now - ago, offer=offer, **more)
            await lives.decide(db, moment)
            await lives.told(db, moment, "delivered")
            if number < redeemed:
                await lives.redeem(db, await lives.accept(db, moment, value=Money(250, "EUR")))
    await funnel.roll(pool)


async def page(at: House, query: str = "", **headers: str) -> str:
    answer = await at.call("analyst", "GET", f"/dashboard{query}", **headers)
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"].startswith("text/html")
    return answer.body.decode()


def texts(html: str) -> str:
    seen = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", seen)).split())


async def test_an_empty_house_says_so(at: House) -> None:
    assert WORDS["none"] in texts(await page(at))


@pytest.fixture
async def ending(shared_pool: Pool) -> AsyncIterator[House]:
    """The dashboard of a house whose certificate ends soon."""
    clock = DatabaseClock()
    async with shared_pool.acquire() as db:
        now = await clock.sync(db)
    lives = [Life(name, now - timedelta(days=9), now + timedelta(days=5, hours=1)) for name in ("certificate", "<b>")]
    watch = Watch(Fixed(*lives, warn=timedelta(days=30)))
    async with house(shared_pool, dashboard, clock=clock, watch=watch) as served:
        yield served


async def test_an_admin_is_told_what_ends_in_their_language_and_texts_stay_texts(ending: House) -> None:
    english = await ending.call("admin", "GET", "/dashboard")
    german = await ending.call("admin", "GET", "/dashboard", Accept_Language="de")
    assert "Please see to it The pass type certificate ends on" in texts(english.body.decode())
    assert "Bitte erledigen Das Zertifikat für Coupons endet am" in texts(german.body.decode())
    assert "&lt;b&gt;" in english.body.decode()
    assert "<b>" not in english.body.decode()
    assert 'role="alert"' in english.body.decode()
    assert 'href="/dashboard/admin/certificates"' in english.body.decode()


@pytest.mark.parametrize("kind", ["analyst", "marketer"])
async def test_whoever_can_do_nothing_about_it_is_not_told(ending: House, kind: str) -> None:
    shown = (await ending.call(kind, "GET", "/dashboard")).body.decode()
    assert "ends on" not in shown
    assert 'class="endings"' not in shown


async def test_what_waits_to_leave_the_house_is_told_and_what_nobody_took(at: House, pool: Pool) -> None:
    assert WORDS["out"] not in texts(await page(at))
    async with pool.acquire() as db:
        await write(db, 1)
        await write(db, 2)
    told = texts(await page(at))
    assert "On their way out Service Waiting Being sent Longest wait Dead letters Pushes to iPhones 2 0 " in told
    assert WORDS["about_dead"] not in told
    async with pool.acquire() as db:
        await write(db, 3, channel="google_wallet", state="dead")
        await write(db, 4, way="smoke_signals")
    html = await page(at, **{"Accept-Language": "de"})
    assert "Google Wallet 0 0 0 s 1" in texts(html)
    assert "smoke_signals 1 0 " in texts(html)
    assert "<strong>1</strong>" in html
    assert GERMAN["about_dead"] in texts(html)
    assert "/dashboard/admin/deliveries" not in html
    assert 'href="/dashboard/admin/deliveries"' in (await at.call("admin", "GET", "/dashboard")).body.decode()


async def test_the_figures_of_each_offer_and_of_all_are_told(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        await lives.offer_row(db, 1, name="coffee")
        await lives.offer_row(db, 2, name="books")
    await fill(pool, offer=1, people=5, redeemed=2)
    await fill(pool, offer=2, people=4, redeemed=1)
    told = texts(await page(at))
    assert "coffee 5 100.0% 5 100.0% 0 0.0% 0 0.0% 2 40.0% 2 40.0% €5.00 0" in told
    assert "books 4 100.0% 4 100.0% 0 0.0% 0 0.0% 1 25.0% 1 25.0% €2.50 0" in told
    assert (
        "Decided 9 100.0% Delivered 9 100.0% Opened 0 0.0% Clicked 0 0.0% Pass saved 3 33.3% Redeemed 3 33.3%" in told
    )
    assert "Value redeemed €7.50" in told
    assert WORDS["partly"] not in told


async def test_a_view_is_narrowed_to_a_place_or_none_and_to_weather_that_was_known_or_not(
    at: House, pool: Pool
) -> None:
    bakery = await a_store(pool, name="Bakery <b>")
    there = {"place_id": bakery.id, "place_kind": "store", "weather": "drizzle"}
    await fill(pool, offer=1, people=5, **there)
    await fill(pool, offer=2, people=3, redeemed=3)
    whole = texts(await page(at, "?by=store"))
    assert "Bakery <b> 5 100.0%" in whole
    assert "No place 3 100.0%" in whole
    narrowed = await page(at, f"?by=weather&store_id={bakery.id}")
    assert "Only" in narrowed
    assert "Store: Bakery <b> × " in texts(narrowed)
    assert "Selection PNG Decided 5 100.0%" in texts(narrowed)
    assert "Drizzle 5 100.0%" in texts(narrowed)
    german = texts(await page(at, "?by=weather&store_id=none&weather=unknown&channel=push", Accept_Language="de"))
    assert "Filiale: Ohne Ort × Kanal: Push-Nachricht × Wetter: Unbekannt × Alle entfernen" in german
    assert GERMAN["none_here"] in german
    assert "Unbekannt 3 100,0 %" in texts(await page(at, "?by=weather&store_id=none", Accept_Language="de"))
    assert "Angebot: offer-77" not in (unnamed := texts(await page(at, f"?offer_id={lives.offer_of(77)}")))
    assert f"Offer: {lives.offer_of(77)} ×" in unnamed


async def test_the_days_before_stand_beside_and_those_of_too_few_people_are_said_to_be_hidden(
    at: House, pool: Pool
) -> None:
    async with pool.acquire() as db:
        for number, name in enumerate(("coffee", "books", "tea"), 1):
            await lives.offer_row(db, number, name=name)
    for offer, ago, people, redeemed in ((1, 0, 6, 3), (1, 8, 3, 3), (2, 0, 4, 0), (2, 8, 2, 0)):
        await fill(pool, offer=offer, people=people, redeemed=redeemed, ago=timedelta(days=ago))
    await fill(
        pool, offer=3, people=2, first=7, ago=timedelta(days=8)
    )  # else books would be found by taking coffee from all
    told = texts(await page(at, "?compare=before"))
    assert "Decided 10 100.0% before 3, +233.3%" in told
    assert "coffee 6 100.0% before 3, +100.0% 6 100.0% before 3, +100.0% 0 0.0% before 0" in told
    assert "Redeemed 3 30.0% before 3, unchanged" in told
    assert "books before: too few to be shown 4 100.0% 4 100.0%" in told
    assert WORDS["partly"] in told
    assert "before" not in texts(await page(at)).replace(WORDS["compare"], "")


async def test_what_was_there_only_before_is_in_the_table_and_the_rows_add_up(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        for number, name in enumerate(("coffee", "books", "tea", "rare"), 1):
            await lives.offer_row(db, number, name=name)
    await fill(pool, offer=1, people=6, redeemed=3)
    for offer, people, redeemed in ((1, 4, 0), (2, 5, 2), (3, 2, 1), (4, 2, 0)):
        await fill(pool, offer=offer, people=people, redeemed=redeemed, first=3 * offer, ago=timedelta(days=1))
    told = texts(await page(at, "?days=1&compare=before"))
    assert WORDS["kpis"] in told
    assert f"Decided 6 100.0% before 9, {NARROW}33.3%" in told  # coffee's 4 and books' 5
    assert "coffee 6 100.0% before 4, +50.0% " in told
    assert f"books 0 – before 5, {NARROW}100.0% 0 – before 5, {NARROW}100.0% " in told
    assert f"0 – before 2, {NARROW}100.0% €0.00 before €5.00, {NARROW}100.0% 0 – " in told
    assert "tea before: too few to be shown 0 – 0 – 0 – 0 – 0 – 0 – – 0 – " in told
    assert "rare before: too few to be shown 0 – " in told
    assert "books" not in (told := texts(await page(at, "?days=1")))
    assert "tea" not in told

    parts = at.served.app[PARTS]
    tomorrow = parts.clock.now().astimezone(ZoneInfo(parts.settings.programme.time_zone)).date() + timedelta(days=1)
    later = f"?first={tomorrow}&last={tomorrow + timedelta(days=6)}"
    told = texts(await page(at, f"{later}&compare=before"))
    assert WORDS["none"] not in told
    assert "Decided 0 – before 15, " in told
    assert "coffee 0 – before 10, " in told
    assert WORDS["kpis"] not in told
    assert WORDS["none"] in texts(await page(at, later))


def test_the_dictionary_is_translated() -> None:
    words = catalogue("dashboard")
    same = {key for key, text in words["en"].items() if text == words["de"][key]}
    assert same == {"seconds", "now_pings", "live", "kpi_parts", "worth", "see_webhooks", "placement_banner"}


async def test_passes_in_wallets_are_told_where_there_are_some(at: House, pool: Pool) -> None:
    assert WORDS["wallets"] not in texts(await page(at))
    async with pool.acquire() as db:
        await lives.offer_row(db, 1, name="coffee")
    await fill(pool, offer=1, people=5, redeemed=4)
    told = texts(await page(at))
    assert "Passes in wallets Issued 4 Saved 0 0.0% On several devices 0 0.0% Thrown away 0 0.0%" in told


async def test_a_hidden_group_is_said_in_words_and_is_in_no_total(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        await lives.offer_row(db, 1, name="coffee")
        await lives.offer_row(db, 2, name="rare")
        await lives.offer_row(db, 3, name="next")
    await fill(pool, offer=1, people=4)
    await fill(pool, offer=2, people=2)
    await fill(pool, offer=3, people=3)  # would be what is missing from a sum, together with the rare one
    told = texts(await page(at))
    assert "rare Fewer than 3 people: not shown" in told
    assert "next Fewer than 3 people: not shown" in told
    assert "Decided 4 100.0%" in told
    assert WORDS["partly"] in told


async def test_there_is_a_picture_for_all_and_for_each_offer_that_is_shown(at: House, pool: Pool) -> None:
    await fill(pool, offer=1)
    await fill(pool, offer=2)
    await fill(pool, offer=3, people=1)
    await fill(pool, offer=4, people=4)
    html = await page(at)
    assert html.count("<svg") == 3
    assert html.count("<polygon") == 3 * 11


async def test_nothing_inside_the_page_needs_a_weaker_policy(at: House, pool: Pool) -> None:
    await fill(pool)
    html = await page(at)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|https?://", html.replace("http://www.w3.org", ""))
    assert all("src=" in each or "application/json" in each for each in re.findall(r"<script[^>]*>", html))
    answer = await at.call("analyst", "GET", "/dashboard")
    assert "'unsafe" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_the_page_speaks_the_browsers_language(at: House, pool: Pool) -> None:
    await fill(pool, people=3, redeemed=3)
    html = await page(at, Accept_Language="de-DE,de;q=0.9,en;q=0.8")
    assert '<html lang="de">' in html
    told = texts(html)
    assert "Trichter je Angebot" in told
    assert "Eingelöst 3 100,0 %" in told
    assert "7,50 €" in told
    assert '<html lang="en">' in await page(at, Accept_Language="fr")


@pytest.mark.parametrize(
    ("query", "days_ago", "seen"),
    [("", 3, True), ("", 10, False), ("?days=1", 3, False), ("?days=28", 10, True), ("?days=90", 100, False)],
)
async def test_only_the_chosen_days_are_shown(at: House, pool: Pool, query: str, days_ago: int, seen: bool) -> None:
    await fill(pool, ago=timedelta(days=days_ago))
    assert (WORDS["none"] not in texts(await page(at, query))) is seen


async def test_days_that_cannot_be_are_said_and_the_form_keeps_working(at: House) -> None:
    for first, last in (("2026-11-03", "2026-11-01"), ("x", "<y>"), ("2026-11-03", "")):
        html = await page(at, f"?first={first}&last={quote(last)}")
        assert WORDS["wrong"] in texts(html)
        assert f'name="first" value="{first}"' in html
        assert f'name="last" value="{escape(last)}"' in html
    html = await page(at, "?first=2000-01-01&last=2026-01-01", Accept_Language="de")
    assert "bitte höchstens 1.100 Tage wählen" in texts(html)
    assert 'name="first" value="2000-01-01"' in html
    assert 'name="last" value="2026-01-01"' in html
    assert WORDS["wrong"] not in texts(await page(at, "?first=2026-11-01&last=2026-11-01"))
    assert WORDS["wrong"] not in texts(await page(at, "?first=&last="))


async def test_names_stay_texts(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        await lives.offer_row(db, name='<script>alert(1)</script>" onload="x')
    await fill(pool)
    html = await page(at)
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


async def test_only_readers_see_it_and_people_are_led_to_the_log_in(at: House) -> None:
    assert (await at.call("crm", "GET", "/dashboard")).status == 403
    led = await at.call(None, "GET", "/dashboard")
    assert (led.status, led.headers["Location"]) == (303, "/login?to=%2Fdashboard")
