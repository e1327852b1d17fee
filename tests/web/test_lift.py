"""What a report tells of a lift, and what it keeps to itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from server.pipeline.lift import Arm
from server.store import funnel, trials
from server.store.lift import Sums
from server.store.pool import Connection, Pool
from server.store.trials import Terms
from server.web import reports
from server.web.lift import arm_of, compare_all, money_of
from tests import lives
from tests.lives import MORNING, row
from tests.store.test_trials import comes, happens, offer
from tests.sums import sum_up
from tests.web.authors import House, house
from tests.web.serving import settings_with

DAY = "from=2026-11-03&to=2026-11-04"


@pytest.fixture
async def at(pool: Pool) -> AsyncIterator[House]:
    """The door of reports where three people are a group, and four in each arm are enough."""
    async with house(pool, reports, settings=settings_with(privacy__min_group=3, lift__min_customers=4)) as served:
        yield served


async def rows(at: House, query: str = DAY) -> list[dict[str, Any]]:
    answer = await at.call("analyst", "GET", f"/v1/reports/funnel?{query}")
    assert answer.status == 200, answer.body
    return answer.json["rows"]


async def test_from_the_first_moment_to_the_report(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        await offer(db, 1)
        await lives.decide(db, *(row(number, held_out=number >= 6) for number in range(10)))
        for number in (0, 1, 2, 6):
            await happens(db, number, "redemption", MORNING + timedelta(days=1))
            await happens(db, number, "purchase", MORNING + timedelta(days=1), 100 * (number + 1))
            await comes(db, number, MORNING + timedelta(days=2))
        await comes(db, 0, MORNING + timedelta(days=3))
    await funnel.roll(pool)
    [before] = await rows(at)
    assert before["lift"]["redemptions"] == {
        "treated": {"customers": None, "mean": None},
        "control": {"customers": None, "mean": None},
        "difference": None,
        "relative": None,
        "low": None,
        "high": None,
        "level": 0.95,
        "enough": False,
        "note": "not enough data: the control group has fewer than 4 customers whose time is over",
    }
    await trials.follow(pool, now=MORNING + timedelta(days=8))
    [told] = await rows(at)
    told = told["lift"]
    assert told["redemptions"]["treated"] == {"customers": 6, "mean": 0.5}
    assert told["redemptions"]["control"] == {"customers": 4, "mean": 0.25}
    assert (told["redemptions"]["difference"], told["redemptions"]["relative"]) == (0.25, 1.0)
    assert told["redemptions"]["low"] < 0.25 < told["redemptions"]["high"]
    assert (told["visits"]["treated"]["mean"], told["visits"]["control"]["mean"]) == (pytest.approx(4 / 6), 0.25)
    assert (told["value"]["treated"]["mean"], told["value"]["control"]["mean"]) == (100.0, 175.0)
    assert (told["value"]["currency"], told["value"]["difference"]) == ("EUR", -75.0)
    assert all(each["enough"] and each["note"] is None for each in told.values())


async def test_the_programmes_lift_is_that_of_its_own_trial(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        for number in (1, 2):
            await offer(db, number, holdout=None)
        await lives.decide(db, *(row(number, offer=1 + number % 2, held_out=number >= 6) for number in range(10)))
        for number in (0, 1, 6):
            await happens(db, number, "redemption", MORNING + timedelta(days=20))
    await funnel.roll(pool, terms=Terms(programme=True, within=timedelta(days=28)))
    await trials.follow(pool, now=MORNING + timedelta(days=29))
    [whole] = await rows(at, f"{DAY}&by=programme")
    assert (whole["key"], whole["label"], whole["decided"], whole["control"]) == ("programme", "Programme", 6, 4)
    assert whole["lift"]["redemptions"]["treated"] == {"customers": 6, "mean": pytest.approx(1 / 3)}
    assert whole["lift"]["redemptions"]["control"] == {"customers": 4, "mean": 0.25}
    by_offer = await rows(at)  # each offer's own trial was over after a week, when nobody had redeemed anything
    assert [each["lift"]["redemptions"]["enough"] for each in by_offer] == [False, False]


async def test_without_a_control_group_of_its_own_the_programme_has_no_lift(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        await offer(db)
        await lives.decide(db, *(row(number, held_out=number > 6) for number in range(10)))
    await funnel.roll(pool)
    [whole] = await rows(at, f"{DAY}&by=programme")
    assert whole["control"] == 3
    assert "lift" not in whole
    [own] = await rows(at)
    assert "lift" in own


async def test_where_nobody_is_held_out_there_is_no_lift(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        await offer(db, 1, holdout=None)
        await lives.decide(db, *(row(number) for number in range(5)))
    await funnel.roll(pool)
    assert ["lift" in each for each in await rows(at)] == [False]


async def test_a_group_that_is_blanked_tells_no_lift_either(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        await offer(db, 1)
        await lives.decide(db, row(1), row(2, held_out=True))
    await funnel.roll(pool)
    await trials.follow(pool, now=MORNING + timedelta(days=9))
    [blanked] = await rows(at)
    assert blanked["suppressed"]
    assert "lift" not in blanked


CELL = """
INSERT INTO lift_cells (slot, offer_id, place_id, channel, placement, variant, local_day, local_hour, weekday, weather,
                        currency, held_out, customers, reached, visits, visits_squared, value_minor, value_squared,
                        in_sums, in_place_sums)
