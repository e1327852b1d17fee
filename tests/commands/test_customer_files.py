"""Customers from a file, by the real command: a report of every row, and a trial run that writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

from server.commands.customer_files import are_customers, take_customers
from server.commands.files import Import, take_table
from server.errors import Invalid
from server.pipeline.author import Author
from server.store import audit
from server.store.pool import Pool
from tests.commands.test_files import command
from tests.web.serving import settings_with

TABLE = "external_id,locale,attr.tier,colour\nC-1,de-DE,gold,red\nC-2,?,,\nC-3,fr-FR,,\n"


async def count(pool: Pool) -> int:
    async with pool.acquire() as db:
        return int(await db.fetchval("SELECT count(*) FROM customers"))


async def test_a_trial_run_and_then_the_real_one(pool: Pool, db_dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(TABLE)
    code, out, err = await command(db_dsn, "import", file, "--dry-run")
    trial = "customers: 2 imported, 0 updated, 1 refused (a trial run: nothing was written)\n"
    assert (code, out, await count(pool)) == (1, trial, 0)
    assert "row 2: locale: must look like de-DE" in err
    assert "columns not read: colour" in err
    code, out, _ = await command(db_dsn, "import", file)
    assert (code, out, await count(pool)) == (1, "customers: 2 imported, 0 updated, 1 refused\n", 2)
    async with pool.acquire() as db:
        told = [(entry.actor, entry.action) for entry in await audit.page(db, before=None, limit=9)]
    assert told == [("command line", "customer.import")]


async def test_the_same_file_again_updates(pool: Pool) -> None:
    moved: list[tuple[str, int]] = []

    def bar(words: str, total: int) -> Any:
        moved.append((words, total))
        return lambda more: None

    settings, by = settings_with(), Author("command line")
    for imported, updated in ((2, 0), (0, 2)):
        _, report = await take_customers(pool, settings, TABLE.encode(), dry_run=False, by=by, bar=bar)
        assert (report.imported, report.updated, len(report.refused)) == (imported, updated, 1)
    assert moved[:2] == [("reading", 3), ("writing", 2)]


async def test_only_customers_are_tried(pool: Pool, db_dsn: str, tmp_path: Path) -> None:
    job = Import(pool, settings_with(), 100.0, Progress(disable=True), dry_run=True)
    with pytest.raises(Invalid, match="--dry-run is for customers"):
        await take_table(job, b"name,lat,lon,radius_m\nA,1,1,100\n")
    file = tmp_path / "fences.geojson"
    file.write_text("{}")
    code, out, err = await command(db_dsn, "import", file, "--dry-run")
    assert (code != 0, out) == (True, "")
    assert "--dry-run is for customers" in err


@pytest.mark.parametrize(
    ("data", "theirs"),
    [
        (b"external_id,locale\n", True),
        (b"\xef\xbb\xbfexternal_id\r\nC-1\r\n", True),
        (b"name,lat,lon\nexternal_id,1,1\n", False),
        (b"", False),
        (b"\xff\xfe", False),
    ],
)
def test_a_table_is_taken_for_what_its_header_says(data: bytes, theirs: bool) -> None:
    assert are_customers(data) == theirs


async def test_a_table_that_is_none_is_refused_whole(pool: Pool) -> None:
    with pytest.raises(Invalid):
        await take_customers(
            pool,
            settings_with(),
            b"external_id,external_id\n",
            dry_run=True,
            by=Author("x"),
            bar=lambda words, total: lambda more: None,
        )
