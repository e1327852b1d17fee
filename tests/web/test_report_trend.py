"""/v1/reports/trend through the door: lines of offers, with holes where too few people are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.store import funnel
from server.store.pool import Pool
from server.web import report_trend
from tests import lives
from tests.lives import MORNING, row
from tests.web.authors import House, house
from tests.web.serving import settings_with

RANGE = "from=2026-11-02&to=2026-11-07"


async def rows(at: House, query: str) -> list[tuple[str, list[tuple[str, int | None, int | None]]]]:
    answer = await at.call("analyst", "GET", f"/v1/reports/trend?{query}")
    assert answer.status == 200, answer.body
    return [(each["name"], [tuple(point.values()) for point in each["points"]]) for each in answer.json["rows"]]


async def test_offers_have_a_line_each_by_day_and_by_hour(pool: Pool) -> None:
    async with pool.acquire() as db:
        await lives.offer_row(db, 1, name="coffee")
        await lives.offer_row(db, 2, name="bread")
        for offer, days in ((1, (0, 1, 1)), (2, (0, 2))):
            for day in days:
                at = MORNING + timedelta(days=day, hours=day)
                for number in range(3):
                    moment = row(number + 10 * day, at=at, offer=offer)
                    await lives.decide(db, moment)
                    if number == 0:
                        await lives.redeem(db, await lives.accept(db, moment))
    await funnel.roll(pool)
    async with house(pool, report_trend, settings=settings_with(privacy__min_group=3)) as at:
        by_day = [
            ("bread", [("2026-11-03", 3, 1), ("2026-11-05", 3, 1)]),
            ("coffee", [("2026-11-03", 3, 1), ("2026-11-04", 6, 2)]),
        ]
        assert await rows(at, RANGE) == by_day
        asked = f"{RANGE}&offer_id={lives.offer_of(1)},{lives.offer_of(3)}"
        assert await rows(at, asked) == by_day[1:]
        by_hour = [("coffee", [("2026-11-03T08:00:00Z", 3, 1), ("2026-11-04T09:00:00Z", 6, 2)])]
        assert await rows(at, f"{asked}&by=hour") == by_hour
        file = await at.call("analyst", "GET", f"/v1/reports/trend?{asked}&format=csv")
        assert file.body.decode("utf-8-sig").splitlines()[1].endswith('"coffee","2026-11-03","3","1"')


async def test_points_of_too_few_people_are_holes_that_no_sum_fills(pool: Pool) -> None:
    async with pool.acquire() as db:
        for day, people in enumerate((5, 2, 4)):
            at = MORNING + timedelta(days=day)
            await lives.decide(db, *(row(number, at=at) for number in range(people)))
    await funnel.roll(pool)
    async with house(pool, report_trend, settings=settings_with(privacy__min_group=3)) as at:
        [(_, points)] = await rows(at, RANGE)
    assert [decided for _, decided, _ in points] == [5, None, None]


@pytest.mark.parametrize(
    "query", ["from=2020-01-01&to=2026-01-01", "from=2026-10-01&to=2026-10-10&by=hour", f"{RANGE}&by=week"]
)
async def test_a_line_of_too_many_points_is_refused(pool: Pool, query: str) -> None:
    async with house(pool, report_trend) as at:
        answer = await at.call("analyst", "GET", f"/v1/reports/trend?{query}")
    assert answer.status == 422
    assert [each["field"] for each in answer.json["errors"]] == ["by" if "week" in query else "to"]
