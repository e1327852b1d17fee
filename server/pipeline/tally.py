"""What a replay counts: sums by day, gate and displaced offer, and nobody's name.

Rule 1: a group of fewer customers than `privacy.min_group` is blanked: its figures are null, and it says so. Nor can it be
        found by taking the other days from the sum: where too few are left for that, one more day is blanked.
Rule 2: people are told apart while counting and forgotten with the count; of gates only as many as blanking needs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from server.model.money import Money


@dataclass(slots=True)
class Day:
    """One day of a place's clock."""

    moments: int = 0
    customers: set[UUID] = field(default_factory=set)


class Tally:
    """Counts one replay of one offer."""

    def __init__(self, *, value: Money | None, min_group: int) -> None:
        """`value` is what one moment of the offer may cost."""
        self._value, self._min_group = value, min_group
        self.pings = 0
        self.held_out = 0
        self._control: set[UUID] = set()
        self._days: defaultdict[date, Day] = defaultdict(Day)
        self._gates: Counter[str] = Counter()
        self._stopped: defaultdict[str, set[UUID]] = defaultdict(set)
        self._displaced: Counter[UUID] = Counter()
        self._pushed: defaultdict[UUID, set[UUID]] = defaultdict(set)

    def showed(self, customer_id: UUID, day: date) -> None:
        """Count a moment."""
        self._days[day].moments += 1
        self._days[day].customers.add(customer_id)

    def kept_back(self, customer_id: UUID) -> None:
        """Count a moment of the control group."""
        self.held_out += 1
        self._control.add(customer_id)

    def stopped(self, customer_id: UUID, gate: str) -> None:
        """Count a look at the offer that ended at a gate."""
        self._gates[gate] += 1
        self._some(self._stopped[gate], customer_id)

    def displaced(self, customer_id: UUID, offer_id: UUID) -> None:
        """Count a moment that another offer would have had."""
        self._displaced[offer_id] += 1
        self._some(self._pushed[offer_id], customer_id)

    def _some(self, group: set[UUID], customer_id: UUID) -> None:
        if len(group) < self._min_group:
            group.add(customer_id)

    def result(self, names: Mapping[UUID, str]) -> dict[str, Any]:
        """Give the sums, small groups blanked; `names` are the offers'."""
        everybody = set().union(*(day.customers for day in self._days.values()))
        moments = sum(day.moments for day in self._days.values())
        shown, hidden = self._big(everybody), self._hidden()
        return {
            "customers": len(everybody) if shown else None,
            "moments": moments if shown else None,
            "cost": self._cost(moments) if shown else None,
            "held_out": self.held_out if self._big(self._control) else None,
            "displaced": [
                {"offer": names.get(offer, str(offer)), "moments": count if self._big(self._pushed[offer]) else None}
                for offer, count in sorted(self._displaced.items(), key=lambda pair: (-pair[1], pair[0]))
            ],
            "by_day": [self._day(day, self._days[day], shown=day not in hidden) for day in sorted(self._days)],
            "gates": {
                gate: count if self._big(self._stopped[gate]) else None
                for gate, count in sorted(self._gates.items(), key=lambda pair: -pair[1])
            },
            "pings": self.pings,
            "suppressed": not shown,
        }

    def _hidden(self) -> set[date]:
        """Choose the days to blank: those of too few, and with them as many more that the rest of the sum tells of no fewer."""
        hidden = {day for day, of in self._days.items() if not self._big(of.customers)}
        people = set[UUID]().union(*(self._days[day].customers for day in hidden))
        others = sorted(self._days.keys() - hidden, key=lambda day: (len(self._days[day].customers), day))
        for day in others if hidden else ():
            if self._big(people):
                break
            hidden.add(day)
            people |= self._days[day].customers
        return hidden

    def _day(self, day: date, of: Day, *, shown: bool) -> dict[str, Any]:
        return {
            "day": day.isoformat(),
            "moments": of.moments if shown else None,
            "customers": len(of.customers) if shown else None,
            "cost": self._cost(of.moments) if shown else None,
            "suppressed": not shown,
        }

    def _big(self, group: Collection[UUID]) -> bool:
        """Tell whether a group may be told of: it is empty, or large enough."""
        return not group or len(group) >= self._min_group

    def _cost(self, moments: int) -> dict[str, Any] | None:
        if self._value is None:
            return None
        return {"minor": moments * self._value.minor, "currency": self._value.currency}
