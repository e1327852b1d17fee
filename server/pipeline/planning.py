"""On which days an offer is meant to be told: by its dates, and the weekdays of its windows.

What else must hold (weather, segments, stock) is not known of a day to come, and keeps no offer out of a plan.
"""

from __future__ import annotations

from datetime import date, timedelta

from server.decision.conditions import local_time
from server.model.offer import Offer
from server.model.place import DAYS
from server.pipeline.audience import demands

_DAY = timedelta(days=1)


def is_planned(offer: Offer, day: date) -> bool:
    """Tell whether the offer may be told on this day of the programme's zone."""
    if offer.active_from is not None and day < offer.active_from:
        return False
    if offer.active_to is not None and day > offer.active_to:
        return False
    return all(_opens(each, day) for each in demands(offer) if isinstance(each, local_time.Condition))


def _opens(window: local_time.Condition, day: date) -> bool:
    """Tell whether a window is open at some time of a day: it opens then, or opened the evening before."""
    crosses = window.end is not None and window.end <= window.start
    before = DAYS[(day - _DAY).weekday()] in window.days
    return DAYS[day.weekday()] in window.days or (crosses and before)
