"""One offer's page: what stands on it, for whom, and which deeds it offers in which state."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.pipeline import past
from server.pipeline.rules import Rules
from server.store import programme
from server.store.approvals import Approval
from server.store.offers import OfferRow
from server.store.pool import Pool
from server.web import offers
from server.web.parts import PARTS
from server.web.screens import offer
from server.web.screens.offer import Deeds, deeds_of
from tests.lives import MORNING, offer_of
from tests.web.authors import PROGRAMME, House, a_store, document, house

EVIL = "<script>alert(1)</script>"
ROW = OfferRow(offer_of(1), "tea", "draft", 2, None, {}, "user:a", MORNING, MORNING, None, None)
ASKED = Approval(offer_of(1), 2, "user:a", 5000, "user:b", MORNING, None, None)


@pytest.fixture
async def at(cleared: Pool) -> AsyncIterator[House]:
    rules = Rules(cleared, PROGRAMME)
    await rules.refresh()
    async with house(cleared, offers, offer, rules=rules) as served:
        yield served


async def page(at: House, kind: str, path: str, language: str = "en") -> str:
    answer = await at.call(kind, "GET", path, Accept_Language=language)
    assert answer.status == 200, answer.body
    return html.unescape(answer.body.decode())


async def made(at: House, **changes: Any) -> str:
    answer = await at.call("marketer", "POST", "/v1/offers", document(**changes))
    assert answer.status == 201, answer.body
    return str(answer.json["id"])


async def test_an_offer_stands_in_words_with_its_places_by_name(at: House) -> None:
    store = await a_store(at.pool, name="Café Mitte")
    await at.served.app[PARTS].rules.refresh()
    identifier = await made(at, when={"trigger": "exit", "places": {"ids": [str(store.id)]}})
    text = await page(at, "marketer", f"/dashboard/offers/{identifier}")
    assert "When somebody leaves Café Mitte." in text
    assert '<div id="dry-run">' in text
    assert "Wenn jemand von Café Mitte weggeht." in await page(at, "marketer", f"/dashboard/offers/{identifier}", "de")


async def test_an_analyst_reads_and_is_offered_nothing(at: House) -> None:
    identifier = await made(at)
    text = await page(at, "analyst", f"/dashboard/offers/{identifier}")
    assert "In words" in text
    assert '<div id="dry-run">' not in text
    assert "data-deed" not in text


async def test_two_versions_are_compared_and_one_that_is_not_there_is_not(at: House) -> None:
    identifier = await made(at, priority=40)
    changed = await at.call("marketer", "PUT", f"/v1/offers/{identifier}", document(priority=60))
    assert changed.status == 200, changed.body
    text = await page(at, "analyst", f"/dashboard/offers/{identifier}?from=1&to=2")
    assert "<del>When it runs: Priority 40: of several offers the highest wins.</del>" in text
    assert "<ins>When it runs: Priority 60: of several offers the highest wins.</ins>" in text
    assert "<ins>" not in await page(at, "analyst", f"/dashboard/offers/{identifier}?from=1&to=3")
    assert (await at.call("admin", "GET", f"/dashboard/offers/{UUID(int=9)}")).status == 404


async def test_an_old_version_that_is_compared_stays_chosen(at: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offer, "_VERSIONS", 1)
    identifier = await made(at)
    for priority in (60, 70):
        await at.call("marketer", "PUT", f"/v1/offers/{identifier}", document(priority=priority))
    text = await page(at, "analyst", f"/dashboard/offers/{identifier}?from=1&to=3")
    assert re.findall(r"<option selected>(\d)</option>", text) == ["1", "3"]


async def test_a_version_is_called_live_only_while_its_offer_is(at: House) -> None:
    identifier = await made(at)
    await at.call("marketer", "PUT", f"/v1/offers/{identifier}", document(priority=60))
    state = (
        "UPDATE offers SET status = $2, live_version = 1, published_at = clock_timestamp(), ended_at = $3 WHERE id = $1"
    )
    async with at.pool.acquire() as db:
        for status, ended, said in (("live", None, True), ("paused", None, False), ("ended", MORNING, False)):
            await db.execute(state, UUID(identifier), status, ended)
            text = await page(at, "marketer", f"/dashboard/offers/{identifier}")
            assert ("Version 1 is live" in text) is said, status
            await programme.throw(db, paused=True, reason="prices", by="user:x")
            text = await page(at, "marketer", f"/dashboard/offers/{identifier}")
            assert ("the whole programme is stopped.</a>" in text) is said, status
            await programme.throw(db, paused=False, reason="", by="user:x")


async def test_what_an_author_wrote_is_never_markup(at: House) -> None:
    moment = {"content": {"en": {"title": EVIL, "body": EVIL}}, "fallback_locale": "en"}
    identifier = await made(at, moment=moment, topic=None)
    answer = await at.call("analyst", "GET", f"/dashboard/offers/{identifier}")
    assert EVIL.encode() not in answer.body
    assert EVIL in html.unescape(answer.body.decode())


@pytest.mark.parametrize(
    ("row", "approval", "actor", "deeds"),
    [
        (ROW, None, "user:c", Deeds(change=True, publish=True)),
        (ROW, ASKED, "user:a", Deeds(change=True, waits=True)),
        (ROW, ASKED, "user:b", Deeds(change=True, waits=True)),
        (ROW, ASKED, "user:c", Deeds(change=True, approve=True, waits=True)),
        (ROW, replace(ASKED, approved_by="user:c"), "user:a", Deeds(change=True, publish=True)),
        (replace(ROW, status="live", live_version=2), None, "user:c", Deeds(change=True, pause=True, end=True)),
        (
            replace(ROW, status="live", live_version=1),
            ASKED,
            "user:c",
            Deeds(change=True, approve=True, pause=True, end=True, waits=True),
        ),
        (replace(ROW, status="paused", live_version=2), None, "user:c", Deeds(change=True, publish=True, end=True)),
        (replace(ROW, status="ended"), None, "user:c", Deeds()),
    ],
)
def test_what_may_be_done_follows_the_state_and_the_approval(
    row: OfferRow, approval: Approval | None, actor: str, deeds: Deeds
) -> None:
    assert deeds_of(row, approval, actor=actor) == deeds


def test_what_a_replay_assumes_has_words_on_the_page() -> None:
    script = Path("server/web/static/js/replay_panel.js").read_text("utf-8")
    source = Path("server/pipeline/past.py").read_text("utf-8")
    told = {*past.ASSUMES, *re.findall(r'assumes\.append\("(.+?)"\)', source)}
    assert len(told) == 6
    assert [each for each in told if f'"{each}": "assume_' not in script] == []
