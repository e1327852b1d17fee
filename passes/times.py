"""How a time is written in a pass: aware, in whole seconds, in a form that every wallet reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from passes.errors import ContentError


def check_time(where: str, value: datetime) -> None:
    """A time is written with its zone; one without is read by no iOS."""
    if value.utcoffset() is None:
        raise ContentError("date.zone", where, "dates are W3C times with a zone, such as 2026-03-02T11:00:00+01:00")


def w3c(when: datetime) -> str:
    """A W3C date time stamp: seconds, no fraction, `Z` or `+hh:mm`; an offset with seconds becomes UTC."""
    check_time("date", when)
    offset = when.utcoffset() or timedelta(0)
    if not offset or offset % timedelta(minutes=1):
        return when.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    return when.replace(microsecond=0).isoformat()
