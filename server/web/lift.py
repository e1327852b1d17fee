"""The lift of a report's groups: both arms of each, told only where that names nobody and misleads nobody."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from server.pipeline.lift import LEVEL, Arm, Measure, compare_means, compare_shares
from server.settings import Settings
from server.store import lift
from server.store.cube import Filters
from server.store.lift import Sums
from server.store.pool import Connection
from server.store.reports import By
from server.web.instants import Range

Name = Literal["redemptions", "visits", "value"]


class ArmAnswer(msgspec.Struct, frozen=True):
    """How many customers are in an arm, and what they did on average; null where they are too few to be told."""

    customers: int | None
    mean: float | None


class MeasureAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Treated compared with control. Without enough data the difference is null, and `note` says what is missing.

    `low` and `high` are the ends of the interval that holds the true difference with the confidence of `level`;
    `relative` is the difference as a share of the control's mean. `currency` stands beside minor units.
    """

    treated: ArmAnswer
    control: ArmAnswer
    difference: float | None
    relative: float | None
    low: float | None
    high: float | None
    level: float
    enough: bool
    note: str | None
    currency: str | msgspec.UnsetType = msgspec.UNSET


class LiftAnswer(msgspec.Struct, frozen=True):
    """What showing did: the share that reached the goal, visits a customer, money spent a customer."""

    redemptions: MeasureAnswer
    visits: MeasureAnswer
    value: MeasureAnswer


_COMPARE: Final[Mapping[Name, Callable[..., Measure]]] = {
    "redemptions": compare_shares,
    "visits": compare_means,
    "value": compare_means,
}


async def lifts(
    db: Connection,
    span: Range,
    *,
    by: By,
    currency: str,
    settings: Settings,
    filters: Filters,
    tried: Iterable[str],
) -> Mapping[str, LiftAnswer]:
    """Tell the lift of each group that is `tried`, or has anybody in either arm; sums are read, then compared in a thread."""
    sums = await lift.arms(db, start=span.start, end=span.end, by=by, filters=filters)
    sums += [Sums(key, True, "", 0, 0, 0, 0, 0, 0) for key in tried]
    hidden, least = settings.privacy.min_group, max(settings.lift.min_customers, settings.privacy.min_group)
    return await asyncio.to_thread(compare_all, sums, currency=money_of(sums, currency), hidden=hidden, least=least)


def money_of(sums: Sequence[Sums], currency: str) -> str:
    """Give the report's currency if any trial was counted in it, else that of most trials; of equals the first by name."""
    seen: Counter[str] = Counter()
    for each in sums:
        seen[each.currency] += each.customers
    known = sorted(name for name in seen if name)
    return currency if currency in known or not known else max(known, key=lambda name: seen[name])


def compare_all(sums: Sequence[Sums], *, currency: str, hidden: int, least: int) -> dict[str, LiftAnswer]:
    """Compare the arms of every group; pure. Arms of fewer than `hidden` customers are not told, of `least` not compared."""
    return {
        key: LiftAnswer(
            **{
                name: answer_of(
                    compare(arm_of(own, name, False, currency), arm_of(own, name, True, currency), least=least),
                    hidden=hidden,
                    currency=currency if name == "value" else None,
                )
                for name, compare in _COMPARE.items()
            }
        )
        for key in dict.fromkeys(each.key for each in sums)
        for own in [[each for each in sums if each.key == key]]
    }


def arm_of(sums: Sequence[Sums], name: Name, held_out: bool, currency: str) -> Arm:
    """Add up one arm over its currencies. Money of another currency than the report's is none: customers count all the same."""
    own = [each for each in sums if each.held_out is held_out]
    customers = sum(each.customers for each in own)
    if name == "redemptions":
        reached = sum(each.reached for each in own)
        return Arm(customers, reached, reached)
    if name == "visits":
        return Arm(customers, sum(each.visits for each in own), sum(each.visits_squared for each in own))
    paid = [each for each in own if each.currency == currency]
    return Arm(customers, sum(each.value_minor for each in paid), sum(each.value_squared for each in paid))


def answer_of(measure: Measure, *, hidden: int, currency: str | None) -> MeasureAnswer:
    """Put a comparison into the answer's shape."""
    interval = measure.interval
    return MeasureAnswer(
        treated=_told(measure.treated, hidden),
        control=_told(measure.control, hidden),
        difference=measure.difference,
        relative=measure.relative,
        low=interval.low if interval is not None else None,
        high=interval.high if interval is not None else None,
        level=LEVEL,
        enough=interval is not None,
        note=measure.note,
        currency=currency if currency is not None else msgspec.UNSET,
    )


def _told(arm: Arm, hidden: int) -> ArmAnswer:
    return ArmAnswer(None, None) if arm.customers < hidden else ArmAnswer(arm.customers, arm.mean)
