"""How a time is written in a pass: aware, in whole seconds, in a form that every wallet reads.

Apple's words (iOS, on a pass that it refuses): "We expect dates in W3C date time stamp format, either 'Complete date plus
hours and minutes' or 'Complete date plus hours, minutes and seconds'". W3C's note: "Date and Time Formats".
"""

from __future__ import annotations

from datetime import UTC, datetime

from passes.errors import ContentError

_BARE = len("2026-03-02T11:00:00")
_WHOLE = len("2026-03-02T11:00:00+01:00")


def check_time(where: str, value: datetime) -> None:
    """ContentError `date.zone` where a time has no zone: such a one is read by no iOS."""
    if value.utcoffset() is None:
        raise ContentError("date.zone", where, "dates are W3C times with a zone, such as 2026-03-02T11:00:00+01:00")


def w3c(when: datetime) -> str:
    """A W3C date time stamp: whole seconds (a fraction is dropped), `Z` or `+hh:mm`; an odder offset becomes UTC."""
    text = when.isoformat(timespec="seconds")
    if len(text) != _WHOLE:
        check_time("date", when)
        try:
            text = when.astimezone(UTC).isoformat(timespec="seconds")
        except OverflowError:
            raise ContentError("date.range", "date", "lies in the years 1 to 9999, also in UTC") from None
    return f"{text[:_BARE]}Z" if text.endswith("+00:00") else text
