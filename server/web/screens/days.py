"""The days that a page is about: the last so many, or from a first to a last, and as many before them. Pure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from server.decision.wall import instant_of
from server.errors import Invalid
from server.web.instants import Range, read_range

USUAL: Final = "7"
"""So many days are shown where nobody asked for others."""

_LONGEST: Final = timedelta(days=1100)
_DAY: Final = timedelta(days=1)


class Chosen(NamedTuple):
    """Some days: as instants, as a form tells them (both included), by which choice, and whether they were asked for wrongly."""

    span: Range
    first: date
    last: date
    days: str | None
    wrong: bool = False

    @property
    def until(self) -> date:
        """The day after the last: where reports end."""
        return self.last + _DAY


def choose(days: str | None, first: str | None, last: str | None, *, now: datetime, zone: str) -> Chosen:
    """Read which days are wanted; those that cannot be are the usual ones, and said to be wrong."""
    today = now.astimezone(ZoneInfo(zone)).date()
    if first or last:
        try:
            after = date.fromisoformat(last or "") + _DAY
            span = read_range(first, after.isoformat(), zone=zone)
            if span.end - span.start <= _LONGEST:
                return Chosen(span, date.fromisoformat(first or ""), after - _DAY, None)
        except (ValueError, OverflowError, Invalid):
            pass
        return _last(USUAL, today, zone)._replace(wrong=True)
    return _last(days or USUAL, today, zone)


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
