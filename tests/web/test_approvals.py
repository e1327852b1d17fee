"""A second person's yes through the doors: the figure, the states, and who may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.pipeline.rules import Rules
from server.store import keys
from server.store.clock import DatabaseClock
from server.store.pool import Pool
from server.web import approvals, offers
from tests.pipeline.town import Town
from tests.web.authors import PROGRAMME, House, document, house
from tests.web.serving import settings_with

CUSTOMERS, ABOVE = 12, 5


@pytest.fixture(scope="module")
async def at(shared_pool: Pool) -> AsyncIterator[House]:
    """A house of twelve customers of whom nothing is recorded yet: everybody counts. Whoever asks looks at the rules anew."""
    clock, rules = DatabaseClock(), Rules(shared_pool, PROGRAMME)
    async with shared_pool.acquire() as db:
        await clock.sync(db)
        other = await keys.create(db, kind="marketer")
    await Town(shared_pool).customers(CUSTOMERS)
    settings = settings_with(publish__approval_above=ABOVE)
    async with house(shared_pool, offers, approvals, settings=settings, clock=clock, rules=rules) as served:
        assert other is not None
        served.tokens["colleague"] = other.token
        yield served


async def written(at: House, **changes: Any) -> str:
    made = await at.call("marketer", "POST", "/v1/offers", document(f"offer {uuid4()}", **changes))
    return f"/v1/offers/{made.json['id']}"


async def test_what_reaches_many_is_published_after_another_person_said_yes(at: House) -> None:
    path = await written(at)
    assert (await at.call("analyst", "GET", path)).json["approval"] is None
    asked = await at.call("marketer", "POST", f"{path}/publish")
    assert (asked.status, asked.json["code"]) == (409, "approval_required")
    assert asked.headers["Content-Type"].startswith("application/problem+json")
    assert (asked.json["expected_customers"], asked.json["approval_above"]) == (CUSTOMERS, ABOVE)
    assert f"about {CUSTOMERS} customers" in asked.json["detail"]
    waiting = (await at.call("analyst", "GET", path)).json["approval"]
    assert (waiting["state"], waiting["version"], waiting["approved_by"]) == ("requested", 1, None)
    own = await at.call("marketer", "POST", f"{path}/approve")
    assert (own.status, own.json["code"]) == (403, "same_person")
    yes = await at.call("colleague", "POST", f"{path}/approve", {"version": 1})
    assert (yes.status, yes.json["state"], yes.json["expected_customers"]) == (200, "approved", CUSTOMERS)
    assert (await at.call("analyst", "GET", path)).json["approval"] == yes.json
    live = await at.call("marketer", "POST", f"{path}/publish")
    assert (live.status, live.json["status"]) == (200, "live")


async def test_an_edit_of_a_live_offer_waits_and_says_so(at: House) -> None:
    path = await written(at)
    await at.call("marketer", "POST", f"{path}/publish")
    await at.call("admin", "POST", f"{path}/approve")
    await at.call("marketer", "POST", f"{path}/publish")
    changed = (await at.call("marketer", "GET", path)).json["document"] | {"priority": 70}
    answer = await at.call("marketer", "PUT", path, changed)
    assert (answer.status, answer.json["version"], answer.json["live_version"]) == (200, 2, 1)
    assert "Version 2 waits" in answer.json["warnings"][0]["message"]
    assert (await at.call("admin", "GET", f"{path}?version=1")).json["approval"]["state"] == "approved"
    stale = await at.call("admin", "POST", f"{path}/approve", {"version": 1})
    assert (stale.status, stale.json["code"], stale.json["version"]) == (409, "version_changed", 2)


async def test_what_is_asked_for_under_a_key_stays_asked_and_is_answered_again(at: House) -> None:
    path = await written(at)
    first = await at.call("marketer", "POST", f"{path}/publish", Idempotency_Key="once")
    again = await at.call("marketer", "POST", f"{path}/publish", Idempotency_Key="once")
    assert (first.status, again.status, again.headers["Idempotent-Replayed"]) == (409, 409, "true")
    assert first.body == again.body
    assert again.headers["Content-Type"].startswith("application/problem+json")
    assert (await at.call("admin", "POST", f"{path}/approve")).status == 200


async def test_nothing_is_approved_that_nobody_asked_for_and_nothing_twice(at: House) -> None:
    path = await written(at)
    early = await at.call("admin", "POST", f"{path}/approve")
    assert (early.status, early.json["code"]) == (409, "not_requested")
    await at.call("marketer", "POST", f"{path}/publish")
    assert (await at.call("admin", "POST", f"{path}/approve")).status == 200
    twice = await at.call("colleague", "POST", f"{path}/approve")
    assert (twice.status, twice.json["code"]) == (409, "already_approved")
    assert (await at.call("admin", "POST", f"/v1/offers/{UUID(int=7)}/approve")).status == 404
    assert (await at.call("analyst", "POST", f"{path}/approve")).status == 403
    assert (await at.call("admin", "POST", f"{path}/approve", {"versions": 1})).status == 422


async def test_a_figure_of_a_few_people_is_not_told(at: House) -> None:
    async with at.pool.acquire() as db:
        await db.execute("UPDATE customers SET location = false WHERE id IN (SELECT id FROM customers LIMIT 5)")
        path = await written(at)
        asked = await at.call("marketer", "POST", f"{path}/publish")
        await db.execute("UPDATE customers SET location = true")
    assert (asked.json["code"], asked.json["expected_customers"]) == ("approval_required", None)
    assert "a few customers" in asked.json["detail"]
    assert (await at.call("admin", "GET", path)).json["approval"]["expected_customers"] is None
