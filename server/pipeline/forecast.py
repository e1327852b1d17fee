"""How likely it is that somebody meets a cap on a day: pure arithmetic on what each customer may be told, and how often.

What may reach a customer on a day are independent Poisson numbers by pressure class, beside what is sure to reach them.
Of those a class lets through as many as its cap allows, the day as many as its own, and the week what it has left.
Whoever is due more than that meets a cap.

Rule 1: the six days before count by what the caps let through of them, beginning with an empty week: a rolling window.
Rule 2: what a Poisson number is with less than one chance in a thousand million, it is not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

WEEK: Final = 7
"""Days whose messages the weekly cap counts: the one that is asked about, and six before."""

_TWO_WEEKS: Final = 14
"""Days of records from which on weekdays are told apart."""

_NEVER: Final = 1e-9


class Due(NamedTuple):
    """What may reach somebody in one class on one day: a rate, messages that are sure, and the class's cap (None: none)."""

    rate: float
    sure: int = 0
    most: int | None = None


class Caps(NamedTuple):
    """How many messages of all classes together a day and any seven days let through; None: any number."""

    per_day: int | None
    per_week: int | None


class Day(NamedTuple):
    """One day: `shown[n]`, how likely n messages pass the day's caps; `free[n]`, that all that is due is at most n and passes."""

    shown: tuple[float, ...]
    free: tuple[float, ...]


def meets_a_cap(week: Sequence[Sequence[Due]], caps: Caps) -> float:
    """Give the chance that, on the last of these days, more is due than the caps let through."""
    days = [day_of(tuple(due), caps.per_day) for due in week]
    room = math.inf if caps.per_day is None else caps.per_day
    if caps.per_week is None:
        return 1.0 - _at(days[-1].free, room)
    before: tuple[float, ...] = (1.0,)
    for day in days[:-1]:
        before = clump(_sum(before, day.shown), caps.per_week)
    passes = sum(
        chance * _at(days[-1].free, min(room, caps.per_week - number)) for number, chance in enumerate(before) if chance
    )
    return min(1.0, max(0.0, 1.0 - passes))


@lru_cache(maxsize=65_536)
def day_of(due: tuple[Due, ...], per_day: int | None) -> Day:
    """Work one day out."""
    shown: tuple[float, ...] = (1.0,)
    fits: tuple[float, ...] = (1.0,)
    for each in due:
        number = (0.0,) * each.sure + poisson(each.rate)
        shown = _sum(shown, number if each.most is None else clump(number, each.most))
        fits = _sum(fits, number if each.most is None else number[: each.most + 1])
    shown = shown if per_day is None else clump(shown, per_day)
    free, total = [], 0.0
    for chance in fits:
        total += chance
        free.append(total)
    return Day(shown, tuple(free))


@lru_cache(maxsize=4096)
def poisson(rate: float) -> tuple[float, ...]:
    """Give the chances of 0, 1, 2, … up to where what is left does not matter; they sum up to one."""
    chances, left, number = [math.exp(-rate)], -math.expm1(-rate), 0
    while left > _NEVER:
        number += 1
        chances.append(chances[-1] * rate / number)
        left -= chances[-1]
    chances[-1] += max(0.0, left)
    return tuple(chances)


def clump(chances: tuple[float, ...], most: int) -> tuple[float, ...]:
    """Let whatever is more than `most` be `most`."""
    return chances if len(chances) <= most + 1 else (*chances[:most], sum(chances[most:]))


def _sum(one: tuple[float, ...], other: tuple[float, ...]) -> tuple[float, ...]:
    """Give the chances of the sum of two independent numbers."""
    if one == (1.0,):
        return other
    if not one or not other:
        return ()
    found = [0.0] * (len(one) + len(other) - 1)
    for number, chance in enumerate(one):
        if chance:
            for more, each in enumerate(other, number):
                found[more] += chance * each
    return tuple(found)


def _at(free: tuple[float, ...], room: float) -> float:
    """Give how likely everything finds room: the chance that is summed up to it."""
    if not free or room < 0:
        return 0.0
    return free[int(min(room, len(free) - 1))]


def weekdays(by_ago: Mapping[int, int], days: int, today: date) -> Sequence[float]:
    """Compare each weekday's share of what happened with its share of the days; all alike where too little is known."""
    happened, seen = [0] * 7, [0] * 7
    for ago in range(1, days + 1):
        weekday = (today - timedelta(days=ago)).weekday()
        seen[weekday] += 1
        happened[weekday] += by_ago.get(ago, 0)
    total = sum(happened)
    if days < _TWO_WEEKS or not total:
        return (1.0,) * 7
    return tuple(happened[n] / seen[n] / (total / days) for n in range(7))
