"""An offer as the street knows it: the parsed document of one version. Conditions stay opaque values to the model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from server.model.look import USUAL, Look
from server.model.money import Money

Trigger = Literal["enter", "exit", "dwell", "inside", "near", "weather_change", "schedule", "event"]
Placement = Literal["banner", "card", "interstitial", "inbox"]
RewardType = Literal["percent", "amount", "free_item", "points", "stamp", "gift_card", "access", "experience"]
Calendar = Literal["day", "week", "month"]

LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|\d{3}))?")
"""What names a locale of words: language, script, country (BCP 47)."""

GOAL_WITHIN = timedelta(days=7)
"""How soon after its moment an offer's goal must be met where the document does not say: once round the week."""


@dataclass(frozen=True, slots=True)
class PlaceFilter:
    """Which places: exactly one of ids (stores or geofences), a tag, or any."""

    ids: frozenset[UUID] = frozenset()
    tag: str | None = None
    any: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the clock sets an offer off: exactly one of a cron line (five fields) or an RRULE (RFC 5545 §3.3.10).

    `tz` is the zone of its wall times: `place`, `customer_home` or an IANA name.
    """

    cron: str | None = None
    rrule: str | None = None
    tz: str = "place"


@dataclass(frozen=True, slots=True)
class When:
    """What sets the offer off."""

    trigger: Trigger
    places: PlaceFilter
    dwell: timedelta | None = None
    within_m: float | None = None
    min_confidence: float = 0.7
    event: str | None = None
    """For `trigger: event`: the event's name."""
    after: timedelta | None = None
    """For the event `inactivity`: how long nothing was heard."""
    schedule: Schedule | None = None
    """For `trigger: schedule`."""


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar period in a zone (`customer_home`, `place` or an IANA name), or a rolling one."""

    calendar: Calendar | None = None
    tz: str = "customer_home"
    rolling: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `max` in the period."""

    max: int
    period: Period


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps per customer; units and liability in total; units per place and period; the pressure class."""

    per_customer: tuple[Cap, ...] = ()
    units: int | None = None
    liability: Money | None = None
    place_units: int | None = None
    place_period: Period | None = None
    pressure: str = "marketing"

    @property
    def budgeted(self) -> bool:
        """Whether a claim must be made on a budget row."""
        return self.units is not None or self.liability is not None or self.place_units is not None


@dataclass(frozen=True, slots=True)
class Holdout:
    """The share of customers who are never shown the offer, drawn by hash(salt, customer)."""

    share: float
    salt: str


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to show it; weights are relative."""

    id: str
    weight: int
    placement: Placement


@dataclass(frozen=True, slots=True)
class Content:
    """Words in one locale; title and body may hold `{{ placeholders }}`."""

    locale: str
    title: str
    body: str
    formality: Literal["du", "sie"] | None = None
    image_url: str | None = None


@dataclass(frozen=True, slots=True)
class MomentSpec:
    """Where and how the moment is told. `action` is {"type": "pass"} | {"type": "link", "url": …} | {"type": "survey", …}."""

    surfaces: frozenset[str]
    contents: tuple[Content, ...]
    fallback_locale: str
    collapse_key: str
    action: Mapping[str, Any] = field(default_factory=lambda: {"type": "pass"})


@dataclass(frozen=True, slots=True)
class LocalClock:
    """A wall-clock time in a zone (`place`, `customer_home` or an IANA name)."""

    at: time
    tz: str = "place"


@dataclass(frozen=True, slots=True)
class Validity:
    """When the reward may be redeemed. `start` None means from the decision; a date begins at midnight in the programme's zone.

    A date as `until` is included. `at_most` counts from the moment.
    """

    start: date | datetime | LocalClock | None = None
    until: date | datetime | LocalClock | None = None
    at_most: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Reward:
    """What the customer gets; all types but an absent reward are value-bearing.

    `places`: "triggering" | "triggering_and_nearest_9" | "any", or a filter.
    """

    type: RewardType
    value: Money | None = None
    percent: float | None = None
    points: int | None = None
    sku: str | None = None
    uses: int = 1
    minimum_purchase: Money | None = None
    valid: Validity = Validity()
    places: Literal["triggering", "triggering_and_nearest_9", "any"] | PlaceFilter = "triggering"
    wallet: Look = USUAL


@dataclass(frozen=True, slots=True)
class Trust:
    """What to do with fixes that may be false."""

    mock: Literal["deny", "allow"] = "deny"
    teleport: Literal["hold", "allow"] = "hold"


@dataclass(frozen=True, slots=True)
class Offer:
    """One version of an offer, parsed. `condition` is the `if` (a server.decision condition), None where there is none."""

    id: UUID
    version: int
    name: str
    when: When
    moment: MomentSpec
    created_at: datetime
    condition: Any = None
    active_from: date | None = None
    active_to: date | None = None
    goal_event: str | None = None
    goal_within: timedelta | None = None
    priority: int = 50
    fresh: timedelta = timedelta(minutes=3)
    deliver_by: timedelta = timedelta(minutes=5)
    trust: Trust = Trust()
    limits: Limits = Limits()
    holdout: Holdout | None = None
    variants: tuple[Variant, ...] = ()
    reward: Reward | None = None
    topic: str | None = None
    """What it is about; who has turned the topic off does not get it."""

    @property
    def label(self) -> str:
        """`name@version`, as receipts cite it."""
        return f"{self.name}@{self.version}"
