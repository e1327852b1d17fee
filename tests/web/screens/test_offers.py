"""The page of all offers: who reads it, what is offered to whom, and what waits for a yes."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator

import pytest

from server.pipeline.rules import Rules
from server.store import programme
from server.store.pool import Pool
from server.web import offers as api
from server.web.screens import offers
from tests.web.authors import PROGRAMME, House, document, house
from tests.web.serving import settings_with


@pytest.fixture
async def at(cleared: Pool) -> AsyncIterator[House]:
    rules = Rules(cleared, PROGRAMME)
    async with house(cleared, api, offers, rules=rules, settings=settings_with(publish__approval_above=1)) as served:
        yield served


async def test_authors_are_led_to_a_new_offer_and_readers_are_not(at: House) -> None:
    for kind, offered in (("marketer", True), ("admin", True), ("analyst", False)):
        answer = await at.call(kind, "GET", "/dashboard/offers", Accept_Language="de")
        assert answer.status == 200
        text = answer.body.decode()
        assert ("/dashboard/offers/new" in text) is offered
        assert ('id="dry-run"' in text) is offered
        assert "Nach Namen suchen" in text
        assert "panel waiting" not in text
    assert (await at.call("crm", "GET", "/dashboard/offers")).status == 403


async def test_what_waits_for_a_yes_is_listed_with_who_asked(at: House) -> None:
    made = await at.call("marketer", "POST", "/v1/offers", document("tea"))
    assert made.status == 201, made.body
    async with at.pool.acquire() as db:
        await db.execute(
            "INSERT INTO offer_approvals (offer_id, version, author, expected, requested_by)"
            " VALUES ($1, 1, 'user:x', 9, 'key:y')",
            made.json["id"],
        )
    text = html.unescape((await at.call("analyst", "GET", "/dashboard/offers")).body.decode())
    assert "tea, version 1, asked for by a program" in text
    assert f'href="/dashboard/offers/{made.json["id"]}"' in text
    german = html.unescape((await at.call("analyst", "GET", "/dashboard/offers", Accept_Language="de")).body.decode())
    assert "tea, Version 1: angefragt hat es ein Programm" in german


async def test_that_the_programme_is_stopped_is_said(at: House) -> None:
    async with at.pool.acquire() as db:
        for stopped in (False, True):
            await programme.throw(db, paused=stopped, reason="prices", by="user:x")
            text = (await at.call("analyst", "GET", "/dashboard/offers")).body.decode()
            assert ("the whole programme is stopped.</a>" in text) is stopped


async def test_of_many_that_wait_it_is_said_that_there_are_more(at: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers, "_WAITING", 2)
    ask = "INSERT INTO offer_approvals (offer_id, version, author, expected, requested_by) VALUES ($1, 1, 'user:x', 9, 'key:y')"
    for number in range(3):
        text = (await at.call("analyst", "GET", "/dashboard/offers")).body.decode()
        assert "wait longest; there are more.<" not in text
        made = await at.call("marketer", "POST", "/v1/offers", document(f"tea-{number}"))
        async with at.pool.acquire() as db:
            await db.execute(ask, made.json["id"])
    text = (await at.call("analyst", "GET", "/dashboard/offers")).body.decode()
    assert "These 2 wait longest; there are more.<" in text
    assert text.count("asked for by a program") == 2
