"""Lists of customers: written part by part, once, with consents that are newer than what customers said themselves."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.pipeline import consent, customer_imports
from server.pipeline.customer_imports import STEP, Report, Terms
from server.pipeline.customer_sheets import read_customers
from server.pipeline.rules import Rules, programme_of
from server.store import customers
from server.store.customers import Profile
from server.store.pool import Pool
from tests.web.serving import settings_with

NOW = datetime.now(UTC)
YESTERDAY = (NOW - timedelta(days=1)).isoformat(timespec="seconds")


@pytest.fixture
async def rules(pool: Pool) -> Rules:
    return Rules(pool, programme_of(settings_with()))


async def take(pool: Pool, rules: Rules, table: str, *, dry_run: bool = False) -> Report:
    now = datetime.now(UTC)  # not NOW: a long run comes here minutes after this file was read
    reading = read_customers(table.encode(), rows=10_000, now=now)
    return await customer_imports.write(pool, reading, terms=Terms(rules, "2026-11", now), dry_run=dry_run)


async def profile(pool: Pool, external_id: str) -> Profile | None:
    async with pool.acquire() as db:
        known = await customers.by_external_id(db, external_id=external_id)
        return None if known is None else await customers.find(db, customer_id=known)


async def ledger(pool: Pool) -> list[tuple[Any, ...]]:
    async with pool.acquire() as db:
        rows = await db.fetch("SELECT purpose, granted, terms, source FROM consents ORDER BY at, purpose")
    return [tuple(row) for row in rows]


async def test_who_is_new_is_made_and_who_is_known_is_changed(pool: Pool, rules: Rules) -> None:
    first = await take(pool, rules, "external_id,locale,attr.tier\nC-1,de-DE,gold\nC-2,fr-FR,\n,x,y\n")
    assert (first.imported, first.updated, [each.index for each in first.refused]) == (2, 0, [2])
    second = await take(pool, rules, "external_id,time_zone,attr.visits:number\nC-1,Asia/Tokyo,3\nC-3,,\n")
    assert (second.imported, second.updated, second.refused) == (1, 1, [])
    found = await profile(pool, "C-1")
    assert found is not None
    assert (found.locale, found.time_zone, found.attributes) == ("de-DE", "Asia/Tokyo", {"tier": "gold", "visits": 3})


async def test_the_same_list_again_changes_nothing(pool: Pool, rules: Rules) -> None:
    table = f"external_id,attr.tier,consent.push,consent_source,consent_at\nC-1,gold,yes,form 3,{YESTERDAY}\n"
    await take(pool, rules, table)
    before = await profile(pool, "C-1")
    again = await take(pool, rules, table)
    assert (again.imported, again.updated, again.refused, again.warnings) == (0, 1, [], [])
    assert await profile(pool, "C-1") == before
    assert len(await ledger(pool)) == 1


async def test_a_trial_run_tells_the_same_and_writes_nothing(pool: Pool, rules: Rules) -> None:
    await take(pool, rules, "external_id\nC-1\n")
    table = f"external_id,attr.tier,consent.push,consent_source,consent_at\nC-1,gold,yes,form 3,{YESTERDAY}\nC-2,,,,\n,x,,,\n"
    trial = await take(pool, rules, table, dry_run=True)
    assert (trial.imported, trial.updated, len(trial.refused)) == (1, 1, 1)
    assert await profile(pool, "C-2") is None
    assert await ledger(pool) == []
    found = await profile(pool, "C-1")
    assert found is not None
    assert found.attributes == {}
    real = await take(pool, rules, table)
    assert (real.imported, real.updated, real.refused, real.warnings) == (
        trial.imported,
        trial.updated,
        trial.refused,
        trial.warnings,
    )


async def test_a_consent_is_in_the_ledger_with_its_proof(pool: Pool, rules: Rules) -> None:
    columns = "external_id,consent.push,consent.location,consent_source,consent_at"
    await take(pool, rules, f"{columns}\nC-1,yes,no,form 3,2026-10-01T09:12:00+02:00\n")
    source = "import: form 3 (2026-10-01T07:12:00Z)"
    assert sorted(await ledger(pool)) == [("location", False, "2026-11", source), ("push", True, "2026-11", source)]
    found = await profile(pool, "C-1")
    assert found is not None
    assert (found.consents.push, found.consents.location, found.consents.profiling) == (True, False, False)


async def test_what_a_customer_said_since_stands(pool: Pool, rules: Rules) -> None:
    columns = "external_id,consent.push,consent_source,consent_at"
    await take(pool, rules, f"{columns}\nC-1,yes,form 3,{YESTERDAY}\n")
    found = await profile(pool, "C-1")
    assert found is not None
    async with pool.transaction() as db:
        await consent.agree(db, customer_id=found.id, said={"push": False}, terms="v", source="app")
    for dry_run in (True, False):
        report = await take(pool, rules, f"{columns}\nC-1,yes,form 3,{YESTERDAY}\n", dry_run=dry_run)
        assert [(each.index, each.field) for each in report.warnings] == [(0, "consent.push")]
    after = await profile(pool, "C-1")
    assert after is not None
    assert not after.consents.push


async def test_a_newer_word_than_the_customers_counts(pool: Pool, rules: Rules) -> None:
    columns = "external_id,consent.push,consent_source,consent_at"
    await take(pool, rules, f"{columns}\nC-1,yes,form 3,{YESTERDAY}\n")
    later = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    report = await take(pool, rules, f"{columns}\nC-1,no,letter,{later}\n")
    assert report.warnings == []
    found = await profile(pool, "C-1")
    assert found is not None
    assert not found.consents.push


async def test_a_long_list_is_written_part_by_part_and_every_row_is_reported(pool: Pool, rules: Rules) -> None:
    count = STEP + 57
    table = "external_id,locale\n" + "".join(
        f"C-{number},{'de-DE' if number % 50 else '?'}\n" for number in range(count)
    )
    told: list[int] = []
    reading = read_customers(table.encode(), rows=count, now=NOW)
    report = await customer_imports.write(pool, reading, terms=Terms(rules, "v", NOW), told=told.append)
    assert [each.index for each in report.refused] == list(range(0, count, 50))
    assert report.imported == count - len(report.refused)
    assert told == [STEP, report.imported - STEP]


async def test_lists_that_are_imported_at_once_make_each_customer_once(pool: Pool, rules: Rules) -> None:
    table = "external_id,attr.tier\n" + "".join(f"C-{number},gold\n" for number in range(STEP))
    reports = await asyncio.gather(*(take(pool, rules, table) for _ in range(4)))
    assert sum(report.imported for report in reports) == STEP
    assert sum(report.updated for report in reports) == 3 * STEP
    assert not any(report.refused for report in reports)


async def test_somebody_whose_row_is_gone_is_refused_and_stops_nobody_else(pool: Pool, rules: Rules) -> None:
    await take(pool, rules, "external_id\nC-1\n")
    async with pool.acquire() as db:  # the number is still there: an erasure is under way
        await db.execute("DELETE FROM customers")
    report = await take(pool, rules, "external_id\nC-1\nC-2\n")
    assert (report.imported, report.updated, [each.index for each in report.refused]) == (1, 0, [0])


async def test_who_was_imported_is_judged_by_the_segments_that_look_at_it(pool: Pool, rules: Rules) -> None:
    async with pool.transaction() as db:
        await db.execute(
            "INSERT INTO segments (name, id, document) VALUES ('gold', gen_random_uuid(), $1)",
            json.dumps({"attribute": {"tier": {"eq": "gold"}}}),
        )
        await db.execute("UPDATE ruleset_epoch SET epoch = epoch + 1")
    await rules.refresh()
    columns = "external_id,attr.tier,consent.profiling,consent_source,consent_at"
    await take(pool, rules, f"{columns}\nC-1,gold,yes,form,{YESTERDAY}\nC-2,gold,,,\nC-3,silver,yes,form,{YESTERDAY}\n")

    async def inside() -> set[str]:
        async with pool.acquire() as db:
            rows = await db.fetch("SELECT external_id FROM segment_members m JOIN customers c ON c.id = m.customer_id")
        return {row["external_id"] for row in rows}

    assert await inside() == {"C-1"}
    await take(pool, rules, "external_id,attr.tier\nC-1,silver\nC-3,gold\n")
    assert await inside() == {"C-3"}
