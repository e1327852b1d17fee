"""How a time is written in a pass: aware, in whole seconds, in a form that every wallet reads.

Apple's words (iOS, on a pass that it refuses): "We expect dates in W3C date time stamp format, either 'Complete date plus
hours and minutes' or 'Complete date plus hours, minutes and seconds'". W3C's note: "Date and Time Formats".
"""

from __future__ import annotations

from datetime import UTC, datetime

from passes.errors import ContentError

_WHOLE = len("2026-03-02T11:00:00+01:00")


def check_time(where: str, value: datetime) -> None:
    """ContentError `date.zone` where a time has no zone: such a one is read by no iOS."""
    if value.utcoffset() is None:
        raise ContentError("date.zone", where, "dates are W3C times with a zone, such as 2026-03-02T11:00:00+01:00")


def w3c(when: datetime) -> str:
    """A W3C date time stamp: whole seconds (a fraction is dropped), `Z` or `+hh:mm`; an odder offset becomes UTC.

    ContentError `date.zone` for a time without a zone, `date.range` for one that has no year in UTC.
    """
    if when.tzinfo is not UTC:
        check_time("date", when)
        text = when.isoformat(timespec="seconds")
        if when.utcoffset() and len(text) == _WHOLE:
            return text
        try:
            when = when.astimezone(UTC)
        except OverflowError:
            raise ContentError("date.range", "date", "lies in the years 1 to 9999, also in UTC") from None
    day = (when.year, when.month, when.day, when.hour, when.minute, when.second)
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % day  # noqa: UP031 half the time of isoformat
