"""`segment`: the customer belongs to a group: stored for the customer, or met by the segment's own condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.decision.finding import FAILS, HOLDS, UNKNOWN, Finding, Gate, Scene, Truth
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

    def truth(self, scene: Scene) -> Truth:
        """Look for membership; unknown without consent to profiling. Offers at one place share the answer.

        A segment's condition is asked in a scene without that segment, so that segments which name each other end.
        """
        customer, name = scene.customer, self.name
        if not customer.consents.profiling:
            return UNKNOWN
        if name in customer.segments:
            return HOLDS
        found = scene.members.get(name)
        if found is None:
            condition = scene.segments.get(name)
            found = FAILS if condition is None else condition.truth(scene.without(name))
            scene.members[name] = found
        return found

    def check(self, scene: Scene) -> Finding:
        """Say by what the customer is a member or is not."""
        customer = scene.customer
        values = {"segment": self.name}
        if not customer.consents.profiling:
            return Finding(self.gate, UNKNOWN, "The customer has not agreed to profiling.", values)
        if self.name in customer.segments:
            return Finding(self.gate, HOLDS, f"The customer is in the segment {self.name}.", values)
        condition = scene.segments.get(self.name)
        if condition is None:
            return Finding(self.gate, FAILS, f"The customer is not in the segment {self.name}.", values)
        found = condition.check(scene.without(self.name))
        return Finding(
            self.gate, found.truth, f"Segment {self.name}: {found.reason}", {**values, "compared": dict(found.values)}
        )

    def sentence(self) -> str:
        """Say the condition in words."""
        return f"the customer is in the segment {self.name}"