VALUES ('2026-11-03 08:00Z', $1, $1, 'push', 'card', $2, $3, 9, 1, '', 'EUR', $4, $5, $6, 0, 0, 0, 0, true, true)
"""


async def test_each_variant_is_compared_with_those_who_would_have_seen_it(
    at: House, pool: Pool, db: Connection
) -> None:
    for name, arms in {"banner": ((900, 90), (100, 2)), "card": ((900, 45), (100, 5))}.items():
        for held_out, (customers, reached) in zip((False, True), arms, strict=True):
            await db.execute(CELL, UUID(int=1), name, date(2026, 11, 3), held_out, customers, reached)
        await lives.decide(db, *(row(number, variant=name) for number in range(4)))
    await sum_up(db)
    await funnel.roll(pool)
    told = {each["key"]: each["lift"]["redemptions"] for each in await rows(at, f"{DAY}&by=variant")}
    assert {name: round(each["difference"], 9) for name, each in told.items()} == {"banner": 0.08, "card": 0.0}
    assert told["banner"]["low"] > 0 > told["card"]["low"]


def sums(held_out: bool, customers: int, *, currency: str = "EUR", value: int = 0) -> Sums:
    return Sums("k", held_out, currency, customers, customers // 2, customers, customers, value, value * value)


@pytest.mark.parametrize(("customers", "told"), [(9, None), (10, 10), (99, 99)])
def test_an_arm_of_too_few_customers_is_not_told(customers: int, told: int | None) -> None:
    found = compare_all([sums(False, 500), sums(True, customers)], currency="EUR", hidden=10, least=100)["k"]
    for name in ("redemptions", "visits", "value"):
        measure = getattr(found, name)
        assert (measure.control.customers, measure.enough, measure.difference) == (told, False, None)
        assert (measure.control.mean is None) == (told is None)
        assert measure.treated.customers == 500


def test_money_of_another_currency_is_none_and_its_customers_count_all_the_same() -> None:
    both = [sums(False, 10, value=500), sums(False, 30, currency="CHF", value=900)]
    assert arm_of(both, "value", False, "EUR") == Arm(40, 500, 250_000)
    assert arm_of(both, "redemptions", False, "EUR") == Arm(40, 20, 20)


@pytest.mark.parametrize(
    ("seen", "asked", "told"),
    [
        ({}, "XXX", "XXX"),
        ({"EUR": 3}, "XXX", "EUR"),
        ({"EUR": 3, "CHF": 3}, "XXX", "CHF"),
        ({"EUR": 9, "CHF": 1}, "CHF", "CHF"),
    ],
)
def test_money_is_that_of_the_report_or_of_most_trials(seen: dict[str, int], asked: str, told: str) -> None:
    assert (
        money_of([sums(True, 0, currency=""), *(sums(False, n, currency=each) for each, n in seen.items())], asked)
        == told
    )


def test_only_money_has_a_currency() -> None:
    found = msgspec.to_builtins(compare_all([sums(True, 1)], currency="EUR", hidden=2, least=2)["k"])
    assert [name for name, each in found.items() if "currency" in each] == ["value"]
