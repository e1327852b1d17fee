"""Another system's list of customers over HTTP: a report of every row, a trial run, and no duplicates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from server.store import audit, keys
from server.store.pool import Pool
from server.web.access import ACCESS
from server.web.customer_imports import CSV_EXAMPLE
from server.web.doors import all_doors
from tests.web.house import House
from tests.web.serving import Answered, serving, settings_with

PATH = "/v1/customers/import"


class Clock:
    """The machine's."""

    def now(self) -> datetime:
        return datetime.now(UTC)


async def open_house(pool: Pool, *, kind: str = "crm", **changes: Any) -> AsyncIterator[House]:
    async with pool.acquire() as db:
        made = await keys.create(db, kind=kind)
    assert made is not None
    doors = all_doors(("customer_imports", "crm"))
    async with serving(doors, settings_with(**changes), pool, table=ACCESS, clock=Clock()) as served:
        yield House(served, pool, made.token)


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    async for each in open_house(pool, limits__import_rows=10):
        yield each


async def take(house: House, table: str | bytes, query: str = "", media: str = "text/csv") -> Answered:
    return await house.call("POST", PATH + query, data=table, headers={"Content-Type": media})


async def test_every_row_is_answered_for(house: House) -> None:
    table = "external_id,locale,attr.tier,colour\nC-1,de-DE,gold,red\nC-2,?,,\nC-1,,,\n"
    first = await take(house, table)
    assert first.status == 200
    assert first.json == {
        "dry_run": False,
        "imported": 1,
        "updated": 0,
        "refused": [
            {"index": 1, "field": "locale", "message": "must look like de-DE"},
            {"index": 2, "field": "external_id", "message": "is that of row 1, too"},
        ],
        "ignored": ["colour"],
    }
    again = (await take(house, table)).json
    assert (again["imported"], again["updated"], again["refused"]) == (0, 1, first.json["refused"])


async def test_a_trial_run_writes_nothing(house: House) -> None:
    trial = (await take(house, "external_id\nC-1\n", "?dry_run=true")).json
    assert (trial["dry_run"], trial["imported"]) == (True, 1)
    async with house.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM customers") == 0
    assert (await take(house, "external_id\nC-1\n", "?dry_run=false")).json["imported"] == 1
    assert (await take(house, "external_id\nC-1\n", "?dry_run=perhaps")).status == 422


async def test_what_was_imported_is_the_one_that_other_doors_know(house: House) -> None:
    await take(house, CSV_EXAMPLE)
    upserted = await house.call("PUT", "/v1/customers/C-4711", json={})
    assert upserted.json["created"] is False
    async with house.pool.acquire() as db:
        [row] = await db.fetch("SELECT locale, time_zone, attributes, push, location FROM customers")
    assert tuple(row) == ("de-DE", "Europe/Berlin", '{"tier": "gold", "visits": 12, "newsletter": true}', True, False)


async def test_fifty_at_once_make_each_customer_once(house: House) -> None:
    table = "external_id\n" + "".join(f"C-{number}\n" for number in range(10))
    answers = await asyncio.gather(*(take(house, table) for _ in range(50)))
    assert {answer.status for answer in answers} == {200}
    assert sum(answer.json["imported"] for answer in answers) == 10
    assert sum(answer.json["updated"] for answer in answers) == 490
    async with house.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM customers") == 10


@pytest.mark.parametrize(
    ("table", "media", "status"),
    [
        (b"", "text/csv", 422),
        (b"locale\nde-DE\n", "text/csv", 422),
        (b"external_id\n\xff\n", "text/csv", 400),
        (b"external_id\nC-1\n", "application/json", 415),
        (b"external_id\nC-1\n", "text/csv; charset=latin-1", 415),
        (b"external_id\n" + b"C\n" * 11, "text/csv", 422),
    ],
)
async def test_what_is_no_table_is_refused_whole(house: House, table: bytes, media: str, status: int) -> None:
    assert (await take(house, table, media=media)).status == status


@pytest.mark.parametrize(("kind", "lines"), [("crm", 0), ("admin", 1)])
async def test_what_a_person_imports_is_audited_and_a_machines_doing_is_not(pool: Pool, kind: str, lines: int) -> None:
    async for house in open_house(pool, kind=kind):
        await take(house, "external_id\nC-1\n", "?dry_run=true")
        assert (await take(house, "external_id\nC-1\n")).status == 200
    async with pool.acquire() as db:
        told = [entry.action for entry in await audit.page(db, before=None, limit=9)]
    assert told == ["customer.import"] * lines
