"""Conditions that answer what a test wants, for a core that must not care which condition it asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from server.decision.finding import Finding, Gate, Scene, Truth


@dataclass(frozen=True, slots=True)
class Says:
    """Always the same truth, at one gate."""

    NAME: ClassVar[str] = "says"
    said: Truth
    gate: Gate = Gate.WEATHER

    def truth(self, scene: Scene) -> Truth:
        """Say it in a word."""
        return self.said

    def check(self, scene: Scene) -> Finding:
        """Say it."""
        return Finding(self.gate, self.said, f"It {self.said}.", {"said": str(self.said)})

    def sentence(self) -> str:
        """Say that it says so."""
        return f"says {self.said}"


@dataclass(frozen=True, slots=True)
class OpenAt:
    """Holds at the named places only; without a place nobody knows."""

    NAME: ClassVar[str] = "open_at"
    gate: ClassVar[Gate] = Gate.LOCAL_TIME
    places: frozenset[UUID]

    def truth(self, scene: Scene) -> Truth:
        """Look the place up."""
        if scene.place is None:
            return Truth.UNKNOWN
        return Truth.HOLDS if scene.place.id in self.places else Truth.FAILS

    def check(self, scene: Scene) -> Finding:
        """Say what was found."""
        truth = self.truth(scene)
        if scene.place is None:
            return Finding(self.gate, truth, "There is no place.")
        return Finding(self.gate, truth, f"{scene.place.name} {truth}.")

    def sentence(self) -> str:
        """Say what it asks."""
        return "the place is one of some"


HOLDS, FAILS, UNKNOWN = Says(Truth.HOLDS), Says(Truth.FAILS), Says(Truth.UNKNOWN)
