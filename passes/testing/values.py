"""What a number and a date are in pass.json."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any, TypeGuard

from passes.testing.finding import Finding

# W3C "complete date plus hours and minutes", with or without seconds, and always with a zone.
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?)(Z|[+-]\d{2}:\d{2})")
_START = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?")


def is_number(value: Any) -> TypeGuard[int | float]:
    """A finite JSON number; true and false are none."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def check_date(where: str, value: object) -> list[Finding]:
    """What iOS says: "We expect dates in W3C date time stamp format"; no finding where it would not say so."""
    if not isinstance(value, str):
        return [Finding("date.form", where, "is not a text: dates are W3C date time stamps")]
    match = _DATE.fullmatch(value)
    if match is not None:
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return [Finding("date.calendar", where, "is no day or time of the calendar")]
        return []
    start = _START.match(value)
    if start is None:
        return [Finding("date.form", where, "is not a W3C date time stamp")]
    rest = value[start.end() :]
    if rest.startswith("."):
        return [Finding("date.fraction", where, "has a fraction of a second, which iOS versions have refused")]
    return [Finding("date.zone", where, "has no zone of the form Z or +hh:mm")]
