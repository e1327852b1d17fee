"""The page about webhooks: what an admin sees, what the forms do, and who may not."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from server.channels import outward
from server.store import funnel, keys, webhook_calls, webhook_events, webhooks
from server.store.ids import new_id
from server.store.pool import Pool
from server.store.webhook_calls import End
from server.web.access import ACCESS
from server.web.doors import all_doors
from server.web.languages import catalogue
from server.web.webhook_page import Clock as PageClock
from server.web.webhook_page import host_of, say_reason
from tests import hooks, lives
from tests.web.house import Browser, House
from tests.web.serving import serving, settings_with

PAGE = "/dashboard/webhooks"
TODAY = datetime.now(UTC).date()
MOST = 3
"""Events of one replay."""
EN, DE = (catalogue("webhooks")[each] for each in ("en", "de"))
BERLIN = ZoneInfo("Europe/Berlin")


class Clock:
    """The machine's."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[House]:

    async with pool.acquire() as db:
        made = await keys.create(db, kind="admin")
    assert made is not None
    doors = all_doors(("webhook_page", "users", "login", "assets"))
    async with serving(doors, settings_with(limits__webhook_replay=MOST), pool, table=ACCESS, clock=Clock()) as served:
        yield House(served, pool, made.token)


async def an_endpoint(pool: Pool, **changes: Any) -> UUID:
    async with pool.acquire() as db:
        return (await hooks.endpoint(db, **changes)).id


async def told(pool: Pool, *customers: int) -> None:
    async with pool.acquire() as db:
        await lives.decide(db, *(lives.row(of) for of in customers))
    await funnel.roll(pool)


async def page(house: House, language: str = "en", query: str = "") -> str:
    answered = await house.call("GET", PAGE + query, headers={"Accept-Language": language})
    assert answered.status == 200, answered.body
    assert b"canary" not in answered.body
    whole = unescape(answered.body.decode())
    return whole[whole.index("<main") : whole.index("</main>")]  # the words of the script say everything


async def test_an_endpoint_is_shown_with_its_host_and_its_last_calls(house: House) -> None:
    webhook = await an_endpoint(house.pool, url="https://hooks.example.com/canary-token?key=canary")
    await told(house.pool, 1, 2)
    async with house.pool.acquire() as db:
        now = await db.fetchval("SELECT clock_timestamp()")
        sent, failed = await webhook_calls.lease(db, limit=2, now=now, for_s=30, within=timedelta(days=3))
        later = now + timedelta(hours=1)
        ends = [End(sent, "sent", "status 204"), End(failed, "queued", "tls_failed", later)]
        await webhook_calls.end(db, ends=ends)
        await webhooks.went_badly(db, webhook_id=webhook, gone=False, patience=timedelta(days=5))
    text = await page(house)
    assert "hooks.example.com" in text
    assert "canary" not in text
    for words in (
        "Status 204",
        EN["reason_tls_failed"],
        "moment.created",
        EN["call_sent"],
        EN["call_queued"],
        EN["everything"],
    ):
        assert words in text
    assert "In use, but has taken nothing since" in text
    assert 'class="bad"' in text
    german = await page(house, "de-DE")
    assert DE["reason_tls_failed"] in german
    assert "tls_failed" not in german
    assert f"{now.astimezone(BERLIN):%d.%m.%Y}, " in german
    assert not re.search(r"\d{4}-\d{2}-\d{2} ", german)


@pytest.mark.parametrize(("language", "told"), [("en", "1 Dec 2026, 00:46:30"), ("de", "01.12.2026, 00:46:30")])
def test_times_are_the_programmes_and_written_as_on_other_pages(language: Any, told: str) -> None:
    assert PageClock(BERLIN, language).told(datetime(2026, 11, 30, 23, 46, 30, tzinfo=UTC)) == told


def test_every_reason_for_no_answer_has_words_and_another_stands_as_it_is() -> None:
    source = Path(outward.__file__).read_text("utf-8")
    reasons = re.findall(r'(?:raise Failed\(|return )"([a-z_]+)"', source)
    assert {"timeout", "no_connection", "address_not_public"} <= set(reasons)
    assert [each for each in reasons for words in (EN, DE) if say_reason(each, words) == each] == []
    assert [say_reason(each, DE) for each in ("status 503", "", "sunspots")] == ["Status 503", "", "sunspots"]


async def test_it_speaks_german_and_english_and_says_when_there_is_nothing(house: House) -> None:
    assert catalogue("webhooks")["de"]["none"] in await page(house, "de-DE")
    assert EN["none"] in await page(house, "fr")


@pytest.mark.parametrize(
    ("word", "sentence"), [("gone", "state_gone"), ("failing", "state_failing"), (None, "state_off")]
)
async def test_one_that_is_off_says_why_and_how_to_turn_it_on(house: House, word: str | None, sentence: str) -> None:
    webhook = await an_endpoint(house.pool)
    async with house.pool.acquire() as db:
        await db.execute("UPDATE webhooks SET enabled = false, disabled_for = $2 WHERE id = $1", webhook, word)
    text = await page(house)
    assert EN[sentence].partition("{")[0] in text
    assert EN["replay"] not in text
    assert 'data-deed="on"' in text
    assert 'data-deed="off"' not in text


async def test_a_day_is_told_again_by_the_form(house: House) -> None:
    webhook = await an_endpoint(house.pool)
    await told(house.pool, 1, 2, 3)
    async with house.pool.acquire() as db:
        await db.execute("UPDATE webhook_calls SET state = 'dead'")
        day = await db.fetchval("SELECT (max(at) AT TIME ZONE 'Europe/Berlin')::date FROM webhook_events")
    form = {"webhook": str(webhook), "action": "replay", "first": day.isoformat(), "last": day.isoformat()}
    answered = await house.call("POST", PAGE, data=form)
    assert (answered.status, answered.headers["Location"]) == (303, f"{PAGE}?done=replay&count=3")
    assert EN["done_replay"].format(count=3) in await page(house, query="?done=replay&count=3")
    async with house.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM webhook_calls WHERE state = 'queued'") == 3


