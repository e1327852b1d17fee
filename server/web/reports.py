"""GET /v1/reports/funnel: how many moments went how far, by group. Small groups are blanked: they would name people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from server.model.place import DAYS
from server.pipeline.hiding import Size, hidden
from server.settings import Settings
from server.store import reports
from server.store.cube import ALL, Filters
from server.store.pool import Connection
from server.store.reports import By, Counts, text_of
from server.web.call import Call, Reply
from server.web.door import door
from server.web.instants import Range, read_range
from server.web.lift import LiftAnswer, lifts
from server.web.questions import PlacedQuery, filters_of
from server.web.tables import Table, answer_as

NO_CURRENCY: Final = "X" * 3
"""ISO 4217: the code for transactions where no currency is involved."""

_NOWHERE: Final = str(UUID(int=0))
_IN_ORDER: Final = frozenset({"hour", "weekday", "day"})
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
STEPS: Final = ("decided", "delivered", "opened", "clicked", "passes", "redeemed", "control", "converted")


class Amount(msgspec.Struct, frozen=True):
    """Money: minor units of an ISO 4217 currency."""

    minor: int
    currency: str


class FunnelRow(msgspec.Struct, frozen=True, kw_only=True):
    """One group. Suppressed: fewer people than `privacy.min_group`, or it would give such a group away; every figure null.

    `value` is what was redeemed in the report's currency (that of most of its redemptions); where a group was redeemed in
    several, `values` lists them all. `lift` is there where somebody of the group was held out.
    """

    key: str
    label: str
    decided: int | None
    delivered: int | None
    opened: int | None
    clicked: int | None
    passes: int | None
    redeemed: int | None
    value: Amount | None
    control: int | None
    converted: int | None = None
    suppressed: bool
    values: list[Amount] | msgspec.UnsetType = msgspec.UNSET
    lift: LiftAnswer | msgspec.UnsetType = msgspec.UNSET


class Funnel(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """The report. A moment counts by when it was decided, and what came of it later counts with it."""

    by: By
    start: datetime
    end: datetime
    rows: list[FunnelRow]


class FunnelQuery(
    PlacedQuery, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}
):
    """The range (dates in the programme's zone, or instants), the grouping, and what alone is to be counted."""

    by: Literal[
        "offer", "store", "channel", "variant", "placement", "hour", "weekday", "weather", "day", "programme"
    ] = "offer"


@door(
    "GET",
    "/v1/reports/funnel",
    query=FunnelQuery,
    answer=Funnel,
    summary="The funnel from decision to redemption, by group; format=csv gives a file",
    tags=("Marketing",),
)
async def show_funnel(call: Call) -> msgspec.Struct | Reply:
    """Count moments decided in [from, to), from the roll-ups."""
    query: FunnelQuery = call.query
    settings = call.parts.settings
    span = read_range(query.start, query.end, zone=settings.programme.time_zone)
    filters = filters_of(query)
    async with call.connection() as db:
        rows = await count(db, span, by=query.by, settings=settings, filters=filters)
    return answer_as(query.format, Funnel(query.by, span.start, span.end, rows), lambda: table_of(rows))


def table_of(rows: Sequence[FunnelRow]) -> Table:
    """Write the funnel as a table; amounts of further currencies are in no column of it."""
    columns = ("key", "label", *STEPS, "value_minor", "currency", "suppressed", *_LIFT)
    return Table("funnel", columns, [_line(row) for row in rows])


_LIFT: Final = tuple(
    f"lift_{name}_{end}" for name in ("redemptions", "visits", "value") for end in ("difference", "low", "high")
)


def _line(row: FunnelRow) -> list[object]:
    value = row.value
    lift = row.lift if isinstance(row.lift, LiftAnswer) else None
    measures = (lift.redemptions, lift.visits, lift.value) if lift else (None, None, None)
    return [
        row.key,
        row.label,
        *(getattr(row, step) for step in STEPS),
        value.minor if value else None,
        value.currency if value else None,
        row.suppressed,
        *(getattr(each, end) if each else None for each in measures for end in ("difference", "low", "high")),
    ]


async def count(db: Connection, span: Range, *, by: By, settings: Settings, filters: Filters = ALL) -> list[FunnelRow]:
    """Count a report's rows, each with its lift; groups of fewer than `privacy.min_group` people are blanked."""
    least = settings.privacy.min_group
    counted = await reports.funnel(db, start=span.start, end=span.end, by=by, filters=filters, least=least)
    currency = main_currency(counted) or await reports.usual_currency(db) or NO_CURRENCY
    trying = by != "programme" or settings.programme.holdout > 0  # offers' own control groups say nothing of the whole
    tried = [text_of(each.key) for each in counted if each.control and trying]
    told = await lifts(db, span, by=by, currency=currency, settings=settings, filters=filters, tried=tried)
    blanked = blank(counted, least=least)
    rows = [
        row_of(each, by=by, currency=currency, suppressed=each.key in blanked, lift=told.get(text_of(each.key)))
        for each in counted
    ]
    return rows if by in _IN_ORDER else sorted(rows, key=lambda row: (row.suppressed, -(row.decided or 0), row.label))


def blank(counted: Sequence[Counts], *, least: int) -> Collection[tuple[Any, ...]]:
    """Choose the keys of the groups that are not shown."""
    return hidden({each.key: Size(each.people, each.decided + each.control) for each in counted}, least=least)


def main_currency(counted: Sequence[Counts]) -> str | None:
    """Give the currency of most redemptions; of equals the first by name. None where nothing was redeemed."""
    seen: Counter[str] = Counter()
    for each in counted:
        seen.update(each.redemptions)
    return min(seen, key=lambda name: (-seen[name], name), default=None)


def row_of(counts: Counts, *, by: By, currency: str, suppressed: bool, lift: LiftAnswer | None = None) -> FunnelRow:
    """Show a group, or that it must not be shown."""
    key, label = name_of(counts, by)
    figures: dict[str, Any] = {step: None if suppressed else getattr(counts, step) for step in STEPS}
    values = [Amount(minor, name) for name, minor in sorted(counts.value.items())]
    return FunnelRow(
        key=key,
        label=label,
        **figures,
        value=None if suppressed else Amount(counts.value.get(currency, 0), currency),
        suppressed=suppressed,
        values=values if len(values) > 1 and not suppressed else msgspec.UNSET,
        lift=lift if lift is not None and not suppressed else msgspec.UNSET,
    )


def name_of(counts: Counts, by: By) -> tuple[str, str]:
    """Give a group's key and what it is called."""
    key = text_of(counts.key)
    if by == "weekday":
        return DAYS[int(key)], _WEEKDAYS[int(key)]
    if by == "hour":
        return key, f"{int(key):02}:00–{int(key) + 1:02}:00"
    if by == "programme":
        return key, "Programme"
    if by == "weather" and not key:
        return "unknown", "unknown"
    if by == "store" and key == _NOWHERE:
        return "none", "no place"
    return key, counts.name or key
