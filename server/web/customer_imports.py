"""POST /v1/customers/import: another system's whole list of customers, every row taken or refused with a reason.

A list takes seconds, so this door keeps no handler's deadline: its bounds are the body's bytes, the rows, and the deadline
of each statement. It needs no Idempotency-Key: customers go by the brand's number, and the same list again changes nothing.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from server.errors import FieldError, Invalid
from server.pipeline import customer_imports
from server.pipeline.customer_imports import Terms
from server.pipeline.customer_sheets import read_customers
from server.signals.geojson import Refused
from server.web.access import Kind
from server.web.call import Call
from server.web.codec import UnsupportedMedia
from server.web.door import door
from server.web.imports import ImportQuery, Noted

CSV_EXAMPLE: Final = (
    "external_id,locale,time_zone,attr.tier,attr.visits:number,attr.newsletter:boolean,consent.push,consent_source,consent_at\n"
    "C-4711,de-DE,Europe/Berlin,gold,12,true,yes,loyalty form 3,2026-10-01T09:12:00Z\n"
)


class CustomersImported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows (counted from 0): how many customers are new, how many were known, which rows are wrong.

    `warnings` are about rows that were taken, `ignored` names columns that nobody knows.
    """

    dry_run: bool
    imported: int
    updated: int
    refused: list[Noted]
    warnings: list[Noted] | UnsetType = UNSET
    ignored: list[str] | UnsetType = UNSET


@door(
    "POST",
    "/v1/customers/import",
    query=ImportQuery,
    body=bytes,
    answer=CustomersImported,
    limit="import_body_bytes",
    summary="Write a table of customers (CSV), each by the brand's own number",
    example=CSV_EXAMPLE,
    tags=("Other systems",),
    media="text/csv",
    stream=True,
    piecemeal=True,
)
async def import_customers(call: Call) -> CustomersImported:
    """Read a table, and write what is good of it."""
    if (call.request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMedia("The table must be UTF-8.")
    if not call.body:
        raise Invalid(errors=[FieldError("table", "is empty")])
    settings, now = call.parts.settings, call.parts.clock.now()
    reading = await asyncio.to_thread(read_customers, call.body, rows=settings.limits.import_rows, now=now)
    terms = Terms(call.parts.rules, settings.programme.terms, now)
    report = await customer_imports.write(call.pool, reading, terms=terms, dry_run=call.query.dry_run)
    if Kind.ADMIN in call.principal.roles and not call.query.dry_run:
        async with call.transaction() as db:
            counts = {"imported": report.imported, "updated": report.updated}
            await call.author.record(db, "customer.import", "customers", after=counts)
    return CustomersImported(
        dry_run=call.query.dry_run,
        imported=report.imported,
        updated=report.updated,
        refused=_noted(report.refused),
        warnings=_noted(report.warnings) or UNSET,
        ignored=list(reading.ignored) or UNSET,
    )


def _noted(notes: list[Refused]) -> list[Noted]:
    return [Noted(note.index, note.field, note.message) for note in notes]
