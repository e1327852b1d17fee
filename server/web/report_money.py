"""GET /v1/reports/money: what offers cost: redeemed, what active passes may still cost, what is left of budgets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from server.store import liabilities, reports
from server.store.cube import Filters
from server.store.liabilities import Budget, Offer, Open
from server.store.reports import Counts
from server.web.call import Call, Reply
from server.web.door import door
from server.web.instants import read_range
from server.web.questions import RangeQuery, offers_of
from server.web.reports import Amount, blank
from server.web.tables import Table, answer_as


class MoneyQuery(
    RangeQuery, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}
):
    """A range, and some offers by commas if not all are wanted."""

    offer_id: str | None = None


class BudgetAnswer(msgspec.Struct, frozen=True):
    """What an offer may give away in all (null: no limit), and what is left (null also where it would tell of too few)."""

    units: int | None
    units_left: int | None
    liability: Amount | None
    liability_left: Amount | None


class MoneyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One offer, by currency. `redeemed` of the range; `liability_open` and `budget` as they are now.

    `suppressed`: too few people are behind what was redeemed, which is null. `liability_open` is null where too few hold passes.
    """

    offer_id: UUID
    name: str
    status: Literal["draft", "live", "paused", "ended"]
    redeemed: list[Amount] | None
    liability_open: list[Amount] | None
    budget: BudgetAnswer | None
    suppressed: bool


class Totals(msgspec.Struct, frozen=True):
    """The sums of what is shown, in one currency."""

    currency: str
    redeemed: int
    liability_open: int


class Money(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """The report: offers by name. With hidden figures in it a total would tell what they hide."""

    start: datetime
    end: datetime
    rows: list[MoneyRow]
    totals: list[Totals]


@door(
    "GET",
    "/v1/reports/money",
    query=MoneyQuery,
    answer=Money,
    summary="What offers cost: redeemed in a range, open now, and left of budgets",
    tags=("Marketing",),
)
async def show_money(call: Call) -> msgspec.Struct | Reply:
    """Add up what moments decided in [from, to) brought so far, and what is open now."""
    settings, query = call.parts.settings, call.query
    span = read_range(query.start, query.end, zone=settings.programme.time_zone)
    asked, least = offers_of(query.offer_id), settings.privacy.min_group
    async with call.connection() as db:
        counted = await reports.count(
            db, start=span.start, end=span.end, keys=("offer_id",), filters=Filters(offer_id=asked), least=least
        )
        opened = await liabilities.open_passes(db, offers=asked, least=least)
        offers = await liabilities.budgets_of(db, offers=asked)
    rows = rows_of(offers, counted, opened, least=least)
    return answer_as(query.format, Money(span.start, span.end, rows, totals_of(rows)), lambda: table_of(rows))


class _Held(NamedTuple):
    """What one offer's active passes may cost, and how many people hold them at least."""

    amounts: list[Amount]
    enough: bool


def rows_of(
    offers: Sequence[Offer], counted: Sequence[Counts], opened: Sequence[Open], *, least: int
) -> list[MoneyRow]:
    """Show every offer of which anything is to be told, small groups blanked."""
    blanked = {each[0] for each in blank(counted, least=least)}
    redeemed = {each.key[0]: each.value for each in counted}
    held = _by_offer(opened, least)
    return [
        _row(each, redeemed.get(each.id), held.get(each.id, _Held([], True)), each.id in blanked, least)
        for each in offers
        if each.id in redeemed or each.id in held or (each.budget and each.status != "draft")
    ]


def _by_offer(opened: Sequence[Open], least: int) -> dict[UUID, _Held]:
    found: defaultdict[UUID, list[Open]] = defaultdict(list)
    for each in sorted(opened, key=lambda each: each.currency):
        found[each.offer_id].append(each)
    return {
        offer: _Held([Amount(each.minor, each.currency) for each in own], all(each.holders >= least for each in own))
        for offer, own in found.items()
    }


def _row(offer: Offer, value: Mapping[str, int] | None, held: _Held, suppressed: bool, least: int) -> MoneyRow:
    status: Any = offer.status
    return MoneyRow(
        offer_id=offer.id,
        name=offer.name,
        status=status,
        redeemed=None if suppressed else [Amount(minor, name) for name, minor in sorted((value or {}).items())],
        liability_open=held.amounts if held.enough else None,
        budget=None if offer.budget is None else _budget(offer.budget, least),
        suppressed=suppressed,
    )


def _budget(budget: Budget, least: int) -> BudgetAnswer:
    """Tell what is left, unless that would tell what a handful of people got."""
    told = not 0 < budget.used_units < least
    units, limit = budget.units, None
    if budget.liability_minor is not None and budget.currency is not None:
        limit = Amount(budget.liability_minor, budget.currency)
    return BudgetAnswer(
        units=units,
        units_left=max(0, units - budget.used_units) if told and units is not None else None,
        liability=limit,
        liability_left=Amount(max(0, limit.minor - budget.used_liability), limit.currency) if told and limit else None,
    )


def totals_of(rows: Sequence[MoneyRow]) -> list[Totals]:
    """Add up what is shown, by currency."""
    redeemed: Counter[str] = Counter()
    opened: Counter[str] = Counter()
    for row in rows:
        for sums, amounts in ((redeemed, row.redeemed), (opened, row.liability_open)):
            for each in amounts or ():
                sums[each.currency] += each.minor
    return [Totals(name, redeemed[name], opened[name]) for name in sorted({*redeemed, *opened})]


def table_of(rows: Sequence[MoneyRow]) -> Table:
    """Write the report as a table, a line for each offer and currency."""
    columns = (
        "offer_id",
        "name",
        "status",
        "currency",
        "redeemed",
        "liability_open",
        "units",
        "units_left",
        "liability",
    )
    lines = [line for row in rows for line in _lines(row)]
    return Table("money", (*columns, "liability_left", "suppressed"), lines)


def _lines(row: MoneyRow) -> list[list[object]]:
    redeemed = {each.currency: each.minor for each in row.redeemed or ()}
    opened = {each.currency: each.minor for each in row.liability_open or ()}
    budget = row.budget or BudgetAnswer(None, None, None, None)
    limits = {each.currency for each in (budget.liability,) if each is not None}
    return [
        [
            row.offer_id,
            row.name,
            row.status,
            currency,
            None if row.redeemed is None else redeemed.get(currency, 0),
            None if row.liability_open is None else opened.get(currency, 0),
            budget.units,
            budget.units_left,
            _minor(budget.liability, currency),
            _minor(budget.liability_left, currency),
            row.suppressed,
        ]
        for currency in sorted({*redeemed, *opened, *limits}) or [""]
    ]


def _minor(amount: Amount | None, currency: str) -> int | None:
    return amount.minor if amount is not None and amount.currency == currency else None
