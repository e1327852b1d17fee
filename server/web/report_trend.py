"""GET /v1/reports/trend: how offers went from day to day or hour to hour, for lines and sparklines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec

from server.decision.wall import utc_text
from server.errors import FieldError, Invalid
from server.store import reports
from server.store.reports import Counts
from server.web.call import Call, Reply
from server.web.door import door
from server.web.instants import Range, read_range
from server.web.questions import PlacedQuery, filters_of
from server.web.reports import blank
from server.web.tables import Table, answer_as

_LONGEST: Final = {"day": timedelta(days=1100), "hour": timedelta(days=8)}
"""More points than these are no line."""

_DRAWN: Final = ("decided", "redeemed", "control")
"""What a point shows, and whom it is made of."""


class TrendQuery(
    PlacedQuery, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}
):
    """A range, what alone is to be counted (several offers by commas), and how far apart the points are."""

    by: Literal["day", "hour"] = "day"


class Point(msgspec.Struct, frozen=True):
    """One day (the place's local one) or one hour (the instant it begins); null where too few people are behind it."""

    at: str
    decided: int | None
    redeemed: int | None


class TrendRow(msgspec.Struct, frozen=True):
    """One offer's line; points at which nothing was decided are not listed."""

    offer_id: UUID
    name: str
    points: list[Point]


class Trend(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """The report. A moment counts by when it was decided, and what came of it later counts with it."""

    by: Literal["day", "hour"]
    start: datetime
    end: datetime
    rows: list[TrendRow]


@door(
    "GET",
    "/v1/reports/trend",
    query=TrendQuery,
    answer=Trend,
    summary="Moments and redemptions of offers, day by day or hour by hour",
    tags=("Marketing",),
)
async def show_trend(call: Call) -> msgspec.Struct | Reply:
    """Count moments decided in [from, to) by offer and day or hour."""
    settings, query = call.parts.settings, call.query
    span = _span(query, settings.programme.time_zone)
    least, filters = settings.privacy.min_group, filters_of(query)
    keys = ("offer_id", "local_day" if query.by == "day" else "hour")
    async with call.connection() as db:
        counted = await reports.count(
            db, start=span.start, end=span.end, keys=keys, filters=filters, least=least, money=False, sums=_DRAWN
        )
        names = await reports.name_all(db, ids=list({each.key[0] for each in counted}), sql=reports.OFFERS)
    rows = rows_of(counted, names, least=least)
    return answer_as(query.format, Trend(query.by, span.start, span.end, rows), lambda: table_of(rows))


def _span(query: TrendQuery, zone: str) -> Range:
    span = read_range(query.start, query.end, zone=zone)
    if span.end - span.start > _LONGEST[query.by]:
        raise Invalid(errors=[FieldError("to", f"must be at most {_LONGEST[query.by].days} days after from")])
    return span


def rows_of(counted: Sequence[Counts], names: dict[UUID, str], *, least: int) -> list[TrendRow]:
    """Draw a line through each offer's points; those of too few people are null, and no sum gives one away."""
    lines: defaultdict[UUID, list[Counts]] = defaultdict(list)
    for each in sorted(counted, key=lambda each: each.key):
        lines[each.key[0]].append(each)
    rows = [TrendRow(offer, names.get(offer, str(offer)), _points(own, least)) for offer, own in lines.items()]
    return sorted(rows, key=lambda row: row.name)


def _points(counted: Sequence[Counts], least: int) -> list[Point]:
    blanked = blank(counted, least=least)
    return [_point(each, suppressed=each.key in blanked) for each in counted]


def _point(counts: Counts, *, suppressed: bool) -> Point:
    at = counts.key[1]
    text = utc_text(at) if isinstance(at, datetime) else at.isoformat()
    return Point(text, None, None) if suppressed else Point(text, counts.decided, counts.redeemed)


def table_of(rows: Sequence[TrendRow]) -> Table:
    """Write the report as a table, a line for each point."""
    lines = [[row.offer_id, row.name, at.at, at.decided, at.redeemed] for row in rows for at in row.points]
    return Table("trend", ("offer_id", "name", "at", "decided", "redeemed"), lines)
