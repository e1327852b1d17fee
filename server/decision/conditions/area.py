"""`place`: the place that the decision is about is one of those, or carries that tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.decision.filters import parse_places, say_places
from server.decision.finding import FAILS, HOLDS, UNKNOWN, Finding, Gate, Scene, Truth
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

    def truth(self, scene: Scene) -> Truth:
        """Compare the scene's place; without one (the offer was not set off at a place) the answer is unknown."""
        place, places = scene.place, self.places
        if place is None:
            return UNKNOWN
        if places.tag is not None:
            return HOLDS if places.tag in place.tags else FAILS
        return HOLDS if place.id in places.ids or place.geofence_id in places.ids else FAILS

    def check(self, scene: Scene) -> Finding:
        """Say which place it is."""
        truth, place = self.truth(scene), scene.place
        if place is None:
            return Finding(self.gate, truth, "It is not known at which place the customer is.")
        values = {"place": place.name, "tags": sorted(place.tags)}
        word = "" if truth is HOLDS else "not "
        return Finding(self.gate, truth, f"{place.name} is {word}one of the places.", values)

    def sentence(self) -> str:
        """Say the condition in words."""
        return f"at {say_places(self.places)}"
