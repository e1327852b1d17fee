"""GET /v1/holidays: the calendar that counts at a place, against days that are written in law."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from server.store.pool import Pool
from server.web.doors import all_doors
from tests.web.marketing import Desk, fields_of, token_of
from tests.web.serving import serving, settings_with


class Standing:
    """A clock that stands at a quarter to midnight in London: in Berlin it is the next day."""

    def now(self) -> datetime:
        return datetime(2026, 12, 24, 23, 45, tzinfo=UTC)


@pytest.fixture(scope="module")
async def desk(shared_pool: Pool) -> AsyncIterator[Desk]:
    async with serving(all_doors(("holidays",)), settings_with(), shared_pool, clock=Standing()) as served:
        yield Desk(served, await token_of(shared_pool, "analyst"))


async def ask(desk: Desk, query: str) -> Any:
    answer = await desk.call("GET", f"/v1/holidays?{query}")
    assert answer.status == 200, answer.body
    return answer.json


async def test_the_next_holidays_are_told_from_today_in_the_programmes_zone(desk: Desk) -> None:
    told = await ask(desk, "country=DE&region=BE")
    assert (told["from"], told["to"], told["known"]) == ("2026-12-25", "2027-12-26", True)
    assert told["holidays"][:4] == [
        {"day": "2026-12-25", "name": "Christmas Day"},
        {"day": "2026-12-26", "name": "Second Day of Christmas"},
        {"day": "2027-01-01", "name": "New Year's Day"},
        {"day": "2027-03-08", "name": "Women's Day"},  # in Berlin, since 2019
    ]
    assert [each["day"] for each in told["holidays"]] == sorted(each["day"] for each in told["holidays"])
    assert "2027-12-25" in {each["day"] for each in told["holidays"]}


async def test_a_region_has_days_of_its_own(desk: Desk) -> None:
    days = {
        region: {each["day"] for each in (await ask(desk, f"country=DE&region={region}"))["holidays"]}
        for region in ("BY", "DE-BY", "HH")
    }
    country = {each["day"] for each in (await ask(desk, "country=DE"))["holidays"]}
    assert days["BY"] == days["DE-BY"]
    assert "2027-11-01" in days["BY"] - days["HH"]  # All Saints
    assert country == days["BY"] & days["HH"] & country
    assert {"2027-10-03", "2027-05-01"} <= country


async def test_names_come_in_german_where_the_calendar_has_them(desk: Desk) -> None:
    german = {each["day"]: each["name"] for each in (await ask(desk, "country=DE&language=de"))["holidays"]}
    french = (await ask(desk, "country=FR&language=de"))["holidays"]
    assert german["2027-10-03"] == "Tag der Deutschen Einheit"
    assert {"day": "2027-07-14", "name": "National Day"} in french


async def test_a_span_may_be_asked_for(desk: Desk) -> None:
    told = await ask(desk, "country=AT&from=2026-10-26&to=2026-10-27")
    assert told["holidays"] == [{"day": "2026-10-26", "name": "National Day"}]
    assert (await ask(desk, "country=AT&from=2026-10-27&to=2026-11-01"))["holidays"] == []


@pytest.mark.parametrize(("query", "regions"), [("country=DE&region=ZZ", 17), ("country=ZZ", 0)])
async def test_a_calendar_that_nobody_knows_is_said_to_be_so(desk: Desk, query: str, regions: int) -> None:
    told = await ask(desk, query)
    assert (told["known"], told["holidays"]) == (False, [])
    assert len(told["regions"]) >= regions
    assert bool(told["regions"]) == bool(regions)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", ["country"]),
        ("country=de", ["country"]),
        ("country=DEU", ["country"]),
        ("country=DE&region=", ["region"]),
        ("country=DE&region=abcdefghijk", ["region"]),
        ("country=DE&from=1979-12-31", ["from"]),
        ("country=DE&to=2101-01-01", ["to"]),
        ("country=DE&from=2026-02-02&to=2026-02-02", ["to"]),
        ("country=DE&from=2026-01-01&to=2031-01-01", ["to"]),
        ("country=DE&language=fr", ["language"]),
        ("country=x&region=%20abcdefghijk", ["country", "region"]),
    ],
)
async def test_what_is_no_calendar_is_refused_by_its_name(desk: Desk, query: str, fields: list[str]) -> None:
    assert fields_of(await desk.call("GET", f"/v1/holidays?{query}")) == fields
