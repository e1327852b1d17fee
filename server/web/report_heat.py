"""GET /v1/reports/heat: the funnel by the places' local hour of each weekday, for a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from server.model.place import DAYS
from server.store import reports
from server.store.reports import Counts
from server.web.call import Call, Reply
from server.web.door import door
from server.web.instants import read_range
from server.web.questions import PlacedQuery, filters_of
from server.web.reports import blank
from server.web.tables import Table, answer_as

_STEPS: Final = ("decided", "delivered", "opened", "clicked", "passes", "redeemed")


class HeatRow(msgspec.Struct, frozen=True, kw_only=True):
    """One hour of one weekday. Suppressed: too few people, or it would give such an hour away; every figure null."""

    weekday: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    hour: int
    decided: int | None
    delivered: int | None
    opened: int | None
    clicked: int | None
    passes: int | None
    redeemed: int | None
    suppressed: bool


class Heat(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """The report, Monday first; hours in which nothing was decided are not listed."""

    start: datetime
    end: datetime
    rows: list[HeatRow]


@door(
    "GET",
    "/v1/reports/heat",
    query=PlacedQuery,
    answer=Heat,
    summary="The funnel by hour of the week, local to each place",
    tags=("Marketing",),
)
async def show_heat(call: Call) -> msgspec.Struct | Reply:
    """Count moments decided in [from, to) by weekday and hour."""
    settings, query = call.parts.settings, call.query
    span = read_range(query.start, query.end, zone=settings.programme.time_zone)
    least, filters = settings.privacy.min_group, filters_of(query)
    async with call.connection() as db:
        counted = await reports.count(
            db,
            start=span.start,
            end=span.end,
            keys=("weekday", "local_hour"),
            filters=filters,
            least=least,
            money=False,
        )
    rows = rows_of(counted, least=least)
    return answer_as(query.format, Heat(span.start, span.end, rows), lambda: table_of(rows))


def rows_of(counted: Sequence[Counts], *, least: int) -> list[HeatRow]:
    """Put the hours into order, small groups blanked."""
    blanked = blank(counted, least=least)
    return [_row(each, suppressed=each.key in blanked) for each in sorted(counted, key=lambda each: each.key)]


def _row(counts: Counts, *, suppressed: bool) -> HeatRow:
    weekday: Any = DAYS[counts.key[0]]
    figures: dict[str, Any] = {step: None if suppressed else getattr(counts, step) for step in _STEPS}
    return HeatRow(weekday=weekday, hour=counts.key[1], suppressed=suppressed, **figures)


def table_of(rows: Sequence[HeatRow]) -> Table:
    """Write the report as a table."""
    columns = HeatRow.__struct_fields__
    return Table("heat", columns, [[getattr(row, name) for name in columns] for row in rows])
