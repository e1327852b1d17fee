"""`daylight`: the sun is up (true) or down (false) where the decision is about: at the place, else at the fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.decision.finding import UNKNOWN, Finding, Gate, Scene, Truth
from server.decision.kleene import truth_of
from server.decision.reading import Node
from server.decision.sun import is_up, sun_height
from server.model.place import Point

NAME = "daylight"


@dataclass(frozen=True, slots=True)
class Condition:
    """What is asked for: day, or night."""

    NAME: ClassVar[str] = NAME
    gate: ClassVar[Gate] = Gate.LOCAL_TIME

    day: bool

    @classmethod
    def parse(cls, node: Node) -> Condition | None:
        """Read `true` or `false`."""
        if not isinstance(node.value, bool):
            node.wrong("must be true (the sun is up) or false (it is down)")
            return None
        return cls(node.value)

    def truth(self, scene: Scene) -> Truth:
        """Compare the sun's height; where nobody knows the place, nobody knows the sun."""
        point = _where(scene)
        return UNKNOWN if point is None else truth_of(is_up(sun_height(point, scene.at)) == self.day)

    def check(self, scene: Scene) -> Finding:
        """Say where the sun stands."""
        point = _where(scene)
        if point is None:
            return Finding(self.gate, UNKNOWN, "It is not known where the customer is.")
        height = sun_height(point, scene.at)
        up = is_up(height)
        values = {"sun_height_deg": round(height, 2)}
        return Finding(self.gate, truth_of(up == self.day), f"The sun is {'up' if up else 'down'}.", values)

    def sentence(self) -> str:
        """Say the condition in words."""
        return f"while the sun is {'up' if self.day else 'down'}"


def _where(scene: Scene) -> Point | None:
    """Find the point whose horizon counts: that of the place, else that of the fix."""
    if scene.place is not None:
        return scene.place.point
    return scene.context.fix.point if scene.context.fix is not None else None
