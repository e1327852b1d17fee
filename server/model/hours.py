"""Opening hours as documents write them: `{"mon": [["08:00", "20:00"]], "sat": [["22:00", "02:00"]]}`.

Half-open, owned by the opening day; a span that closes before it opens closes on the next day; "24:00" ends a day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time
from typing import Any

from server.model.place import DAYS, Hours, Span

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_SPANS = 8
"""More spans than any shop's day has."""


class WrongHours(ValueError):
    """Where opening hours are wrong (`mon[0]`), and why."""

    def __init__(self, field: str, message: str) -> None:
        """Keep both."""
        self.field, self.message = field, message
        super().__init__(f"{field}: {message}")


def read_hours(document: Mapping[str, Any]) -> Hours:
    """Read a week; raises WrongHours for the first thing that is wrong."""
    if unknown := set(document) - set(DAYS):
        raise WrongHours(min(unknown)[:10], f"is not a day; days are {', '.join(DAYS)}")
    return {day: _day(day, document[day]) for day in DAYS if day in document}


def _day(day: str, spans: Any) -> tuple[Span, ...]:
    if not isinstance(spans, list) or len(spans) > _SPANS:
        raise WrongHours(day, f'must be a list of at most {_SPANS} spans such as ["08:00", "20:00"]')
    return tuple(_span(f"{day}[{number}]", span) for number, span in enumerate(spans))


def _span(field: str, span: Any) -> Span:
    if not isinstance(span, list) or len(span) != 2 or not all(isinstance(edge, str) for edge in span):
        raise WrongHours(field, 'must be two times such as ["08:00", "20:00"]')
    opens, closes = _clock(field, span[0]), None if span[1] == "24:00" else _clock(field, span[1])
    if opens == closes:
        raise WrongHours(field, "opens and closes at the same time; a whole day is 00:00 to 24:00")
    return Span(opens, closes)


def _clock(field: str, text: str) -> time:
    match = _TIME.fullmatch(text)
    if not match:
        raise WrongHours(field, 'must be times such as "08:00"; only a closing time may be "24:00"')
    return time(int(match[1]), int(match[2]))
