"""`event`: how often something happened to the customer lately (a purchase, a redemption of an offer, …)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from server.decision.compare import Compare, parse_numbers
from server.decision.durations import say_duration
from server.decision.finding import FAILS, HOLDS, UNKNOWN, Finding, Gate, Scene, Truth
from server.decision.reading import Node

NAME = "event"
_ONCE = Compare((("gte", 1),))
_SECOND = timedelta(seconds=1)
_LONGEST = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class Condition:
    """The event's name, perhaps the offer that it belongs to, the span to look back, and how often."""

    NAME: ClassVar[str] = NAME
    gate: ClassVar[Gate] = Gate.EVENT

    name: str
    within: timedelta
    offer: str | None = None
    count: Compare = _ONCE
    asked: str = field(default="", init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Put together once what is on every receipt."""
        what = self.name if self.offer is None else f"{self.name} of {self.offer}"
        object.__setattr__(
            self, "asked", f"{what} within {say_duration(self.within)}; asked for: {self.count.sentence()}."
        )

    @classmethod
    def parse(cls, node: Node) -> Condition | None:
        """Read `{"name", "offer"?, "within", "count"?}`; without `count` once is enough."""
        before = len(node.errors)
        if not node.object("name", "offer", "within", "count", need=("name", "within")):
            return None
        name = node.child("name").text(longest=64)
        offer = node.child("offer").text(longest=64) or None
        within = node.child("within").duration(_SECOND, low=_SECOND, high=_LONGEST)
        times = node.child("count")
        count = parse_numbers(times, low=0, high=1_000_000, whole=True) if times.given else _ONCE
        if count is None or len(node.errors) > before:
            return None
        return cls(name, within, offer, count)

    @property
    def facts(self) -> frozenset[str]:
        """What it looks at."""
        return frozenset({f"event:{self.name}"})

    def truth(self, scene: Scene) -> Truth:
        """Count; unknown without consent to profiling. Where once is enough, the first one ends the counting."""
        customer = scene.customer
        if not customer.consents.profiling:
            return UNKNOWN
        if self.count is _ONCE:
            return HOLDS if customer.events and self._count(scene, most=1) else FAILS
        return self.count.check(self._count(scene))

    def check(self, scene: Scene) -> Finding:
        """Say how often it happened."""
        if not scene.customer.consents.profiling:
            return Finding(self.gate, UNKNOWN, "The customer has not agreed to profiling.")
        times = self._count(scene)
        return Finding(
            self.gate, self.count.check(times), f"{times} × {self.asked}", {"event": self.name, "count": times}
        )

    def _count(self, scene: Scene, *, most: int = 1 << 31) -> int:
        """Count what lies in (at - within, at], up to `most`.

        Later events do not count, and one exactly that old no longer does.
        """
        at, name, offer, times = scene.at, self.name, self.offer, 0
        since = at - self.within
        for each in scene.customer.events:
            if each.name == name and (offer is None or each.offer == offer) and since < each.at <= at:
                times += 1
                if times == most:
                    break
        return times

    def sentence(self) -> str:
        """Say the condition in words."""
        of = f" of {self.offer}" if self.offer else ""
        return f"{self.count.sentence()} × {self.name}{of} within {say_duration(self.within)}"
