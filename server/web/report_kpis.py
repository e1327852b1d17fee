"""GET /v1/reports/kpis: key figures of loyalty, each with its definition, what was divided by what, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from server.decision.wall import instant_of
from server.errors import FieldError, Invalid
from server.pipeline.kpis import (
    average_order_value,
    churn_rate,
    frequency,
    lifespan,
    lifetime_value,
    promoter_score,
    repeat_rate,
    retention_rate,
    visits_a_week,
)
from server.store import kpis
from server.store.headcount import Lives, Orders, Scores, Visits
from server.store.kpis import Asked
from server.web.call import Call, Reply
from server.web.codec import clean
from server.web.door import door
from server.web.instants import read_range
from server.web.questions import RangeQuery
from server.web.tables import Table, answer_as

Name = Literal["crr", "churn", "repeat_rate", "clv", "nps", "visits_per_week"]

DEFINITIONS: Final[Mapping[Name, str]] = {
    "crr": "Customer retention rate = (E - N) / S x 100: S customers active at the start of the range, E at its end, N of"
    " those who were not at its start. Active is who bought or redeemed within reports.active_days before.",
    "churn": "Churn rate = C / S x 100: of S customers active at the start, C who are not at the end.",
    "repeat_rate": "Repeat purchase rate = repeat / total x 100: of all who bought or redeemed in the range, who did so on"
    " more days than one.",
    "clv": "Customer lifetime value = average order value x frequency x lifespan, in minor units: revenue / orders, times days"
    " with a purchase per customer in the range, times 1 / churn ranges.",
    "nps": "Net promoter score = % promoters (9 and 10) - % detractors (0 to 6) of answers from 0 to 10 (events named nps), the"
    " last one of each customer in the range.",
    "visits_per_week": "Visits of whole weeks / customers who came, each counted once for every week in which they did.",
}


class KpisQuery(
    RangeQuery, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}
):
    """The range (dates in the programme's zone, or instants), and a segment if its members of today alone are meant."""

    segment: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None


class Kpi(msgspec.Struct, frozen=True, kw_only=True):
    """One figure. Null where `note` says why; numerator and denominator are null where too few people are behind them.

    `parts` are what a product is made of.
    """

    key: Name
    value: float | None
    unit: Literal["percent", "points", "minor", "visits"]
    numerator: int | None
    denominator: int | None
    definition: str
    note: str | None = None
    currency: str | None = None
    parts: dict[str, float] | None = None


class Kpis(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """The report; of a range that is not over yet, up to now. Many of a segment may have become members since."""

    start: datetime
    end: datetime
    segment: str | None
    active_days: int
    rows: list[Kpi]


@door(
    "GET",
    "/v1/reports/kpis",
    query=KpisQuery,
    answer=Kpis,
    summary="Retention, churn, repeat rate, lifetime value, NPS and visits per week, with their definitions",
    tags=("Marketing",),
)
async def show_kpis(call: Call) -> msgspec.Struct | Reply:
    """Count customers of [from, to) and divide."""
    settings, query = call.parts.settings, call.query
    zone, now = settings.programme.time_zone, call.parts.clock.now()
    span = read_range(query.start, query.end, zone=zone)
    if span.start >= now:
        raise Invalid(errors=[FieldError("from", "must be in the past")])
    segment = None if query.segment is None else clean(query.segment)
    asked = Asked(span.start, min(span.end, now), zone)
    active = timedelta(days=settings.reports.active_days)
    async with call.connection() as db:
        if segment is not None and not await kpis.is_segment(db, name=segment):
            raise Invalid(errors=[FieldError("segment", "is no segment's name")])
        if segment is not None:
            asked = asked._replace(members=await kpis.members(db, segment=segment))
        counted = await kpis.count(db, asked, active=active, least=settings.privacy.min_group)
        weeks = weeks_of(asked, kept_since=now - timedelta(days=settings.privacy.ping_days))
        visits = await kpis.visits(db, weeks) if weeks is not None else None
    rows = rows_of(*counted, visits, least=settings.privacy.min_group)
    answer = Kpis(asked.start, asked.end, segment, settings.reports.active_days, rows)
    return answer_as(query.format, answer, lambda: table_of(rows))


def weeks_of(asked: Asked, *, kept_since: datetime) -> Asked | None:
    """Take the whole weeks (from Monday, in the programme's zone) of a range of which visits are still known; pure."""
    zone = ZoneInfo(asked.zone)
    day, last = asked.start.astimezone(zone).date(), asked.end.astimezone(zone).date()
    if _midnight(day, zone) < asked.start:
        day += timedelta(days=1)
    monday, until = day + timedelta(days=-day.weekday() % 7), last - timedelta(days=last.weekday())
    while _midnight(monday, zone) < kept_since:
        monday += timedelta(weeks=1)
    if monday >= until:
        return None
    return asked._replace(start=_midnight(monday, zone), end=_midnight(until, zone))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return instant_of(day, time.min, zone).astimezone(UTC)


def rows_of(lives: Lives, orders: Sequence[Orders], scores: Scores, visits: Visits | None, *, least: int) -> list[Kpi]:
    """Divide; what too few people are behind is null, with what it would have been divided by. Pure."""
    few = f"fewer than {least} customers"
    kept, lost = lives.end - lives.new, lives.start - (lives.end - lives.new)
    started = lives.start >= least
    churn = churn_rate(lives.start, lost) if started else None
    again = repeat_rate(lives.repeating, lives.buyers)
    score = promoter_score(scores.promoters, scores.detractors, scores.answers)
    retained = retention_rate(lives.start, lives.end, lives.new)
    return [
        _row("crr", retained, (kept, lives.start), f"{few} at the start", started),
        _row("churn", churn, (lost, lives.start), f"{few} at the start", started),
        _row("repeat_rate", again, (lives.repeating, lives.buyers), f"{few} bought or redeemed", lives.buyers >= least),
        _value(lives, orders, churn, least=least),
        _row(
            "nps",
            score,
            (scores.promoters - scores.detractors, scores.answers),
            f"{few} answered",
            scores.answers >= least,
        ),
        _came(visits, least=least),
    ]


_UNITS: Final[Mapping[Name, Literal["percent", "points", "minor", "visits"]]] = {
    "crr": "percent",
    "churn": "percent",
    "repeat_rate": "percent",
    "clv": "minor",
    "nps": "points",
    "visits_per_week": "visits",
}


def _row(key: Name, value: float | None, of: tuple[int | None, int | None], note: str, told: bool) -> Kpi:
    """Show a figure with its numerator and denominator, or why it is not told."""
    return Kpi(
        key=key,
        value=value if told else None,
        unit=_UNITS[key],
        numerator=of[0] if told else None,
        denominator=of[1] if told else None,
        definition=DEFINITIONS[key],
        note=None if told else f"not enough data: {note}",
    )


def _came(visits: Visits | None, *, least: int) -> Kpi:
    if visits is None:
        note = "no whole week (from Monday) of which visits are still known: privacy.ping_days"
        return _row("visits_per_week", None, (None, None), note, False)
    value = visits_a_week(visits.visits, visits.visitors)
    of = visits.visits, visits.visitors
    return _row("visits_per_week", value, of, f"fewer than {least} customers came", visits.people >= least)


def _value(lives: Lives, orders: Sequence[Orders], churn: float | None, *, least: int) -> Kpi:
    """Multiply the customer lifetime value, in the currency of most purchases."""
    main = orders[0] if orders else Orders("", 0, 0)
    worth, often, periods = (
        average_order_value(main.revenue_minor, main.orders),
        frequency(lives.days, lives.buyers),
        lifespan(churn),
    )
    notes = {
        f"fewer than {least} customers bought or redeemed": lives.buyers >= least and main.buyers >= least,
        "no purchase with an amount": worth is not None,
        "the churn is not known": churn is not None,
        "nobody left in the range, so nothing tells how long customers stay": periods is not None,
    }
    missing = [note for note, there in notes.items() if not there]
    row = _row("clv", lifetime_value(worth, often, periods), (None, None), missing[0] if missing else "", not missing)
    if worth is None or often is None or periods is None or missing:
        return row
    parts = {"average_order_value": worth, "frequency": often, "lifespan": periods}
    return msgspec.structs.replace(row, currency=main.currency, parts=parts)


def table_of(rows: Sequence[Kpi]) -> Table:
    """Write the report as a table."""
    columns = ("key", "value", "unit", "currency", "numerator", "denominator", "note", "definition")
    return Table("kpis", columns, [[getattr(row, name) for name in columns] for row in rows])
