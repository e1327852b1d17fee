"""GET /v1/reports/passes: how passes fare in wallets. GET /v1/offers/{id}/passes-job: how far an edit has reached them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from server.errors import NotFound
from server.store import offers, pass_counts, pass_jobs
from server.store.pass_counts import Fared
from server.store.pass_jobs import PassJob
from server.web.call import Call, Reply
from server.web.door import door
from server.web.instants import read_range
from server.web.questions import RangeQuery
from server.web.tables import Table, answer_as

_FIGURES: Final = ("issued", "saved", "shared", "removed", "waiting")


class PassesRow(msgspec.Struct, frozen=True, kw_only=True):
    """One offer's passes. Suppressed: fewer people than `privacy.min_group`, every figure null.

    `saved`: ever in a wallet; `removed` of them are in none any more. `shared`: now on more devices than one. `waiting`: changed,
    and the wallet is not told yet.
    """

    offer_id: UUID
    name: str
    issued: int | None
    saved: int | None
    shared: int | None
    removed: int | None
    waiting: int | None
    suppressed: bool


class PassesReport(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """The report. A pass counts by when it was issued, and what became of it counts with it."""

    start: datetime
    end: datetime
    rows: list[PassesRow]


class PassesQuery(
    RangeQuery, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}
):
    """The range (dates in the programme's zone, or instants), and one offer if only that is wanted."""

    offer_id: UUID | None = None


class PassJobAnswer(msgspec.Struct, frozen=True):
    """Work on many passes at once: of `total` (null: not counted yet) so many were looked at, so many changed."""

    id: UUID
    kind: Literal["edit", "resign"]
    state: Literal["running", "done", "replaced"]
    total: int | None
    looked: int
    changed: int
    created_at: datetime
    finished_at: datetime | None


class NewestPassJob(msgspec.Struct, frozen=True):
    """The newest job on an offer's passes; null where there never was one."""

    job: PassJobAnswer | None


@door(
    "GET",
    "/v1/reports/passes",
    query=PassesQuery,
    answer=PassesReport,
    summary="Passes in wallets, by offer: issued, saved, shared, removed, waiting to be told of a change",
    tags=("Marketing",),
)
async def show_passes(call: Call) -> msgspec.Struct | Reply:
    """Count passes issued in [from, to)."""
    settings = call.parts.settings
    span = read_range(call.query.start, call.query.end, zone=settings.programme.time_zone)
    async with call.connection() as db:
        counted = await pass_counts.count(db, start=span.start, end=span.end, offer_id=call.query.offer_id)
    found = [row_of(each, least=settings.privacy.min_group) for each in counted]
    rows = sorted(found, key=lambda row: row.suppressed)
    return answer_as(call.query.format, PassesReport(span.start, span.end, rows), lambda: table_of(rows))


def table_of(rows: Sequence[PassesRow]) -> Table:
    """Write the report as a table."""
    columns = PassesRow.__struct_fields__
    return Table("passes", columns, [[getattr(row, name) for name in columns] for row in rows])


def row_of(fared: Fared, *, least: int) -> PassesRow:
    """Show an offer's figures, or that too few people are behind them to be shown."""
    suppressed = fared.customers < least
    figures: dict[str, Any] = {name: None if suppressed else getattr(fared, name) for name in _FIGURES}
    return PassesRow(offer_id=fared.offer_id, name=fared.name, suppressed=suppressed, **figures)


@door(
    "GET",
    "/v1/offers/{id}/passes-job",
    answer=NewestPassJob,
    summary="How far the newest edit of an offer has reached its passes",
    tags=("Marketing",),
)
async def show_job(call: Call) -> NewestPassJob:
    """Show the newest job on the offer's passes."""
    offer_id = call.uuid("id")
    async with call.connection() as db:
        if await offers.find(db, offer_id=offer_id) is None:
            raise NotFound
        found = await pass_jobs.newest(db, offer_id=offer_id)
    return NewestPassJob(None if found is None else _answer(found))


def _answer(job: PassJob) -> PassJobAnswer:
    return PassJobAnswer(**{name: getattr(job, name) for name in PassJobAnswer.__struct_fields__})
