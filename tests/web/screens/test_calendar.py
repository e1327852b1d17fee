"""The calendar's page: how the switch stands and who threw it, for readers without the switch itself."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator

import pytest

from server.pipeline.author import Author
from server.pipeline.programme import throw
from server.pipeline.rules import Rules
from server.store import users
from server.store.pool import Pool
from server.web.screens import calendar
from tests.web.authors import PROGRAMME, House, house


@pytest.fixture
async def at(cleared: Pool) -> AsyncIterator[House]:
    async with house(cleared, calendar, rules=Rules(cleared, PROGRAMME)) as served:
        yield served


async def page(at: House, kind: str, language: str = "en") -> str:
    answer = await at.call(kind, "GET", "/dashboard/calendar", Accept_Language=language)
    assert answer.status == 200, answer.body
    return html.unescape(answer.body.decode())


async def test_a_programme_that_runs_can_be_stopped_by_authors_alone(at: House) -> None:
    assert 'id="stop"' in await page(at, "marketer")
    seen = await page(at, "analyst", "de")
    assert "Das Programm läuft" in seen
    assert 'id="stop"' not in seen
    assert 'id="go-on"' not in seen


async def test_who_stopped_it_and_why_is_told_and_never_as_markup(at: House) -> None:
    async with at.pool.transaction() as db:
        kim = await users.create(
            db, email="kim@example.com", name="Kim", roles=["admin"], store_id=None, password_hash="x"
        )
        assert kim is not None
        await throw(db, paused=True, reason="<b>Wrong prices</b>", by=Author(f"user:{kim.id}"))
    answer = await at.call("admin", "GET", "/dashboard/calendar")
    assert b"<b>Wrong prices" not in answer.body
    seen = await page(at, "admin")
    assert "The programme is stopped" in seen
    assert "Why: <b>Wrong prices</b>" in seen
    assert "Kim, " in seen
    assert 'id="go-on"' in seen
