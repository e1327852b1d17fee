"""Whose midnight counts: home zones, the days, weeks and months of caps, and quiet hours.

Rule 1: zones are names. An offset would be wrong for half the year.
Rule 2: a calendar period is a span of instants, found once per day and zone, so that counting is comparing.
Rule 3: where the zone is not known nobody is woken.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from server.decision.wall import instant_of, opening_day, zone_named
from server.model.context import Context, Programme
from server.model.customer import Customer, LastFix
from server.model.offer import Calendar, Period
from server.model.place import Place

ZONE_KEEPS = timedelta(hours=24)
"""So long the last trusted fix tells where somebody is."""

_DAY = timedelta(days=1)


class Window(NamedTuple):
    """A span of instants [start, end); `end` None is open."""

    start: datetime
    end: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Tell whether an instant lies within."""
        return self.start <= at and (self.end is None or at < self.end)


def home_zone(customer: Customer, programme: Programme) -> ZoneInfo | None:
    """Find the customer's home zone: the profile's, else the programme's."""
    return (zone_named(customer.zone) if customer.zone else None) or zone_named(programme.zone)


def window_of(
    period: Period, now: datetime, *, customer: Customer, place: Place | None, programme: Programme
) -> Window | None:
    """Give the span that a cap's period means now; None where its zone is not known.

    A rolling period starts one tick after its length ago: an event exactly that old no longer counts. It has no end,
    since what is dated a little after `now` (a commit that came in between) counts too.
    """
    if period.rolling is not None:
        return Window(now - period.rolling + timedelta(microseconds=1))
    if period.tz == "customer_home":
        zone = home_zone(customer, programme)
    elif period.tz == "place":
        zone = zone_named(place.zone) if place is not None and place.zone else None
    else:
        zone = zone_named(period.tz)
    if zone is None:
        return None
    return calendar_window(period.calendar or "day", now.astimezone(zone).date(), zone)


@lru_cache(maxsize=4096)
def calendar_window(calendar: Calendar, day: date, zone: ZoneInfo) -> Window:
    """Give the span of the day, week (from Monday) or month that this local day belongs to."""
    if calendar == "day":
        first, after = day, day + _DAY
    elif calendar == "week":
        first = day - timedelta(days=day.weekday())
        after = first + timedelta(days=7)
    else:
        first = day.replace(day=1)
        after = (first + timedelta(days=31)).replace(day=1)
    return Window(instant_of(first, time.min, zone), instant_of(after, time.min, zone))


def quiet_zone(context: Context, last_fix: LastFix | None, programme: Programme) -> ZoneInfo | None:
    """Find the zone whose night counts: the last trusted fix's under 24 h old, else the profile's, else the setting's.

    `last_fix` is that of the state after this evaluation.
    """
    here = last_fix is not None and context.received - last_fix.at < ZONE_KEEPS
    for name in (last_fix.zone if last_fix is not None and here else None, context.customer.zone, programme.quiet_zone):
        zone = zone_named(name) if name else None
        if zone is not None:
            return zone
    return None


@lru_cache(maxsize=256)
def quiet_until(now: datetime, zone: ZoneInfo, quiet_from: str, quiet_to: str) -> datetime | None:
    """Tell when the quiet hours that hold at `now` end (UTC); None where they do not hold.

    The window ("HH:MM", "24:00") is half-open on the wall clock and may cross midnight; equal ends mean that there is none.
    """
    start, end = read_clock(quiet_from), read_clock(quiet_to)
    if start == end:
        return None
    local = now.astimezone(zone)
    opened = opening_day(local, start or time.min, end)
    if opened is None:
        return None
    crosses = end is None or end <= (start or time.min)
    edge = instant_of(opened + _DAY if crosses else opened, end or time.min, zone)
    if edge <= now:  # the clocks went back: this is the second time the window is gone through
        edge = instant_of(local.date(), end or time.min, zone, fold=1)
    return edge.astimezone(UTC)


@lru_cache(maxsize=64)
def read_clock(text: str) -> time | None:
    """Read "HH:MM"; None stands for "24:00"."""
    return None if text == "24:00" else time.fromisoformat(text)
