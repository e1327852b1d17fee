"""A list of customers is written: some hundred at a time, each part in a transaction of its own.

Rule 1: the same list again changes nothing: customers go by the brand's number, what is known is written over with itself.
Rule 2: what a customer said later than the proof of a row stands, and the row's consent is only a warning.
Rule 3: a trial run reads what the real one would read, counts the same, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID

from server.errors import Unauthenticated
from server.pipeline.consent import agree
from server.pipeline.customer_sheets import CustomerReading, CustomerRow
from server.pipeline.membership import refresh_all
from server.pipeline.preferences import facts_of
from server.pipeline.rules import Rules
from server.signals.geojson import Refused
from server.store import customer_imports as store
from server.store.customers import Change, Purpose
from server.store.pool import Connection, Pool

STEP: Final = 250
"""Customers in one transaction: some tens of milliseconds."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What writing needs to know: the rules whose segments look at customers, the version of the consent texts, the time."""

    rules: Rules
    terms: str
    now: datetime


@dataclass(slots=True)
class Report:
    """What became of a list: how many were made and changed, which rows were refused, what is to be said of others."""

    imported: int = 0
    updated: int = 0
    refused: list[Refused] = field(default_factory=list)
    warnings: list[Refused] = field(default_factory=list)


async def write(
    pool: Pool,
    reading: CustomerReading,
    *,
    terms: Terms,
    dry_run: bool = False,
    told: Callable[[int], None] | None = None,
) -> Report:
    """Write what was read, part by part, and report of every row; where the database fails, what is written stays."""
    report = Report(refused=list(reading.refused))
    for first in range(0, len(reading.rows), STEP):
        rows = reading.rows[first : first + STEP]
        part = await pool.attempt(partial(_look if dry_run else _step, rows=rows, terms=terms))
        report.imported += part.imported
        report.updated += part.updated
        report.refused += part.refused
        report.warnings += part.warnings
        if told is not None:
            told(len(rows))
    report.refused.sort(key=lambda each: each.index)
    return report


async def _look(db: Connection, *, rows: Sequence[CustomerRow], terms: Terms) -> Report:
    """Count what a part would do."""
    known = await store.known(db, external_ids=[row.external_id for row in rows])
    report = Report(imported=len(rows) - len(known), updated=len(known))
    await _consents(db, rows, known, report)
    return report


async def _step(db: Connection, *, rows: Sequence[CustomerRow], terms: Terms) -> Report:
    """Write a part. Needs a transaction."""
    by_number = {row.external_id: row for row in rows}
    known = await store.known(db, external_ids=list(by_number))
    fresh = {each: row.change for each, row in by_number.items() if each not in known}
    made = await store.make(db, profiles=fresh) if fresh else {}
    if len(made) < len(fresh):  # somebody else made them a moment ago
        known |= await store.known(db, external_ids=[each for each in fresh if each not in made])
    touched = {known[each]: by_number[each].change for each in known}
    changed = await store.change(db, profiles=touched) if touched else set()
    report = Report(imported=len(made), updated=len(changed))
    there = made | {number: identifier for number, identifier in known.items() if identifier in changed}
    report.refused += [
        Refused(row.place, "external_id", "belongs to somebody who is being erased; try again")
        for row in rows
        if row.external_id not in there
    ]
    agreed = await _agree(db, [row for row in rows if row.external_id in there], there, terms, report)
    await _judge(db, touched={key: touched[key] for key in changed}, agreed=agreed, terms=terms)
    return report


async def _agree(
    db: Connection, rows: Sequence[CustomerRow], there: Mapping[str, UUID], terms: Terms, report: Report
) -> set[UUID]:
    """Write consents with their proofs, and tell whose changed."""
    agreed = set()
    for row, said in await _consents(db, rows, there, report):
        if not said or row.proof is None:
            continue
        customer_id, at = there[row.external_id], row.proof.at.astimezone(UTC).isoformat(timespec="seconds")
        source = f"import: {row.proof.source} ({at.replace('+00:00', 'Z')})"
        try:
            await agree(db, customer_id=customer_id, said=said, terms=terms.terms, source=source)
        except Unauthenticated:  # erased between two statements of ours: nobody is left to agree
            continue
        agreed.add(customer_id)
    return agreed


async def _consents(
    db: Connection, rows: Sequence[CustomerRow], there: Mapping[str, UUID], report: Report
) -> list[tuple[CustomerRow, dict[Purpose, bool]]]:
    """Choose of each row's consents those that are newer than what the customer said; warn of others that differ."""
    with_proof = [row for row in rows if row.said and row.proof is not None]
    asked = [there[row.external_id] for row in with_proof if row.external_id in there]
    newest = await store.newest(db, customers=asked) if asked else {}
    chosen = []
    for row in with_proof:
        kept: dict[Purpose, bool] = {}
        for purpose, value in row.said.items():
            last = newest.get((there[row.external_id], purpose)) if row.external_id in there else None
            if last is None or (row.proof is not None and row.proof.at > last[1]):
                kept[purpose] = value
            elif last[0] != value:
                text = "was not taken: the customer has said otherwise since"
                report.warnings.append(Refused(row.place, f"consent.{purpose}", text))
        chosen.append((row, kept))
    return chosen


async def _judge(db: Connection, *, touched: Mapping[UUID, Change], agreed: set[UUID], terms: Terms) -> None:
    """Judge again who changed, by the segments that look at what changed."""
    facts = frozenset().union(*(facts_of(change) for key, change in touched.items() if key not in agreed))
    others = sorted(touched.keys() - agreed)
    await refresh_all(db, rules=terms.rules, customers=others, now=terms.now, touched=facts)
    await refresh_all(db, rules=terms.rules, customers=sorted(agreed), now=terms.now, touched=None)
