"""`kairos import customers.csv`: customers by the brand's own numbers, part by part; a trial run reads and counts alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn

from server.errors import Invalid
from server.pipeline import customer_imports
from server.pipeline.author import Author
from server.pipeline.customer_imports import Report, Terms
from server.pipeline.customer_sheets import CustomerReading, is_of_customers, read_customers
from server.pipeline.rules import Rules, programme_of
from server.settings import Settings
from server.store.clock import DatabaseClock
from server.store.pool import Pool

ROWS: Final = 10_000_000
"""What is read of a file is bounded by its bytes already."""

NO_TRIAL: Final = "--dry-run is for customers: what else is imported is one deed, whole or not at all."

_HEADER_BYTES: Final = 65_536


def are_customers(data: bytes) -> bool:
    """Tell whether a CSV is one of customers, by its first line."""
    return is_of_customers(data[:_HEADER_BYTES].partition(b"\n")[0].decode("utf-8", "replace"))


async def no_trial() -> NoReturn:
    """Refuse a trial run of stores."""
    raise Invalid(NO_TRIAL)


async def take_customers(
    pool: Pool,
    settings: Settings,
    data: bytes,
    *,
    dry_run: bool,
    by: Author,
    bar: Callable[[str, int], Callable[[int], None]],
) -> tuple[CustomerReading, Report]:
    """Read a CSV of customers, and write it unless it is a trial run; raises Unreadable, Invalid."""
    async with pool.acquire() as db:
        now = await DatabaseClock().sync(db)
    rules = Rules(pool, programme_of(settings))
    await rules.refresh()
    told = bar("reading", max(0, data.count(b"\n") - 1))
    reading = await asyncio.to_thread(read_customers, data, rows=ROWS, now=now, told=told)
    report = await customer_imports.write(
        pool,
        reading,
        terms=Terms(rules, settings.programme.terms, now),
        dry_run=dry_run,
        told=bar("looking" if dry_run else "writing", len(reading.rows)),
    )
    if not dry_run:
        async with pool.transaction() as db:
            counts = {"imported": report.imported, "updated": report.updated}
            await by.record(db, "customer.import", "customers", after=counts)
    return reading, report
