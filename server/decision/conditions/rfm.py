"""`rfm`: how recently, how often and for how much the customer bought.

Rule 1: what was bought are purchases and redemptions; those of one order are one. `events` may ask for one of the two alone.
Rule 2: recency is in whole days since the last one, whenever it was; who never bought did so infinitely long ago.
Rule 3: frequency and money count what lies in (at - within, at].
Rule 4: money is of one currency. Where none is named and several were paid with, the sum is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Any, ClassVar, Final

from server.decision.compare import Compare, parse_numbers
from server.decision.durations import say_duration
from server.decision.finding import FAILS, UNKNOWN, Finding, Gate, Scene, Truth
from server.decision.kleene import all_of
from server.decision.reading import Node
from server.model.customer import BOUGHT, Happened

NAME = "rfm"

PARTS: Final = ("recency_days", "frequency", "monetary_minor")
_YEAR: Final = timedelta(days=365)
_LONGEST: Final = timedelta(days=3660)
_DAY: Final = timedelta(days=1)
_CURRENCY: Final = r"[A-Z]{3}"
_MOST_MINOR: Final = 1e12


@dataclass(frozen=True, slots=True)
class Condition:
    """Bounds on some of the three; all must hold."""

    NAME: ClassVar[str] = NAME
    gate: ClassVar[Gate] = Gate.EVENT
    facts: ClassVar[frozenset[str]] = frozenset({"bought", *(f"event:{name}" for name in BOUGHT)})

    recency: Compare | None = None
    frequency: Compare | None = None
    monetary: Compare | None = None
    within: timedelta = _YEAR
    currency: str | None = None
    events: frozenset[str] = BOUGHT

    @classmethod
    def parse(cls, node: Node) -> Condition | None:
        """Read `{"recency_days"?, "frequency"?, "monetary_minor"?, "within"?, "currency"?, "events"?}`."""
        before = len(node.errors)
        if not node.object(*PARTS, "within", "currency", "events"):
            return None
        recency, frequency, monetary = (node.child(name) for name in PARTS)
        if not (recency.given or frequency.given or monetary.given):
            node.wrong(f"must ask for one of {', '.join(PARTS)}")
        days = parse_numbers(recency, low=0, high=_LONGEST.days, whole=True) if recency.given else None
        times = parse_numbers(frequency, low=0, high=1_000_000, whole=True) if frequency.given else None
        money = parse_numbers(monetary, low=0, high=_MOST_MINOR, whole=True) if monetary.given else None
        within = node.child("within").duration(_YEAR, low=_DAY, high=_LONGEST)
        hint = "must be an ISO 4217 code such as EUR"
        currency = node.child("currency").text(shape=_CURRENCY, hint=hint) or None
        events = node.child("events")
        names = events.choices(BOUGHT) if events.given else BOUGHT
        if len(node.errors) > before:
            return None
        return cls(days, times, money, within, currency, names)

    def truth(self, scene: Scene) -> Truth:
        """Compare; unknown without consent to profiling."""
        customer = scene.customer
        if not customer.consents.profiling or customer.bought is None:
            return UNKNOWN
        past = self._past(customer.bought, scene.at)
        whole = self.recency.check(_days_since(past, scene.at)) if self.recency is not None else None
        if whole is FAILS:
            return whole
        recent = self._recent(past, scene.at)
        found: list[Truth] = [] if whole is None else [whole]
        if self.frequency is not None:
            found.append(self.frequency.check(len(recent)))
        if self.monetary is not None:
            paid = _paid(recent, self.currency)
            found.append(UNKNOWN if paid is None else self.monetary.check(paid))
        return all_of(found)

    def check(self, scene: Scene) -> Finding:
        """Say when, how often and for how much."""
        customer, truth = scene.customer, self.truth(scene)
        if not customer.consents.profiling:
            return Finding(self.gate, truth, "The customer has not agreed to profiling.")
        if customer.bought is None:
            return Finding(self.gate, truth, "What the customer bought was not looked up.")
        past = self._past(customer.bought, scene.at)
        recent, days = self._recent(past, scene.at), _days_since(past, scene.at)
        values: dict[str, Any] = {}
        if self.recency is not None:
            values["recency_days"] = None if days == inf else days
        if self.frequency is not None:
            values["frequency"] = len(recent)
        if self.monetary is not None:
            values["monetary_minor"] = _paid(recent, self.currency)
            values["currency"] = self.currency or _currency(recent)
        word = {Truth.HOLDS: "are", Truth.FAILS: "are not", Truth.UNKNOWN: "are not known to be"}[truth]
        return Finding(self.gate, truth, f"The customer's purchases {word} as asked ({self.sentence()}).", values)

    def _past(self, bought: Sequence[Happened], at: datetime) -> list[Happened]:
        """Pick what is meant and has happened by then."""
        return [each for each in bought if each.at <= at and each.name in self.events]

    def _recent(self, past: Sequence[Happened], at: datetime) -> list[Happened]:
        """Pick what lies within the span."""
        since = at - self.within
        return [each for each in past if each.at > since]

    def sentence(self) -> str:
        """Say the condition in words."""
        words = []
        if self.recency is not None:
            words.append(f"days since the last {self.recency.sentence()}")
        if self.frequency is not None:
            words.append(f"number {self.frequency.sentence()}")
        if self.monetary is not None:
            words.append(f"sum {self.monetary.sentence()} minor units{f' of {self.currency}' if self.currency else ''}")
        what = " and ".join(f"{name}s" for name in sorted(self.events))
        return f"{what} within {say_duration(self.within)}: {', '.join(words)}"


def _days_since(past: Sequence[Happened], at: datetime) -> float:
    """Count the whole days since the last one."""
    return (at - max(each.at for each in past)) // _DAY if past else inf


def _currency(recent: Sequence[Happened]) -> str | None:
    """Name the one currency that was paid with; None for none or several."""
    found = {each.amount.currency for each in recent if each.amount is not None}
    return found.pop() if len(found) == 1 else None


def _paid(recent: Sequence[Happened], currency: str | None) -> int | None:
    """Sum what was paid, in the currency if one is named; None where there are several and none is."""
    amounts = [each.amount for each in recent if each.amount is not None]
    if currency is None and len({each.currency for each in amounts}) > 1:
        return None
    return sum(each.minor for each in amounts if currency in (None, each.currency))
