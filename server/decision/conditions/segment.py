"""`segment`: the customer belongs to a group: stored for the customer, or met by the segment's own condition."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from server.decision.finding import Finding, Gate, Scene, Truth
from server.decision.kleene import truth_of
from server.decision.reading import Node

NAME = "segment"


@dataclass(frozen=True, slots=True)
class Condition:
    """The name of a saved segment."""

    NAME: ClassVar[str] = NAME
    gate: ClassVar[Gate] = Gate.SEGMENT

    name: str

    @classmethod
    def parse(cls, node: Node) -> Condition | None:
        """Read the name of a segment that exists."""
        name = node.text(longest=64)
        if name and name not in node.known.segments and not node.known.stored:
            node.wrong(f"there is no segment {name}")
            return None
        return cls(name) if name else None

    def check(self, scene: Scene) -> Finding:
        """Look for membership; unknown without consent to profiling.

        A segment's condition is asked in a scene without that segment, so that segments which name each other end.
        """
        customer = scene.context.customer
        values = {"segment": self.name}
        if not customer.consents.profiling:
            return Finding(self.gate, Truth.UNKNOWN, "The customer has not agreed to profiling.", values)
        if self.name in customer.segments:
            return Finding(self.gate, Truth.HOLDS, f"The customer is in the segment {self.name}.", values)
        condition = scene.segments.get(self.name)
        if condition is None:
            return Finding(self.gate, truth_of(False), f"The customer is not in the segment {self.name}.", values)
        others = {name: each for name, each in scene.segments.items() if name != self.name}
        found = condition.check(replace(scene, segments=others))
        return Finding(
            self.gate, found.truth, f"Segment {self.name}: {found.reason}", {**values, "compared": dict(found.values)}
        )

    def sentence(self) -> str:
        """Say the condition in words."""
        return f"the customer is in the segment {self.name}"
