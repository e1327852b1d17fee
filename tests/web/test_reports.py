"""/v1/reports/funnel through the door: ranges, groups, money, and people who are not to be told apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from server.model.money import Money
from server.store import funnel
from server.store.pool import Pool
from server.store.reports import Counts
from server.web import reports
from server.web.reports import blank, main_currency, row_of
from tests import lives
from tests.lives import MORNING, row
from tests.web.authors import House, house
from tests.web.serving import settings_with

DAY = "from=2026-11-03&to=2026-11-04"
STEPS = ("decided", "delivered", "opened", "clicked", "passes", "redeemed", "control", "converted")


@pytest.fixture
async def at(pool: Pool) -> AsyncIterator[House]:
    """The door of reports where three people are enough."""
    async with house(pool, reports, settings=settings_with(privacy__min_group=3)) as served:
        yield served


async def fill(pool: Pool, *, people: int = 3, **changes: Any) -> None:
    """Let some people have one moment each, deliver them, and roll up."""
    async with pool.acquire() as db:
        for number in range(people):
            moment = row(number, **changes)
            await lives.decide(db, moment)
            if not moment.held_out:
                await lives.told(db, moment, "delivered")
    await funnel.roll(pool)


async def rows(at: House, query: str = DAY) -> list[dict[str, Any]]:
    answer = await at.call("analyst", "GET", f"/v1/reports/funnel?{query}")
    assert answer.status == 200, answer.body
    return answer.json["rows"]


async def test_the_funnel_by_offer_is_what_happened(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        await lives.offer_row(db, name="coffee")
        for number in range(4):
            moment = row(number)
            await lives.decide(db, moment)
            await lives.told(db, moment, *("delivered", "opened", "clicked")[:number])
            if number > 1:
                await lives.redeem(db, await lives.accept(db, moment))
        await lives.decide(db, row(9, held_out=True))
    await funnel.roll(pool)
    answer = await at.call("marketer", "GET", f"/v1/reports/funnel?{DAY}")
    said = answer.json
    assert not said["rows"][0].pop("lift")["redemptions"]["enough"]
    assert said == {
        "by": "offer",
        "from": "2026-11-02T23:00:00Z",
        "to": "2026-11-03T23:00:00Z",
        "rows": [
            {
                "key": str(lives.offer_of(1)),
                "label": "coffee",
                "decided": 4,
                "delivered": 3,
                "opened": 2,
                "clicked": 1,
                "passes": 2,
                "redeemed": 2,
                "value": {"minor": 500, "currency": "EUR"},
                "control": 1,
                "converted": 0,
                "suppressed": False,
            }
        ],
    }


async def test_groups_of_too_few_people_are_blanked_and_stand_last(at: House, pool: Pool) -> None:
    await fill(pool, people=2, variant="aa")
    await fill(pool, people=3, variant="mm")
    await fill(pool, people=4, variant="zz")
    shown, blanked, with_it = await rows(at, f"{DAY}&by=variant")
    assert (shown["key"], shown["decided"], shown["suppressed"]) == ("zz", 4, False)
    assert (with_it["key"], with_it["suppressed"]) == ("mm", True)  # else the rest of the sum would be the small one
    assert blanked == dict.fromkeys((*STEPS, "value")) | {"key": "aa", "label": "aa", "suppressed": True}


async def test_many_moments_of_one_person_are_still_one_person(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        await lives.decide(db, *(row(1, at=MORNING + timedelta(minutes=each)) for each in range(40)))
    await funnel.roll(pool)
    assert [each["suppressed"] for each in await rows(at)] == [True]


async def test_days_are_read_in_the_programmes_zone_and_half_open(at: House, pool: Pool) -> None:
    midnight = MORNING.replace(hour=23, minute=0, second=0)  # of the 4th, in Berlin
    await fill(pool, at=midnight)
    assert await rows(at, "from=2026-11-03&to=2026-11-04") == []
    assert [each["decided"] for each in await rows(at, "from=2026-11-04&to=2026-11-05")] == [3]


@pytest.mark.parametrize(
    ("query", "decided"),
    [
        ("from=2026-11-03T08:07:30Z&to=2026-11-03T08:07:31Z", [3]),
        ("from=2026-11-03T08:07:30.000001Z&to=2026-11-03T08:08:00Z", []),
        ("from=2026-11-03T08:00:00Z&to=2026-11-03T08:07:30Z", []),
        ("from=2026-11-03T09:00:00%2B01:00&to=2026-11-03T09:15:00+01:00", [3]),
        ("from=2026-11-03&to=2026-11-03T08:07:31Z", [3]),
    ],
)
async def test_a_range_of_instants_is_exact(at: House, pool: Pool, query: str, decided: list[int]) -> None:
    await fill(pool)
    assert [each["decided"] for each in await rows(at, query)] == decided


async def test_every_grouping_has_keys_and_labels(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        await db.execute(
            "INSERT INTO geofences (id, name, lat, lon, radius_m, changed) VALUES ($1, 'Park', 1, 1, 50, 1)",
            UUID(int=7),
        )
    await fill(pool, place_id=UUID(int=7), weather="rain", local_hour=7, weekday=1)
    await fill(pool, people=4, local_hour=23, weekday=6, local_day=MORNING.date() - timedelta(days=1))
    told = {}
    for by in ("offer", "store", "channel", "variant", "placement", "hour", "weekday", "weather", "day"):
        told[by] = [(each["key"], each["label"], each["decided"]) for each in await rows(at, f"{DAY}&by={by}")]
    assert told == {
        "offer": [(str(lives.offer_of(1)), str(lives.offer_of(1)), 7)],
        "store": [("none", "no place", 4), (str(UUID(int=7)), "Park", 3)],
        "channel": [("in_app", "in_app", 7)],
        "variant": [("card", "card", 7)],
        "placement": [("card", "card", 7)],
        "hour": [("7", "07:00–08:00", 3), ("23", "23:00–24:00", 4)],
        "weekday": [("tue", "Tuesday", 3), ("sun", "Sunday", 4)],
        "weather": [("unknown", "unknown", 4), ("rain", "rain", 3)],
        "day": [("2026-11-02", "2026-11-02", 4), ("2026-11-03", "2026-11-03", 3)],
    }


async def test_one_offer_alone_can_be_asked_for(at: House, pool: Pool) -> None:
    await fill(pool, offer=1)
    await fill(pool, offer=2, people=4)
    assert [each["decided"] for each in await rows(at, f"{DAY}&by=variant&offer_id={lives.offer_of(2)}")] == [4]


async def test_value_is_told_in_the_currency_of_most_redemptions(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        for number in range(3):
            moment = row(number)
            await lives.decide(db, moment)
            value = Money(100, "CHF") if number else Money(9000, "EUR")
            await lives.redeem(db, await lives.accept(db, moment, value=value))
    await funnel.roll(pool)
    [counted] = await rows(at)
    assert counted["value"] == {"minor": 200, "currency": "CHF"}
    assert counted["values"] == [{"minor": 200, "currency": "CHF"}, {"minor": 9000, "currency": "EUR"}]


async def test_before_anything_was_redeemed_the_currency_is_that_of_the_offers(at: House, pool: Pool) -> None:
    await fill(pool)
    assert [each["value"] for each in await rows(at)] == [{"minor": 0, "currency": "XXX"}]
    async with pool.acquire() as db:
        await lives.offer_row(db, document='{"reward": {"value": {"minor": 1, "currency": "EUR"}}}')
    assert [each["value"] for each in await rows(at)] == [{"minor": 0, "currency": "EUR"}]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", ["from", "to"]),
        ("from=2026-11-03", ["to"]),
        ("from=yesterday&to=2026-11-03", ["from"]),
        ("from=2026-11-03T00:00:00&to=2026-11-04", ["from"]),
        ("from=2026-11-31&to=2026-12-01", ["from"]),
        ("from=0001-01-01&to=9999-12-31", ["from", "to"]),
        ("from=2026-11-03&to=2026-11-03", ["to"]),
        ("from=2026-11-04&to=2026-11-03", ["to"]),
        (f"{DAY}&by=customer", ["by"]),
        (f"{DAY}&offer_id=coffee", ["offer_id"]),
        (f"{DAY}&colour=red", ["colour"]),
    ],
)
async def test_a_wrong_query_is_told_with_its_fields(at: House, query: str, fields: list[str]) -> None:
    answer = await at.call("analyst", "GET", f"/v1/reports/funnel?{query}")
    assert answer.status == 422
    assert [each["field"] for each in answer.json["errors"]] == fields


async def test_who_is_no_reader_reads_nothing(at: House) -> None:
    assert (await at.call(None, "GET", f"/v1/reports/funnel?{DAY}")).status == 401
    assert (await at.call("crm", "GET", f"/v1/reports/funnel?{DAY}")).status == 403


def counts(**changes: Any) -> Counts:
    usual: dict[str, Any] = dict.fromkeys(STEPS, 5) | {"key": ("card",), "people": None}
    return Counts(**(usual | changes))


@pytest.mark.parametrize(("people", "suppressed"), [(0, True), (9, True), (10, False), (64, False)])
def test_the_least_group_is_the_first_that_is_shown(people: int, suppressed: bool) -> None:
    [blanked] = [blank([counts(people=frozenset(range(people)))], least=10)]
    shown = row_of(counts(), by="variant", currency="EUR", suppressed=("card",) in blanked)
    assert shown.suppressed is suppressed
    assert (shown.decided is None) is suppressed


def test_of_currencies_used_as_often_the_first_by_name_is_the_main_one() -> None:
    assert main_currency([counts(redemptions={"EUR": 2}), counts(redemptions={"CHF": 2})]) == "CHF"
    assert main_currency([counts()]) is None
