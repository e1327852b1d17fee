"""Whether a schedule can be understood: cron lines of five fields, and recurrence rules.

Only the writing is judged here; which instants a schedule means is asked by whoever lets the clock knock.
Sources: POSIX.1-2017 `crontab` (fields and ranges; steps and names as in Vixie cron), RFC 5545 §3.3.10 (RRULE).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEK = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, Mapping[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: at for at, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 7, {name: at for at, name in enumerate(_WEEK)}),
)
_LONGEST_MONTHS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}

_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
_NUMBERS: Mapping[str, tuple[int, int, bool]] = {  # lowest, highest, whether also counted from the end (negative)
    "BYMINUTE": (0, 59, False),
    "BYHOUR": (0, 23, False),
    "BYMONTHDAY": (1, 31, True),
    "BYMONTH": (1, 12, False),
    "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True),
    "BYSETPOS": (1, 366, True),
}
_WEEKDAY = re.compile(r"([+-]?[1-9]\d?)?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"\d{8}(T\d{6}Z?)?")


def wrong_cron(line: str) -> str | None:
    """Say what is wrong with a cron line (minute, hour, day of the month, month, day of the week); None if nothing is."""
    texts = line.lower().split()
    if len(texts) != len(_FIELDS):
        return "must have five fields: minute, hour, day of the month, month, day of the week"
    numbers: list[set[int]] = []
    for text, (name, low, high, names) in zip(texts, _FIELDS, strict=True):
        found = _cron_field(text, low, high, names)
        if found is None:
            return f"the {name} {text!r} is not understood; it may be *, {low}-{high}, lists and steps"
        numbers.append(found)
    days, months = numbers[2], numbers[3]
    if texts[4] == "*" and all(min(days) > _LONGEST_MONTHS.get(month, 31) for month in months):
        return "never happens: those months have no such day"
    return None


def _cron_field(text: str, low: int, high: int, names: Mapping[str, int]) -> set[int] | None:
    """Give the numbers that one field means; None where it cannot be read."""
    numbers: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        start = low if first == "*" else _cron_number(first, names)
        if first == "*":
            end: int | None = None if dash else high
        else:
            end = _cron_number(last, names) if dash else (high if slash else start)
        by = int(step) if step.isdecimal() and len(step) < 4 else None if slash else 1
        if start is None or end is None or not by or not low <= start <= end <= high:
            return None
        numbers.update(range(start, end + 1, by))
    return numbers


def _cron_number(text: str, names: Mapping[str, int]) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 3 else names.get(text)


def wrong_rrule(rule: str) -> str | None:
    """Say what is wrong with a recurrence rule; None if nothing is.

    FREQ is daily or rarer, and BYHOUR must be given: a document has no DTSTART from which an hour could be taken.
    """
    parts: dict[str, str] = {}
    for part in rule.removeprefix("RRULE:").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value or name in parts:
            return f"{part!r} is not understood; parts are NAME=VALUE, each once"
        parts[name] = value
    if parts.get("FREQ") not in _FREQUENCIES:
        return f"FREQ must be one of {', '.join(_FREQUENCIES)}"
    if "BYHOUR" not in parts:
        return "BYHOUR must say at which hour"
    if "UNTIL" in parts and "COUNT" in parts:
        return "UNTIL and COUNT exclude each other"
    for name, value in parts.items():
        if name != "FREQ" and not _is_part(name, value):
            return f"{name}={value} is not understood"
    return None


def _is_part(name: str, value: str) -> bool:
    """Whether one part of a recurrence rule can be read."""
    if name in ("INTERVAL", "COUNT"):
        return value.isdecimal() and 1 <= int(value) <= 10_000
    if name == "UNTIL":
        return _UNTIL.fullmatch(value) is not None
    if name == "WKST":
        return value in ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
    if name == "BYDAY":
        return all(_WEEKDAY.fullmatch(each) for each in value.split(","))
    if name not in _NUMBERS:
        return False
    low, high, signed = _NUMBERS[name]
    return all(
        re.fullmatch(r"[+-]?\d{1,3}" if signed else r"\d{1,3}", each) is not None and low <= abs(int(each)) <= high
        for each in value.split(",")
    )
