"""`topic`: the customer has asked for it. Their own wish, so it needs no consent to profiling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.decision.finding import UNKNOWN, Finding, Gate, Scene, Truth
from server.decision.kleene import truth_of
from server.decision.parse_common import parse_topic
from server.decision.reading import Node

NAME = "topic"


@dataclass(frozen=True, slots=True)
class Condition:
    """The name of a topic; any may be named, customers bring their own."""

    NAME: ClassVar[str] = NAME
    gate: ClassVar[Gate] = Gate.ATTRIBUTE

    name: str

    @classmethod
    def parse(cls, node: Node) -> Condition | None:
        """Read the name."""
        name = parse_topic(node)
        return None if name is None else cls(name)

    @property
    def facts(self) -> frozenset[str]:
        """What it looks at."""
        return frozenset({f"topic:{self.name}"})

    def truth(self, scene: Scene) -> Truth:
        """Look for the customer's word: who never spoke of a topic has neither asked for it nor refused it."""
        said = scene.customer.topics.get(self.name)
        return UNKNOWN if said is None else truth_of(said)

    def check(self, scene: Scene) -> Finding:
        """Say what the customer said."""
        said = scene.customer.topics.get(self.name)
        values = {"topic": self.name, "wanted": said}
        if said is None:
            return Finding(self.gate, UNKNOWN, f"The customer has not said whether they want {self.name}.", values)
        word = "has asked for" if said else "does not want"
        return Finding(self.gate, truth_of(said), f"The customer {word} {self.name}.", values)

    def sentence(self) -> str:
        """Say the condition in words."""
        return f"the customer has asked for {self.name}"
