"""What a condition answers: one of three truths, the gate it speaks for, and the values that were compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, Protocol

from server.model.context import Context, Programme
from server.model.place import Place


class Truth(StrEnum):
    """Unknown is not false: it is said as such, and it never shows an offer (Kleene's strong logic)."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"

    __hash__ = str.__hash__  # equal to its text, so hashed like it; Enum's own is a call in Python for each look-up


class Gate(StrEnum):
    """Where an offer can fail, in the order in which it is asked."""

    CONSENT = "consent"
    LATE = "late"
    TRUST = "trust"
    PLACE = "place"
    TRIGGER = "trigger"
    ACTIVE = "active"
    LOCAL_TIME = "local_time"
    WEATHER = "weather"
    SEGMENT = "segment"
    ATTRIBUTE = "attribute"
    EVENT = "event"
    QUIET_HOURS = "quiet_hours"
    CAP = "cap"
    BUDGET = "budget"
    ARBITRATION = "arbitration"

    __hash__ = str.__hash__


ORDER: Mapping[str, int] = {gate: place for place, gate in enumerate(Gate)}
"""A gate's rank; the top-level members of a condition are looked at in this order to name the gate on a receipt."""


class Finding(NamedTuple):
    """One answer: the gate, the truth, a sentence, and the values that were compared (JSON-able)."""

    gate: Gate
    truth: Truth
    reason: str
    values: Mapping[str, Any] = {}


class Wall(NamedTuple):
    """What a wall clock shows, and how that is written on receipts."""

    local: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What a condition may look at: the context, the place it is asked for (None without one), the programme, segments.

    `at` is the instant that is judged (event time). `segments` maps the name of a saved segment to its condition; `walls`
    keeps what the instant is on the wall clocks that were asked for (server.decision.wall).
    """

    context: Context
    place: Place | None
    programme: Programme
    segments: Mapping[str, Condition | None] = field(default_factory=dict)
    walls: dict[str, Wall] = field(default_factory=dict, repr=False, compare=False)

    @property
    def at(self) -> datetime:
        """The instant that is judged."""
        return self.context.at


class Condition(Protocol):
    """One kind of condition: a frozen value that was parsed from the document and can be asked."""

    NAME: ClassVar[str]
    gate: ClassVar[Gate]

    def check(self, scene: Scene) -> Finding:
        """Answer for this scene; never raises, never asks anybody."""

    def sentence(self) -> str:
        """Say the condition in words."""
