"""`place`: the place that the decision is about is one of those, or carries that tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.decision.filters import parse_places, say_places
from server.decision.finding import Finding, Gate, Scene, Truth
from server.decision.kleene import truth_of
from server.decision.reading import Node
from server.model.offer import PlaceFilter

NAME = "place"


@dataclass(frozen=True, slots=True)
class Condition:
    """Which places are meant, by ids (of stores or fences) or by a tag."""

    NAME: ClassVar[str] = NAME
    gate: ClassVar[Gate] = Gate.PLACE

    places: PlaceFilter

    @classmethod
    def parse(cls, node: Node) -> Condition | None:
        """Read `{"ids": […]}` or `{"tag": "…"}`."""
        places = parse_places(node, whole=False)
        return None if places is None else cls(places)

    def check(self, scene: Scene) -> Finding:
        """Compare the scene's place; without one (the offer was not set off at a place) the answer is unknown."""
        place = scene.place
        if place is None:
            return Finding(self.gate, Truth.UNKNOWN, "It is not known at which place the customer is.")
        if self.places.tag is not None:
            meant = self.places.tag in place.tags
        else:
            meant = bool({place.id, place.geofence_id} & self.places.ids)
        values = {"place": place.name, "tags": sorted(place.tags)}
        return Finding(
            self.gate, truth_of(meant), f"{place.name} is {'' if meant else 'not '}one of the places.", values
        )

    def sentence(self) -> str:
        """Say the condition in words."""
        return f"at {say_places(self.places)}"
