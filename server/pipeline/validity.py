"""When a reward may be redeemed: instants, from what the document says of days and clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from server.decision.wall import instant_of, zone_named
from server.model.context import Programme
from server.model.customer import Customer
from server.model.offer import LocalClock, Validity
from server.model.place import Place

_DAY = timedelta(days=1)


class Span(NamedTuple):
    """From when, and until when (None: without an end); half-open, UTC."""

    start: datetime
    end: datetime | None


def span_of(
    validity: Validity, *, now: datetime, place: Place | None, customer: Customer, programme: Programme
) -> Span:
    """Tell when a reward decided `now` is valid.

    A wall clock as the start means today's (what is past is over: then from now on), as the end the next time it shows
    that. A date as the end is included. Of several ends the earliest counts.
    """
    start = now
    if validity.start is not None:
        start = max(now, _instant(validity.start, now, place, customer, programme, passed=True))
    ends = []
    if validity.until is not None:
        until = validity.until
        if isinstance(until, date) and not isinstance(until, datetime):
            until = until + _DAY
        ends.append(_instant(until, now, place, customer, programme))
    if validity.at_most is not None:
        ends.append(now + validity.at_most)
    return Span(start, min(ends, default=None))


def zone_for(tz: str, *, place: Place | None, customer: Customer, programme: Programme) -> ZoneInfo:
    """Find the zone that a document's `tz` means here; where it is not known, the programme's."""
    name: str | None = tz
    if tz == "place":
        name = place.zone if place is not None else None
    elif tz == "customer_home":
        name = customer.zone
    return (zone_named(name) if name else None) or zone_named(programme.zone) or ZoneInfo("UTC")


def _instant(
    when: date | datetime | LocalClock,
    now: datetime,
    place: Place | None,
    customer: Customer,
    programme: Programme,
    *,
    passed: bool = False,
) -> datetime:
    if isinstance(when, datetime):
        return when.astimezone(UTC)
    if isinstance(when, date):
        zone = zone_for(programme.zone, place=None, customer=customer, programme=programme)
        return instant_of(when, time.min, zone).astimezone(UTC)
    zone = zone_for(when.tz, place=place, customer=customer, programme=programme)
    today = now.astimezone(zone).date()
    found = instant_of(today, when.at, zone)
    return (found if found > now or passed else instant_of(today + _DAY, when.at, zone)).astimezone(UTC)
