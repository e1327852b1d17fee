"""ISO 8601 durations (`PT2M`, `P7D`): weeks, days, hours, minutes and seconds, which all have a fixed length.

Years and months are refused: how long they are depends on when they begin.
"""

from __future__ import annotations

import re
from datetime import timedelta

_SHAPE = re.compile(
    r"P(?=.)(?:(?P<weeks>\d{1,6})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=.)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,7})M)?(?:(?P<seconds>\d{1,9}(?:\.\d{1,6})?)S)?)?"
)
_UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def read_duration(text: str) -> timedelta | None:
    """Read an ISO 8601 duration of fixed length; None where the text is none."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return None
    return timedelta(**{unit: float(number) for unit, number in found.groupdict().items() if number})


def say_duration(length: timedelta) -> str:
    """Say a duration in English words, largest unit first: `90 minutes` is `1 hour 30 minutes`."""
    rest = int(length.total_seconds())
    words = []
    for name, seconds in _UNITS:
        count, rest = divmod(rest, seconds)
        if count and not (name == "week" and rest):  # "8 days" reads better than "1 week 1 day"
            words.append(f"{count} {name}{'s' if count > 1 else ''}")
        elif name == "week":
            rest += count * seconds
    return " ".join(words) or "0 seconds"
