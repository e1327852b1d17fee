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
    truth: Truth
    gate: Gate = Gate.WEATHER

    def check(self, scene: Scene) -> Finding:
        """Say it."""
        return Finding(self.gate, self.truth, f"It {self.truth}.", {"said": str(self.truth)})

    def sentence(self) -> str:
        """Say that it says so."""
        return f"says {self.truth}"


@dataclass(frozen=True, slots=True)
class OpenAt:
    """Holds at the named places only; without a place nobody knows."""

    NAME: ClassVar[str] = "open_at"
    gate: ClassVar[Gate] = Gate.LOCAL_TIME
    places: frozenset[UUID]

    def check(self, scene: Scene) -> Finding:
        """Look the place up."""
        if scene.place is None:
            return Finding(self.gate, Truth.UNKNOWN, "There is no place.")
        truth = Truth.HOLDS if scene.place.id in self.places else Truth.FAILS
        return Finding(self.gate, truth, f"{scene.place.name} {truth}.")

    def sentence(self) -> str:
        """Say what it asks."""
        return "the place is one of some"


HOLDS, FAILS, UNKNOWN = Says(Truth.HOLDS), Says(Truth.FAILS), Says(Truth.UNKNOWN)
