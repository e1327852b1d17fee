"""The days that a page is about: the last so many, or from a first to a last, and as many before them. Pure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from server.decision.wall import instant_of
from server.errors import Invalid
from server.web.instants import Range, read_range

USUAL: Final = "7"
"""So many days are shown where nobody asked for others."""

LONGEST: Final = 1100
"""So many days are shown at most."""

Wrong = Literal["wrong", "too_long"]
"""What is wrong with days that were asked for, by the page's word for it."""

_DAY: Final = timedelta(days=1)


class Chosen(NamedTuple):
    """Some days: as instants, as a form tells them (both included), by which choice, and what was wrong with those asked for."""

    span: Range
    first: date
    last: date
    days: str | None
    wrong: Wrong | None = None

    @property
    def until(self) -> date:
        """The day after the last: where reports end."""
        return self.last + _DAY


def choose(days: str | None, first: str | None, last: str | None, *, now: datetime, zone: str) -> Chosen:
    """Read which days are wanted; those that cannot be are the usual ones, and it is said what is wrong."""
    today = now.astimezone(ZoneInfo(zone)).date()
    if not (first or last):
        return _last(days or USUAL, today, zone)
    wrong: Wrong = "wrong"
    try:
        start, end = date.fromisoformat(first or ""), date.fromisoformat(last or "")
        if (end - start).days < LONGEST:  # as people count them: where the clocks change, one is longer than a day
            return Chosen(read_range(first, (end + _DAY).isoformat(), zone=zone), start, end, None)
        wrong = "too_long"
    except (ValueError, OverflowError, Invalid):
        pass
    return _last(USUAL, today, zone)._replace(wrong=wrong)


def before(chosen: Chosen, *, zone: str) -> Chosen:
    """Give as many days right before: to a day, whatever the clocks did in between."""
    first, last = chosen.first - (chosen.until - chosen.first), chosen.first - _DAY
    return Chosen(_between(first, last, zone), first, last, None)


def _last(days: str, today: date, zone: str) -> Chosen:
    first = today - timedelta(days=int(days) - 1)
    return Chosen(_between(first, today, zone), first, today, days)


def _between(first: date, last: date, zone: str) -> Range:
    place = ZoneInfo(zone)
    return Range(instant_of(first, time.min, place), instant_of(last + _DAY, time.min, place))
