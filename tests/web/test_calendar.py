"""GET /v1/calendar through the door: what is planned, whom it reaches, what is blanked, and what is no calendar."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from server.errors import Invalid
from server.pipeline.rules import Rules
from server.store.clock import DatabaseClock
from server.store.pool import Pool
from server.web import approvals, calendar, offers, programme
from server.web.calendar import CalendarQuery, span_of
from tests.oracles import Poisson
from tests.pipeline.town import Town
from tests.web.authors import PROGRAMME, House, document, house
from tests.web.serving import settings_with

CUSTOMERS, REGULARS, DAYS = 30, 20, 14
BERLIN = ZoneInfo("Europe/Berlin")

VISIT = """
INSERT INTO pings (bucket, customer_id, id, at, received_at, cell, geofence_ids)
SELECT $1, $2, gen_random_uuid(), day, day, '', ARRAY[$3::uuid]
FROM generate_series($4::timestamptz, $5::timestamptz, '1 day') AS day
"""


class Shop:
    """A house of thirty customers, twenty of whom came to one shop every day for two weeks; one came to another."""

    def __init__(self, at: House, rules: Rules, today: date) -> None:
        self.at, self.rules, self.today = at, rules, today
        self.offers: dict[str, str] = {}

    async def write(self, name: str, *steps: str, **changes: Any) -> None:
        made = await self.at.call("marketer", "POST", "/v1/offers", document(name, **changes))
        assert made.status == 201, made.body
        self.offers[name] = made.json["id"]
        for step in steps:
            by = "admin" if step == "approve" else "marketer"
            await self.at.call(by, "POST", f"/v1/offers/{made.json['id']}/{step}")

    async def look(self, query: str = "", *, by: str = "analyst") -> Any:
        answer = await self.at.call(by, "GET", f"/v1/calendar{query}")
        assert answer.status == 200, answer.body
        return answer.json


@pytest.fixture(scope="module")
async def shop(shared_pool: Pool) -> AsyncIterator[Shop]:
    clock, rules, town = DatabaseClock(), Rules(shared_pool, PROGRAMME), Town(shared_pool)
    async with shared_pool.acquire() as db:
        now = await clock.sync(db)
    here = await town.open_shop(tags=("here",))
    there = await town.open_shop(name="Nord", tags=("there",))
    customers = await town.customers(CUSTOMERS)
    noon = now.astimezone(BERLIN).replace(hour=12, minute=0, second=0, microsecond=0)
    async with shared_pool.acquire() as db:
        for number, each in enumerate(customers[: REGULARS + 1]):
            fence = here.fence if number < REGULARS else there.fence
            first, last = noon - timedelta(days=DAYS), noon - timedelta(days=1)
            await db.execute(VISIT, each.int & 1023, each, fence, first, last)
    await rules.refresh()
    settings = settings_with(publish__approval_above=25)
    modules = (offers, approvals, calendar, programme)
    async with house(shared_pool, *modules, settings=settings, clock=clock, rules=rules) as at:
        opened = Shop(at, rules, now.astimezone(BERLIN).date())
        later = (opened.today + timedelta(days=3)).isoformat()
        at_here, at_there = ({"trigger": "enter", "places": {"tag": tag}} for tag in ("here", "there"))
        await opened.write("here", "publish", when=at_here)
        await opened.write("later", "publish", when=at_here, active={"from": later})
        await opened.write("few", "publish", when=at_there)
        birthday = {"trigger": "event", "event": "birthday", "places": {"any": True}}
        await opened.write("birthdays", "publish", "approve", when=birthday)
        await opened.write("waiting", "publish", when=birthday)
        await opened.write("draft", when=at_here)
        yield opened


def named(day: Any) -> dict[str, Any]:
    return {each["name"]: each for each in day["offers"]}


async def test_four_weeks_from_today_are_shown_with_what_is_planned_and_how_far_it_is(shop: Shop) -> None:
    told = await shop.look()
    assert (told["from"], told["zone"], told["paused"]) == (shop.today.isoformat(), "Europe/Berlin", False)
    assert [each["day"] for each in told["days"]] == [(shop.today + timedelta(days=n)).isoformat() for n in range(28)]
    assert told["recorded"] == {"days": DAYS, "share": 1.0}
    first, fourth = named(told["days"][0]), named(told["days"][3])
    assert {name: each["state"] for name, each in first.items()} == {
        "here": "live", "few": "live", "birthdays": "approved",
    }  # fmt: skip
    assert fourth["later"]["state"] == "scheduled"
    assert set(fourth) - set(first) == {"later"}
    assert first["here"]["offer_id"] == shop.offers["here"]


async def test_days_before_an_offer_was_published_or_approved_are_without_it(shop: Shop) -> None:
    earlier = "UPDATE offers SET published_at = published_at + $2::interval WHERE id = $1"
    async with shop.at.pool.acquire() as db:
        await db.execute(earlier, shop.offers["here"], timedelta(days=-1))
        told = await shop.look(f"?from={(shop.today - timedelta(days=2)).isoformat()}")
        await db.execute(earlier, shop.offers["here"], timedelta(days=1))
    before, yesterday, today = (set(named(day)) for day in told["days"][:3])
    assert (before, yesterday, today) == (set(), {"here"}, {"here", "few", "birthdays"})


async def test_audiences_are_those_of_approvals_and_small_ones_are_blanked(shop: Shop) -> None:
    [day] = (await shop.look(f"?from={shop.today}&to={shop.today + timedelta(days=1)}"))["days"]
    offers_ = named(day)
    assert (offers_["here"]["audience"], offers_["here"]["basis"]) == (REGULARS, "visits")
    assert offers_["here"]["visitors"] == round(REGULARS * (1 - math.exp(-1)))
    assert offers_["few"] | {"offer_id": 0, "version": 1} == {
        "offer_id": 0, "name": "few", "version": 1, "state": "live", "audience": None, "visitors": None,
        "basis": "visits", "suppressed": True,
    }  # fmt: skip
    asked = await shop.at.call("analyst", "GET", f"/v1/offers/{shop.offers['birthdays']}")
    assert offers_["birthdays"]["audience"] == asked.json["approval"]["expected_customers"] == CUSTOMERS
    assert (offers_["birthdays"]["visitors"], offers_["birthdays"]["basis"]) == (None, "consents")
    assert (day["audience"], day["suppressed"]) == (CUSTOMERS, False)


async def test_a_small_audience_is_not_found_by_taking_the_others_from_the_sum(shop: Shop) -> None:
    """Without birthdays for everybody the day has the regulars, and one who is reached by a small offer alone."""
    only = {"trigger": "event", "event": "birthday", "places": {"any": True}}
    path = f"/v1/offers/{shop.offers['birthdays']}"
    rewritten = document("birthdays", when=only, active={"from": (shop.today + timedelta(days=50)).isoformat()})
    await shop.at.call("marketer", "PUT", path, rewritten)
    [day] = (await shop.look(f"?from={shop.today}&to={shop.today + timedelta(days=1)}"))["days"]
    assert set(named(day)) == {"here", "few"}
    assert named(day)["here"]["audience"] == REGULARS
    assert (day["suppressed"], day["audience"], day["capped_share"]) == (True, None, None)
    await shop.at.call("marketer", "PUT", path, document("birthdays", when=only))
    for step, by in (("publish", "marketer"), ("approve", "admin")):
        await shop.at.call(by, "POST", f"{path}/{step}")


async def test_the_share_that_meets_a_cap_is_that_of_the_recorded_visits(shop: Shop) -> None:
    """One visit a day, for sure not more often: three messages a week are soon had by the regulars."""
    [day] = (await shop.look(f"?from={shop.today}&to={shop.today + timedelta(days=1)}"))["days"]
    dice = Poisson(1.0)
    states = {0: 1.0}
    for _ in range(6):
        after: dict[int, float] = {}
        for had, chance in states.items():
            for due in range(12):
                told = min(3, had + min(2, due))
                after[told] = after.get(told, 0.0) + chance * dice.pmf(due)
        states = after
    of_regulars = 1 - sum(chance * dice.cdf(min(2, 3 - had)) for had, chance in states.items())
    assert day["capped_share"] == pytest.approx(of_regulars * (REGULARS + 1) / CUSTOMERS, abs=0.001)


async def test_a_paused_programme_is_said_and_its_plan_is_still_shown(shop: Shop) -> None:
    for paused in (True, False):
        await shop.at.call("admin", "PUT", "/v1/programme", {"paused": paused})
        told = await shop.look()
        assert (told["paused"], len(told["days"][0]["offers"])) == (paused, 3)


async def test_many_who_look_at_once_are_all_answered_alike(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.look() for _ in range(4)))
    assert all(each == answers[0] for each in answers)


@pytest.mark.parametrize(
    "query", ["from=2026-11-02&to=2026-11-02", "from=2026-01-01&to=2026-06-01", "from=x", "day=1", "from=1900-01-01"]
)
async def test_what_is_no_span_is_refused(shop: Shop, query: str) -> None:
    assert (await shop.at.call("analyst", "GET", f"/v1/calendar?{query}")).status == 422


async def test_other_systems_and_apps_have_no_calendar(shop: Shop) -> None:
    for kind in ("crm", "app"):
        assert (await shop.at.call(kind, "GET", "/v1/calendar")).status == 403


def test_a_quarter_is_the_most() -> None:
    today = date(2026, 11, 2)
    assert span_of(CalendarQuery(), today, most=92) == (today, today + timedelta(days=28))
    assert span_of(CalendarQuery(), today, most=7) == (today, today + timedelta(days=7))
    assert span_of(CalendarQuery(end=today + timedelta(days=92)), today, most=92)[1] == today + timedelta(days=92)
    with pytest.raises(Invalid):
        span_of(CalendarQuery(end=today + timedelta(days=93)), today, most=92)
