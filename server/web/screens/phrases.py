"""Pieces of sentences about offers: places, lengths of time, money, bounds, in one language. Nothing here raises."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from server.decision.durations import read_duration
from server.decision.formats import say_money
from server.decision.wall import zone_named
from server.model.money import Money
from server.web.languages import Language, catalogue

Names = Callable[[str], str]
"""Gives a place's name for its id."""

_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_LISTED: Final = 4
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def say_instant(at: datetime, zone: str, language: Language) -> str:
    """Write an instant on a zone's clock: `3 Nov 2026, 09:00`."""
    local = at.astimezone(zone_named(zone) or UTC)
    day = f"{local.day}.{local.month}.{local.year}" if language == "de" else f"{local.day} {local:%b %Y}"
    return f"{day}, {local:%H:%M}"


class Phrases:
    """The words of one language, and the pieces made of them."""

    def __init__(self, language: Language, names: Names = str) -> None:
        """Speak a language; `names` knows places."""
        self.language, self._names = language, names
        self._words = {
            **catalogue("common")[language],
            **catalogue("decision")[language],
            **catalogue("offer")[language],
        }

    def say(self, key: str, **gaps: object) -> str:
        """Say a word of the dictionary; one that it does not have is said as it is called."""
        words = self._words.get(key)
        return key.partition("_")[2] if words is None else words.format(**gaps)

    def knows(self, key: str) -> bool:
        """Whether the dictionary has a word."""
        return key in self._words

    def joined(self, texts: Iterable[str], joint: str = "join_and") -> str:
        """List texts: `a, b and c`."""
        *most, last = [*texts] or [""]
        return f"{', '.join(most)}{self.say(joint)}{last}" if most else last

    def number(self, value: object) -> str:
        """Write a number as the language does; anything else as it is."""
        if isinstance(value, bool):
            return self._words["yes" if value else "no"].lower()
        if not isinstance(value, int | float):
            return self.day(value)
        text = f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"
        return text.translate(str.maketrans(",.", ".,")) if self.language == "de" else text

    def share(self, value: object) -> str:
        """Write a share in percent."""
        if not isinstance(value, int | float):
            return str(value)
        return f"{self.number(round(100 * value, 2))}\u00a0%" if self.language == "de" else f"{100 * value:.4g}%"

    def length(self, text: object) -> str:
        """Say a length of time: `PT2M` is `2 minutes`."""
        span = read_duration(text) if isinstance(text, str) else None
        if span is None:
            return str(text)
        return self._length(span)

    def _length(self, span: timedelta) -> str:
        rest, words = int(span.total_seconds()), []
        for name, size in _UNITS:
            count, rest = divmod(rest, size)
            if count:
                words.append(f"{count} {self.say(f'unit_{name}' if count == 1 else f'unit_{name}s')}")
        return " ".join(words) or f"0 {self.say('unit_seconds')}"

    def money(self, amount: object) -> str:
        """Write an amount of money."""
        match amount:
            case {"minor": int(minor), "currency": str(currency)} if _CURRENCY.fullmatch(currency):
                return say_money(Money(minor, currency), self.language)
        return str(amount)

    def day(self, text: object) -> str:
        """Write a day, `2026-11-03`; anything else as it is."""
        try:
            found = date.fromisoformat(text) if isinstance(text, str) else None
        except ValueError:
            found = None
        if found is None:
            return str(text)
        return f"{found.day}.{found.month}.{found.year}" if self.language == "de" else f"{found.day} {found:%b %Y}"

    def zone(self, name: object) -> str:
        """Say whose clock is meant."""
        return self.say(f"zone_{name}") if name in ("place", "customer_home") else str(name)

    def places(self, wanted: object) -> str:
        """Say which places are meant; without any said it is any."""
        match wanted:
            case {"tag": str(tag)}:
                return self.say("places_tag", tag=tag)
            case {"ids": list(ids)} if ids:
                named = [self._names(str(each)) for each in ids]
                if len(named) <= _LISTED:
                    return self.joined(named, "join_or")
                return self.say("places_more", names=", ".join(named[:_LISTED]), more=len(named) - _LISTED)
        return self.say("places_any")

    def event(self, name: object) -> str:
        """Say what happened, in quotation marks where it is a name that people gave."""
        return self.say(f"event_{name}") if self.knows(f"event_{name}") else self.say("event_named", name=name)

    def bounds(self, asked: object, write: Callable[[object], str] | None = None) -> str:
        """Say a comparison: `at least 3 and under 10`."""
        write = write or self.number
        if not isinstance(asked, Mapping):
            return str(asked)
        return self.joined(self._bound(name, operand, write) for name, operand in asked.items())

    def _bound(self, name: str, operand: Any, write: Callable[[object], str]) -> str:
        if name == "between" and isinstance(operand, list) and len(operand) == len(("from", "to")):
            return self.say("cmp_between", **{"from": write(operand[0]), "to": write(operand[1])})
        return self.say(f"cmp_{name}", value=write(operand))
