"""Everything a decision may know: assembled outside, so that the decision itself asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, NamedTuple
from uuid import UUID

from server.model.customer import Customer, State
from server.model.ping import Fix, OsEvent
from server.model.weather import Weather


class Recorded(NamedTuple):
    """What was written down of a fix beside a fence, in place of distances: how likely it was inside, whether it lay
    beyond the margin (`outside`) or within it (`margin`), and whether it was too coarse to tell."""

    p: float
    outside: bool
    margin: bool
    coarse: bool


class Hit(NamedTuple):
    """One fence measured from a point: metres to its centre, and signed metres to its boundary (negative inside).

    `radius_m` is the circle's, or for an area that of the circle of equal area; `straight` marks an area, whose boundary
    counts as a straight edge. Where `recorded` is set, the fix is one of the past: that stands, and the distances only
    tell the order.
    """

    id: UUID
    center_m: float
    edge_m: float
    radius_m: float
    straight: bool
    recorded: Recorded | None = None


class Believed(NamedTuple):
    """How a fix of the past stood when it came: late behind the state, and its doubts ("mock", "teleport")."""

    late: bool = False
    doubts: tuple[str, ...] = ()


class Cause(NamedTuple):
    """What set a decision off: a fix, or something that is no fix. `name` is the event's, or the scheduled offer's.

    `after` is how long a spell of absence has lasted, where that is the event.
    """

    type: Literal["fix", "event", "schedule", "weather_change", "dwell_timer"]
    name: str | None = None
    after: timedelta | None = None


class Used(NamedTuple):
    """What an offer's budget has already given: units, liability in minor units, units at the place in its period."""

    units: int = 0
    liability_minor: int = 0
    place_units: int = 0


class Context(NamedTuple):
    """One moment of one customer.

    `at` is event time (UTC); `received` is when it is decided (freshness is received minus at). `hits` are the fences
    around the fix, nearest edge first, together with every fence of the state. `weather` is by place id; a place that is
    missing has unknown weather. `used` is by offer id, `used_at` by (offer id, place id); what is missing has used nothing.
    `exhausted` names offers whose budget could not be claimed a moment ago. `flags` are the ping's clock flags. `believed`
    is set for a fix of the past: its position is forgotten, and how far it was believed was written down.
    """

    at: datetime
    received: datetime
    customer: Customer
    state: State
    cause: Cause = Cause("fix")
    fix: Fix | None = None
    hits: tuple[Hit, ...] = ()
    weather: Mapping[UUID, Weather] = MappingProxyType({})
    used: Mapping[UUID, Used] = MappingProxyType({})
    used_at: Mapping[tuple[UUID, UUID], int] = MappingProxyType({})
    exhausted: frozenset[UUID] = frozenset()
    foreground: bool = False
    app_zone: str | None = None
    fix_zone: str | None = None
    os_event: OsEvent | None = None
    flags: frozenset[str] = frozenset()
    duplicate: bool = False
    believed: Believed | None = None


class Programme(NamedTuple):
    """The programme-wide rules that a decision needs from the settings, and whether somebody has stopped everything."""

    zone: str
    quiet_from: str
    quiet_to: str
    quiet_zone: str
    per_day: int | None
    per_week: int | None
    class_per_day: Mapping[str, int]
    holdout_share: float
    formality: Literal["du", "sie"]
    weather_max_age_s: int
    pings_max_age_s: int
    paused: bool = False
    locales: tuple[str, ...] = ()
    """The locales that every offer must have words in before it is published."""
    formalities: tuple[Literal["du", "sie"], ...] = ()
    """Those that German words must exist in; none means `formality` alone."""
