"""GET /v1/calendar: one calendar for all channels, with whom each day may reach, and how many would meet a cap."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.decision.rules import Identity
from server.decision.wall import zone_named
from server.errors import FieldError, Invalid, Misconfigured
from server.pipeline import authoring
from server.pipeline.audience import crowd
from server.pipeline.outlook import DayAhead, Expected, Outlook, Plan
from server.store import approvals, offers
from server.store.pool import Connection
from server.web.call import Call
from server.web.door import door

_USUAL: Final = timedelta(days=28)
_DAY: Final = timedelta(days=1)
_FIRST, _LAST = date(1980, 1, 1), date(2100, 1, 1)


class CalendarQuery(
    msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}
):
    """Days of the programme's zone, `from` ≤ day < `to`; by default four weeks from today."""

    start: date | None = None
    end: date | None = None


class PlannedOffer(msgspec.Struct, frozen=True, kw_only=True):
    """An offer of a day: published (`live`), published for later, or approved and not yet published.

    `audience` is whom it may reach, as for approvals; `visitors` how many of them are likely to come on this day. `basis`
    tells by what the audience was counted: recorded visits, or the consents of all, where nothing was recorded. A day that
    is over has only what has been published ever since.
    """

    offer_id: UUID
    name: str
    version: int
    state: Literal["live", "scheduled", "approved"]
    audience: int | None
    visitors: int | None
    basis: Literal["visits", "consents"]
    suppressed: bool


class CalendarDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day with its offers, and what they come to together.

    `capped_share` is the share (0 to 1) of the audience that would meet a cap; null where nothing is recorded.
    Suppressed: fewer people than `privacy.min_group`, or so few that only small offers reach; every figure null.
    """

    day: date
    offers: list[PlannedOffer]
    audience: int | None
    visitors: int | None
    capped_share: float | None
    suppressed: bool


class Recorded(msgspec.Struct, frozen=True):
    """What the figures are taken from: so many whole days, and the share (0 to 1) of customers that was read."""

    days: int
    share: float


class Calendar(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """The days asked for; `paused` whether the whole programme is."""

    start: date
    end: date
    zone: str
    paused: bool
    recorded: Recorded
    days: list[CalendarDay]


@door(
    "GET",
    "/v1/calendar",
    query=CalendarQuery,
    answer=Calendar,
    summary="What is planned day by day, whom it may reach, and how many would meet a cap",
    tags=("Marketing",),
)
async def show_calendar(call: Call) -> Calendar:
    """Look ahead by what was recorded."""
    parts = call.parts
    zone = zone_named(parts.settings.programme.time_zone)
    if zone is None:
        raise Misconfigured("programme.time_zone is not a time zone's name")
    today = parts.clock.now().astimezone(zone).date()
    first, end = span_of(call.query, today, most=parts.settings.limits.calendar_days)
    await parts.rules.refresh()  # what was published a moment ago is planned
    ruleset = parts.rules.current.ruleset
    async with call.connection() as db:
        plans = await _plans(db, call, today=today, zone=zone)
        of = await crowd(db, settings=parts.settings, now=parts.clock.now())
    outlook = Outlook(
        plans=plans,
        crowd=of,
        places=ruleset.places,
        programme=ruleset.programme,
        zone=zone,
        today=today,
        most=parts.settings.publish.forecast_customers,
        least=parts.settings.privacy.min_group,
    )
    found = await asyncio.to_thread(outlook.days, first, (end - first).days)
    return Calendar(
        start=first,
        end=end,
        zone=zone.key,
        paused=ruleset.programme.paused,
        recorded=Recorded(of.days, round(1 / of.weight, 4)),
        days=[_day(each, least=parts.settings.privacy.min_group) for each in found],
    )


def span_of(query: CalendarQuery, today: date, *, most: int) -> tuple[date, date]:
    """Give the first day and the one behind the last; raises Invalid."""
    first = query.start or today
    end = query.end or first + min(_USUAL, most * _DAY)
    wrong = [
        FieldError(field, "must be a day between 1980 and 2100")
        for field, day in (("from", first), ("to", end))
        if not _FIRST <= day <= _LAST
    ]
    if not wrong and end <= first:
        wrong = [FieldError("to", "must be after from")]
    if not wrong and (end - first).days > most:
        wrong = [FieldError("to", f"must be at most {most} days after from (limits.calendar_days)")]
    if wrong:
        raise Invalid(errors=wrong)
    return first, end


async def _plans(db: Connection, call: Call, *, today: date, zone: ZoneInfo) -> list[Plan]:
    """List what is published, and what has its yes and is not published."""
    ruleset = call.parts.rules.current.ruleset
    since = await offers.live_since(db)
    plans = [
        Plan(
            each,
            "scheduled" if each.active_from is not None and each.active_from > today else "live",
            since[each.id].astimezone(zone).date() if each.id in since else None,
        )
        for each in ruleset.offers
    ]
    live = {plan.offer.id for plan in plans}
    for waiting in await approvals.unpublished(db):
        row = await offers.find(db, offer_id=waiting.offer_id, version=waiting.version)
        if row is None or row.id in live:
            continue
        identity = Identity(row.id, row.version, row.created_at)
        try:
            parsed = await authoring.read(
                db, document=row.document, programme=ruleset.programme, identity=identity
            )  # fmt: skip
        except Invalid:  # what it names is gone: it could not be published either
            continue
        plans.append(Plan(parsed.offer, "approved", today))
    return plans


def _day(ahead: DayAhead, *, least: int) -> CalendarDay:
    suppressed = min(ahead.audience, ahead.members) < least or 0 < ahead.apart < least
    return CalendarDay(
        day=ahead.day,
        offers=[_offer(each, least=least) for each in ahead.offers],
        audience=None if suppressed else ahead.audience,
        visitors=None if suppressed or ahead.visitors is None else round(ahead.visitors),
        capped_share=None if suppressed or ahead.capped is None else round(ahead.capped, 4),
        suppressed=suppressed,
    )


def _offer(expected: Expected, *, least: int) -> PlannedOffer:
    offer, state, _ = expected.plan
    suppressed = min(expected.audience, expected.members) < least
    return PlannedOffer(
        offer_id=offer.id,
        name=offer.name,
        version=offer.version,
        state=state,
        audience=None if suppressed else expected.audience,
        visitors=None if suppressed or expected.visitors is None else round(expected.visitors),
        basis=expected.basis,
        suppressed=suppressed,
    )
