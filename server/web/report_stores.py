"""GET /v1/reports/stores: the funnel by store, with where each is, for a map. Positions are the stores', nobody else's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from server.errors import FieldError, Invalid
from server.store import report_places, reports
from server.store.report_places import Place
from server.store.reports import Counts
from server.web.call import Call, Reply
from server.web.door import door
from server.web.instants import read_range
from server.web.questions import FilteredQuery, filters_of
from server.web.reports import NO_CURRENCY, Amount, blank, main_currency
from server.web.tables import Table, answer_as

USUAL: Final = 500
"""So many stores are a map that one can read."""


class StoresQuery(
    FilteredQuery, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}
):
    """A range, what alone is to be counted, and how many stores are wanted (500)."""

    limit: int | None = None


class StoreRow(msgspec.Struct, frozen=True, kw_only=True):
    """One store. Suppressed: too few people, or it would give such a store away; every figure null."""

    store_id: UUID
    name: str
    lat: float
    lon: float
    radius_m: float
    decided: int | None
    redeemed: int | None
    value: Amount | None
    suppressed: bool


class StoresReport(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """The report: the stores with most redemptions first, those that are blanked last. Fences of no store are not in it."""

    start: datetime
    end: datetime
    rows: list[StoreRow]


@door(
    "GET",
    "/v1/reports/stores",
    query=StoresQuery,
    answer=StoresReport,
    summary="The funnel by store, for a map; those with most redemptions first",
    tags=("Marketing",),
)
async def show_stores(call: Call) -> msgspec.Struct | Reply:
    """Count moments decided in [from, to) by the store they were decided at."""
    settings, query = call.parts.settings, call.query
    most = settings.reports.map_stores
    limit = min(USUAL, most) if query.limit is None else query.limit
    if not 1 <= limit <= most:
        raise Invalid(errors=[FieldError("limit", f"must be 1 to {most}")])
    span = read_range(query.start, query.end, zone=settings.programme.time_zone)
    least, filters = settings.privacy.min_group, filters_of(query)
    async with call.connection() as db:
        counted = await reports.count(
            db, start=span.start, end=span.end, keys=("place_id",), filters=filters, least=least
        )
        places = await report_places.stores(db, ids=[each.key[0] for each in counted])
        currency = main_currency(counted) or await reports.usual_currency(db) or NO_CURRENCY
    rows = rows_of(counted, places, currency=currency, least=least)[:limit]
    return answer_as(query.format, StoresReport(span.start, span.end, rows), lambda: table_of(rows))


def rows_of(counted: Sequence[Counts], places: dict[UUID, Place], *, currency: str, least: int) -> list[StoreRow]:
    """Show the groups that are stores. Blanking looks at all groups: fences and no place are in known sums too."""
    blanked = blank(counted, least=least)
    rows = [
        _row(each, places[each.key[0]], currency=currency, suppressed=each.key in blanked)
        for each in counted
        if each.key[0] in places
    ]
    return sorted(rows, key=lambda row: (row.suppressed, -(row.redeemed or 0), -(row.decided or 0), row.name))


def _row(counts: Counts, place: Place, *, currency: str, suppressed: bool) -> StoreRow:
    return StoreRow(
        store_id=place.id,
        name=place.name,
        lat=place.lat,
        lon=place.lon,
        radius_m=place.radius_m,
        decided=None if suppressed else counts.decided,
        redeemed=None if suppressed else counts.redeemed,
        value=None if suppressed else Amount(counts.value.get(currency, 0), currency),
        suppressed=suppressed,
    )


def table_of(rows: Sequence[StoreRow]) -> Table:
    """Write the report as a table."""
    columns = (
        "store_id",
        "name",
        "lat",
        "lon",
        "radius_m",
        "decided",
        "redeemed",
        "value_minor",
        "currency",
        "suppressed",
    )
    return Table("stores", columns, [_line(row) for row in rows])


def _line(row: StoreRow) -> list[object]:
    money = (row.value.minor, row.value.currency) if row.value else (None, None)
    return [row.store_id, row.name, row.lat, row.lon, row.radius_m, row.decided, row.redeemed, *money, row.suppressed]
