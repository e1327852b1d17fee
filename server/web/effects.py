"""A lift in words for people: the difference, between what and what it lies, and whether it may be chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from server.decision.formats import say_money
from server.model.money import Money
from server.web.languages import Language, say_signed
from server.web.lift import LiftAnswer, MeasureAnswer, Name

_NAMES: Final[tuple[Name, ...]] = ("redemptions", "visits", "value")


class Effect(NamedTuple):
    """One measure: its name, the difference, its interval; `unsure`: nothing at all may lie within it."""

    name: str
    told: str
    between: str
    unsure: bool


def effects_of(lift: LiftAnswer, *, words: Mapping[str, str], language: Language) -> list[Effect]:
    """Put the measures that there is enough data for into words; none where there is for none."""
    found = []
    for name in _NAMES:
        measure: MeasureAnswer = getattr(lift, name)
        if measure.difference is None or measure.low is None or measure.high is None:
            continue
        say = _say(name, measure, language)
        told = say(measure.difference)
        found.append(
            Effect(
                name=words[f"lift_{name}"],
                told=words["points"].format(points=told) if name == "redemptions" else told,
                between=words["between"].format(low=say(measure.low), high=say(measure.high)),
                unsure=measure.low <= 0 <= measure.high,
            )
        )
    return found


def _say(name: Name, measure: MeasureAnswer, language: Language) -> Callable[[float], str]:
    """Give what writes numbers of a measure: shares in points of a hundred, visits, money."""
    if name == "redemptions":
        return lambda share: say_signed(100 * share, language, digits=1)
    if name == "visits":
        return lambda visits: say_signed(visits, language, digits=2)
    currency = measure.currency if isinstance(measure.currency, str) else ""
    return lambda minor: _say_money(minor, currency, language)


def _say_money(minor: float, currency: str, language: Language) -> str:
    """Write an amount with its sign."""
    whole = round(minor)
    return ("+" if whole > 0 else "\u2212" if whole < 0 else "") + say_money(Money(abs(whole), currency), language)
