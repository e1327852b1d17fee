"""`attribute`: what the brand knows of the customer, compared: texts, numbers, booleans and dates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from server.decision.compare import Compare, parse_values
from server.decision.finding import FAILS, HOLDS, UNKNOWN, Finding, Gate, Scene, Truth
from server.decision.reading import Node

NAME = "attribute"
_NAME_LIKE = r"[A-Za-z_][A-Za-z0-9_-]{0,63}"


@dataclass(frozen=True, slots=True)
class Condition:
    """Bounds by the attribute's name; all must hold."""

    NAME: ClassVar[str] = NAME
    gate: ClassVar[Gate] = Gate.ATTRIBUTE

    bounds: Mapping[str, Compare]

    @classmethod
    def parse(cls, node: Node) -> Condition | None:
        """Read `{"visits": {"gte": 3}}`. Any attribute may be named: profiles bring their own."""
        if not isinstance(node.value, Mapping) or not node.value:
            node.wrong('must be an object such as {"visits": {"gte": 3}}')
            return None
        before = len(node.errors)
        bounds = {}
        for name, member in node.members():
            if re.fullmatch(_NAME_LIKE, name) is None:
                member.wrong("is no name of an attribute")
            bound = parse_values(member)
            if bound is not None:
                bounds[name] = bound
        return cls(bounds) if len(node.errors) == before else None

    @property
    def facts(self) -> frozenset[str]:
        """What it looks at."""
        return frozenset(f"attribute:{name}" for name in self.bounds)

    def truth(self, scene: Scene) -> Truth:
        """Compare; unknown without consent to profiling.

        An attribute that the customer does not have is unknown, not false: nobody said that it is so, and under `not`
        a false would show the offer to everyone of whom nothing is known.
        """
        customer = scene.customer
        if not customer.consents.profiling:
            return UNKNOWN
        whole, attributes = HOLDS, customer.attributes
        for name, bound in self.bounds.items():
            truth = bound.check(attributes[name]) if name in attributes else UNKNOWN
            if truth is FAILS:
                return FAILS
            if truth is UNKNOWN:
                whole = UNKNOWN
        return whole

    def check(self, scene: Scene) -> Finding:
        """Say what was compared."""
        customer, truth = scene.customer, self.truth(scene)
        if not customer.consents.profiling:
            return Finding(self.gate, truth, "The customer has not agreed to profiling.")
        values = {name: customer.attributes.get(name) for name in self.bounds}
        word = {Truth.HOLDS: "are", Truth.FAILS: "are not", Truth.UNKNOWN: "are not known to be"}[truth]
        return Finding(self.gate, truth, f"The customer's attributes {word} as asked ({self._words()}).", values)

    def _words(self) -> str:
        return ", ".join(f"{name} {bound.sentence()}" for name, bound in self.bounds.items())

    def sentence(self) -> str:
        """Say the condition in words."""
        return f"the customer's {self._words()}"
