"""What a condition answers: one of three truths, the gate it speaks for, and the values that were compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, NamedTuple, Protocol

from server.model.context import Context, Programme
from server.model.customer import Customer
from server.model.place import Place
from server.model.weather import Weather


class Truth(StrEnum):
    """Unknown is not false: it is said as such, and it never shows an offer (Kleene's strong logic)."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"

    __hash__ = str.__hash__  # equal to its text, so hashed like it; Enum's own is a call in Python for each look-up


HOLDS: Final = Truth.HOLDS
FAILS: Final = Truth.FAILS
UNKNOWN: Final = Truth.UNKNOWN
"""The truths by themselves: reading a member off its enumeration is a call in Python 3.11, and decisions read thousands."""


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
    """What a wall clock shows: the whole reading, the time of day in microseconds, and the weekday (Monday 0)."""

    local: datetime
    clock: int
    weekday: int

    @property
    def text(self) -> str:
        """The reading as receipts cite it."""
        return self.local.isoformat()


@dataclass(slots=True)
class Scene:
    """What a condition may look at: the context, the place it is asked for (None without one), the programme, segments.

    `at` is the instant that is judged (event time), `weather` the place's; `segments` maps the name of a saved segment to
    its condition. Who asks the same again hears what was found before: `walls` keeps the wall clocks that were looked at
    (server.decision.wall), `members` in which saved segments the customer is. Those two alone ever change.
    """

    context: Context
    place: Place | None
    programme: Programme
    segments: Mapping[str, Condition | None] = field(default_factory=dict)
    at: datetime = field(init=False, repr=False)
    customer: Customer = field(init=False, repr=False)
    weather: Weather | None = field(init=False, repr=False)
    walls: dict[str, Wall] = field(init=False, repr=False, compare=False)
    members: dict[str, Truth] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Pick out what nearly every condition asks for."""
        context, place = self.context, self.place
        self.at, self.customer = context.at, context.customer
        self.weather = context.weather.get(place.id) if place is not None else None
        self.walls, self.members = {}, {}

    def without(self, segment: str) -> Scene:
        """Give the same scene without one saved segment, so that segments which name each other come to an end."""
        others = {name: each for name, each in self.segments.items() if name != segment}
        scene = Scene(self.context, self.place, self.programme, others)
        scene.walls = self.walls
        return scene


class Condition(Protocol):
    """One kind of condition: a frozen value that was parsed from the document and can be asked in two ways.

    Most answers are needed for their truth alone; words and values are for who reads a receipt.
    """

    NAME: ClassVar[str]
    gate: ClassVar[Gate]

    def truth(self, scene: Scene) -> Truth:
        """Answer for this scene in one word, which is always `check(scene).truth`; never raises, never asks anybody."""

    def check(self, scene: Scene) -> Finding:
        """Answer for this scene with the reason and what was compared; never raises, never asks anybody."""

    def sentence(self) -> str:
        """Say the condition in words."""
