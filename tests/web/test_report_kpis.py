"""/v1/reports/kpis: figures with their definitions, or why there is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.model.money import Money
from server.store.clock import DatabaseClock
from server.store.headcount import Lives, Orders, Scores, Visits
from server.store.kpis import Asked
from server.store.pool import Pool
from server.web import crm, report_kpis
from server.web.report_kpis import Kpi, rows_of, weeks_of
from tests.store.test_kpis import told
from tests.web.authors import house
from tests.web.serving import settings_with


def shown(lives: Lives, *, least: int = 10, **changes: Any) -> dict[str, Kpi]:
    usual: dict[str, Any] = {
        "orders": [Orders("EUR", 40, 20_000, 20), Orders("CHF", 1, 9, 1)],
        "scores": Scores(20, 14, 2),
        "visits": Visits(60, 20, 10),
    }
    return {each.key: each for each in rows_of(lives, least=least, **(usual | changes))}


HOUSE = Lives(start=100, end=105, new=20, buyers=40, repeating=10, days=60)


def test_figures_come_with_what_was_divided_by_what() -> None:
    found = shown(HOUSE)
    assert {key: (each.value, each.numerator, each.denominator) for key, each in found.items()} == {
        "crr": (85, 85, 100),
        "churn": (15, 15, 100),
        "repeat_rate": (25, 10, 40),
        "clv": (pytest.approx(500 * 1.5 * 100 / 15), None, None),
        "nps": (60, 12, 20),
        "visits_per_week": (3, 60, 20),
    }
    assert all(each.note is None and each.definition for each in found.values())
    assert (found["clv"].currency, found["clv"].parts) == (
        "EUR",
        {"average_order_value": 500, "frequency": 1.5, "lifespan": pytest.approx(100 / 15)},
    )


@pytest.mark.parametrize(
    ("key", "changes", "note"),
    [
        ("crr", {"lives": HOUSE._replace(start=9)}, "fewer than 10 customers at the start"),
        ("churn", {"lives": HOUSE._replace(start=0)}, "fewer than 10 customers at the start"),
        ("repeat_rate", {"lives": HOUSE._replace(buyers=9)}, "fewer than 10 customers bought or redeemed"),
        ("nps", {"scores": Scores(9, 9, 0)}, "fewer than 10 customers answered"),
        ("visits_per_week", {"visits": Visits(500, 90, 9)}, "fewer than 10 customers came"),
        ("visits_per_week", {"visits": None}, "no whole week (from Monday) of which visits are still known"),
        ("clv", {"orders": []}, "fewer than 10 customers bought"),
        ("clv", {"orders": [Orders("EUR", 40, 20_000, 9)]}, "fewer than 10 customers bought"),
        ("clv", {"lives": HOUSE._replace(start=3)}, "the churn is not known"),
        ("clv", {"lives": HOUSE._replace(end=120)}, "nobody left in the range"),
    ],
)
def test_where_there_is_not_enough_it_is_said_what_is_missing(key: str, changes: dict[str, Any], note: str) -> None:
    row = shown(**({"lives": HOUSE} | changes))[key]
    assert (row.value, row.numerator, row.denominator, row.parts) == (None, None, None, None)
    assert row.note is not None
    assert row.note.startswith(f"not enough data: {note}")


MONDAY = datetime(2026, 10, 4, 22, tzinfo=UTC)  # in Berlin, where the clocks go back on the 25th


@pytest.mark.parametrize(
    ("start", "end", "since", "weeks"),
    [
        (MONDAY, MONDAY + timedelta(weeks=2), MONDAY, (MONDAY, MONDAY + timedelta(weeks=2))),
        (MONDAY + timedelta(seconds=1), MONDAY + timedelta(weeks=2), MONDAY, (MONDAY + timedelta(weeks=1),) * 2),
        (MONDAY - timedelta(days=6), MONDAY + timedelta(days=13), MONDAY, (MONDAY, MONDAY + timedelta(weeks=1))),
        (MONDAY, MONDAY + timedelta(weeks=2), MONDAY + timedelta(days=1), (MONDAY + timedelta(weeks=1),) * 2),
        (MONDAY, MONDAY + timedelta(days=6), MONDAY, None),
        (MONDAY, MONDAY + timedelta(weeks=1), MONDAY + timedelta(days=2), None),
        (
            MONDAY + timedelta(weeks=2),
            MONDAY + timedelta(weeks=4, days=1),
            MONDAY,
            (MONDAY + timedelta(weeks=2), MONDAY + timedelta(weeks=4, hours=1)),
        ),
    ],
)
def test_visits_are_those_of_whole_weeks_that_are_still_known(
    start: datetime, end: datetime, since: datetime, weeks: tuple[datetime, datetime] | None
) -> None:
    found = weeks_of(Asked(start, end, "Europe/Berlin"), kept_since=since)
    if weeks is not None and weeks[0] == weeks[1]:
        weeks = weeks[0], weeks[0] + timedelta(weeks=1)
    assert (None if found is None else (found.start, found.end)) == weeks


async def test_from_what_other_systems_tell_to_the_report(pool: Pool) -> None:
    clock = DatabaseClock()
    async with pool.acquire() as db:
        now = await clock.sync(db)
        for of in range(6):
            await told(db, of, "purchase", now - timedelta(days=40))
            if of < 4:
                await told(db, of, "purchase", now - timedelta(days=3), amount=Money(300, "EUR"))
        await db.execute("INSERT INTO segments (name, id) VALUES ('nobody', gen_random_uuid())")
    settings = settings_with(privacy__min_group=3)
    since = (now - timedelta(days=30)).date()
    async with house(pool, crm, report_kpis, settings=settings, clock=clock) as at:
        answer = await at.call("analyst", "GET", f"/v1/reports/kpis?from={since}&to=2099-01-01")
        assert answer.status == 200, answer.body
        found = {each["key"]: each for each in answer.json["rows"]}
        assert (found["crr"]["value"], found["churn"]["value"]) == (pytest.approx(400 / 6), pytest.approx(200 / 6))
        assert found["clv"]["value"] == pytest.approx(900)  # 3.00 x once x three such ranges
        assert (found["repeat_rate"]["value"], found["nps"]["value"]) == (0, None)
        assert answer.json["active_days"] == settings.reports.active_days
        own = await at.call("analyst", "GET", f"/v1/reports/kpis?from={since}&to=2099-01-01&segment=nobody")
        assert {each["value"] for each in own.json["rows"]} == {None}
        file = await at.call("analyst", "GET", f"/v1/reports/kpis?from={since}&to=2099-01-01&format=csv")
        assert file.body.decode("utf-8-sig").splitlines()[2].startswith('"churn","33.3')
        for query, field in (("&segment=strangers", "segment"), ("&by=x", "by")):
            wrong = await at.call("analyst", "GET", f"/v1/reports/kpis?from={since}&to=2099-01-01{query}")
            assert [each["field"] for each in wrong.json["errors"]] == [field]
        future = await at.call("analyst", "GET", "/v1/reports/kpis?from=2098-01-01&to=2099-01-01")
        assert [each["field"] for each in future.json["errors"]] == ["from"]
