"""Ranges of time in a query: `from` ≤ t < `to`, each a date in the programme's zone or an instant with an offset."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from server.decision.wall import instant_of
from server.errors import FieldError, Invalid

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})")
_EARLIEST: Final = datetime(1980, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
_HINT: Final = "must be a date such as 2026-11-01 or an instant with an offset such as 2026-11-01T07:00:00Z"


class Range(NamedTuple):
    """The instants [start, end), in UTC."""

    start: datetime
    end: datetime


EVER: Final = Range(_EARLIEST, _LATEST)
"""For whom both ends may be missing: all there is."""


def read_range(start: str | None, end: str | None, *, zone: str, usual: Range | None = None) -> Range:
    """Read both ends; one that is missing is the usual one, and an error where there is none. Raises Invalid."""
    wrong: list[FieldError] = []
    first = _read("from", start, zone, wrong, usual.start if usual else None)
    last = _read("to", end, zone, wrong, usual.end if usual else None)
    if first is None or last is None:
        raise Invalid(errors=wrong)
    if first >= last:
        raise Invalid(errors=[FieldError("to", "must be after from")])
    return Range(first, last)


def _read(field: str, text: str | None, zone: str, wrong: list[FieldError], usual: datetime | None) -> datetime | None:
    if text is None:
        if usual is None:
            wrong.append(FieldError(field, "is required"))
        return usual
    found = _instant(text, zone)
    if found is None or not _EARLIEST <= found < _LATEST:
        wrong.append(FieldError(field, _HINT))
        return None
    return found


def _instant(text: str, zone: str) -> datetime | None:
    """Read a text; a `+` that nobody escaped arrives as a space."""
    try:
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text)
            return instant_of(day, time.min, ZoneInfo(zone)).astimezone(UTC)
        text = text.replace(" ", "+")
        return datetime.fromisoformat(text.upper()).astimezone(UTC) if _INSTANT.fullmatch(text) else None
    except (ValueError, OverflowError):
        return None