async def test_a_test_is_sent_by_the_form_which_turns_nothing_off(house: House) -> None:
    webhook = await an_endpoint(house.pool)
    assert (await house.call("POST", PAGE, data={"webhook": str(webhook), "action": "test"})).status == 303
    async with house.pool.acquire() as db:
        [event] = await hooks.written(db)
    assert event["type"] == webhook_events.TEST
    for action in ("on", "off"):  # that asks for the password once more: PATCH /v1/webhooks/{id}
        assert (await house.call("POST", PAGE, data={"webhook": str(webhook), "action": action})).status == 422
    assert EN["state_on"] in await page(house)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"action": "replay", "first": "yesterday", "last": str(TODAY)}, 422),
        ({"action": "replay", "first": str(TODAY), "last": str(TODAY - timedelta(days=2))}, 422),
        ({"action": "replay"}, 422),
        ({"action": "replay", "first": str(TODAY), "last": "9999-12-31"}, 422),
        ({"action": "test", "webhook": str(new_id())}, 404),
        ({"action": "replay", "first": str(TODAY), "last": str(TODAY), "webhook": str(new_id())}, 404),
    ],
)
async def test_what_cannot_be_done_is_said_on_the_page_and_to_programs(
    house: House, form: dict[str, str], status: int
) -> None:
    webhook = await an_endpoint(house.pool)
    whole = {"webhook": str(webhook)} | form
    shown = await house.call("POST", PAGE, data=whole, headers={"Accept": "text/html"})
    assert (shown.status, b'class="complaint"' in shown.body) == (status, True)
    told_ = await house.call("POST", PAGE, data=whole)
    assert (told_.status, told_.headers["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    ("first", "last", "word"),
    [
        ("2026-11-20", "2026-11-18", "wrong_span"),
        ("", "2026-11-18", "wrong_day"),
        ("2026-11-18", "1970-01-01", "wrong_day"),
        ("2026-11-18", "9999-12-31", "wrong_day"),
    ],
)
async def test_days_that_cannot_be_are_told_in_the_pages_language_and_need_not_be_given_again(
    house: House, first: str, last: str, word: str
) -> None:
    webhook, other = await an_endpoint(house.pool), await an_endpoint(house.pool)
    form = {"webhook": str(webhook), "action": "replay", "first": first, "last": last}
    headers = {"Accept": "text/html", "Accept-Language": "de-DE"}
    text = unescape((await house.call("POST", PAGE, data=form, headers=headers)).body.decode())
    assert f'<p class="complaint" role="alert">{DE[word]}</p>' in text
    cards = {
        each[:36]: re.findall(r'type="date" name="\w+" value="(.*?)"', each) for each in text.split('data-webhook="')
    }
    [today, again] = cards[str(other)]
    assert today == again == datetime.fromisoformat(today).date().isoformat()
    assert cards[str(webhook)] == [first or today, last]


async def test_what_is_off_not_there_or_too_much_is_told_in_the_pages_language(house: House) -> None:
    webhook, off = await an_endpoint(house.pool), await an_endpoint(house.pool)
    async with house.pool.acquire() as db:
        await db.execute("UPDATE webhooks SET enabled = false WHERE id = $1", off)
    await told(house.pool, *range(1, MOST + 2))
    many = DE["wrong_many"].format(most=MOST)
    gone = catalogue("common")["de"]["trouble_not_found"]
    for id_, sentence in ((webhook, many), (off, DE["wrong_off"]), (new_id(), gone)):
        form = {"webhook": str(id_), "action": "replay", "first": "1990-01-01", "last": "2090-01-01"}
        headers = {"Accept": "text/html", "Accept-Language": "de-DE"}
        shown = await house.call("POST", PAGE, data=form, headers=headers)
        assert sentence in unescape(shown.body.decode())


async def test_a_browser_needs_the_pages_own_token(house: House) -> None:
    webhook = await an_endpoint(house.pool)
    browser = await house.settled(roles=["admin"])
    page = await browser.with_csrf(PAGE)
    form = {"webhook": str(webhook), "action": "test"}
    stranger = Browser(browser.served, browser.cookie, "")
    refused = await stranger.post(PAGE, form)
    assert refused.status == 403
    elsewhere = await page.post(PAGE, form, Origin="https://evil.example")
    assert elsewhere.status == 403
    assert (await page.post(PAGE, form)).status == 303


@pytest.mark.parametrize("role", ["marketer", "analyst"])
async def test_nobody_but_an_admin_sees_it(house: House, role: str) -> None:
    browser = await house.settled(roles=[role])
    assert (await browser.get(PAGE)).status == 403


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://hooks.example.com/kairos?key=1", "hooks.example.com"),
        ("https://hooks.example.com", "hooks.example.com"),
        ("https://hooks.example.com?key=1", "hooks.example.com"),
        ("http://127.0.0.1:8765/x", "127.0.0.1:8765"),
    ],
)
def test_of_an_address_the_host_alone_is_shown(url: str, host: str) -> None:
    assert host_of(url) == host


async def test_what_a_person_wrote_stays_a_text(house: House) -> None:
    async with house.pool.acquire() as db:
        made = await hooks.endpoint(db)
        await db.execute("UPDATE webhooks SET description = '<script>alert(1)</script>' WHERE id = $1", made.id)
    answered = await house.call("GET", PAGE)
    assert b"<script>" not in answered.body
    assert b"&lt;script&gt;" in answered.body
