"""On which days an offer is meant to be told: by its dates, the weekdays of its windows, the days of its schedule.

What else must hold (weather, segments, stock) is not known of a day to come, and keeps no offer out of a plan.
"""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from server.decision.conditions import local_time
from server.decision.zone import calendar_window
from server.model.offer import Offer
from server.model.place import DAYS
from server.pipeline.audience import demands
from server.pipeline.occasions.timetable import following

_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)


def is_planned(offer: Offer, day: date, zone: ZoneInfo) -> bool:
    """Tell whether the offer may be told on this day of the programme's zone."""
    if offer.active_from is not None and day < offer.active_from:
        return False
    if offer.active_to is not None and day > offer.active_to:
        return False
    if not all(_opens(each, day) for each in demands(offer) if isinstance(each, local_time.Condition)):
        return False
    return offer.when.trigger != "schedule" or _fires(offer, day, zone)


def _opens(window: local_time.Condition, day: date) -> bool:
    """Tell whether a window is open at some time of a day: it opens then, or opened the evening before."""
    crosses = window.end is not None and window.end <= window.start
    before = DAYS[(day - _DAY).weekday()] in window.days
    return DAYS[day.weekday()] in window.days or (crosses and before)


def _fires(offer: Offer, day: date, zone: ZoneInfo) -> bool:
    """Tell whether the offer's schedule means an instant of a day: in its zone, or in this one where it has many."""
    named = offer.when.schedule.tz if offer.when.schedule is not None else "place"
    own = zone if named in ("place", "customer_home") else ZoneInfo(named)
    window = calendar_window("day", day, own)
    found = following(offer, own.key, window.start - _TICK)
    return found is not None and window.holds(found)
