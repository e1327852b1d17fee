"""From a ping to a Context: what is around, which zone it is in, and the sky over the places that matter.

Rule 1: nothing here waits. Fences, zones and weather are in memory; what is not known stays unknown.
Rule 2: event time is received minus the fix's age. A phone's wall clock may be a year off; its stop-watch is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from server.model.context import Cause, Context, Hit, Used
from server.model.customer import Customer, State
from server.model.ping import Fix, OsEvent, Ping
from server.model.place import Place, Point
from server.model.weather import Weather
from server.signals.fences import FenceIndex
from server.signals.zones import zone_at

ODD: Final = timedelta(minutes=2)
"""A clock that is off by more is flagged."""

_AGES: Final = timedelta(days=3660)
"""Nothing older is told apart: clocks that claim the year 1 must not overflow a date."""

_NO_TIME: Final = timedelta(0)
_NO_FLAGS: Final[frozenset[str]] = frozenset()

Sky = Callable[[Point, datetime], Weather | None]
"""What is known of the weather at a point; never waits."""


class Reported(NamedTuple):
    """One fix as a phone reports it: `captured_at` by its own clock, metres, metres per second."""

    id: UUID
    captured_at: datetime
    point: Point
    accuracy_m: float
    speed_mps: float | None = None
    source: str | None = None
    mock: bool = False
    os_event: OsEvent | None = None


class World(NamedTuple):
    """What there is to look at: all fences, the place of each, the sky, and which fences have anything to ask."""

    fences: FenceIndex
    places: Mapping[UUID, Place]
    sky: Sky
    matters: Callable[[UUID], bool]


class Spent(NamedTuple):
    """What budgets have already given: by offer, and by offer and place; offers whose claim has just failed."""

    used: Mapping[UUID, Used]
    used_at: Mapping[tuple[UUID, UUID], int]
    exhausted: frozenset[UUID] = frozenset()


NOTHING_SPENT: Final = Spent({}, {})


def ping_of(reported: Reported, *, sent_at: datetime, received: datetime) -> Ping:
    """Give a reported fix its event time, by its age at sending, and flag what is odd about its clock.

    `received` is when the request came, by the database's clock.
    """
    captured, speed = reported.captured_at, reported.speed_mps
    age, flags = sent_at - captured, _NO_FLAGS
    if age < _NO_TIME:
        flags, age = flags | {"sent_before_captured"}, _NO_TIME
    elif age > _AGES:
        age = _AGES
    if not -ODD <= sent_at - received <= ODD:
        flags |= {"skew"}
    if captured - received > ODD:
        flags |= {"ahead"}
    return Ping(
        reported.id,
        Fix(
            reported.point,
            reported.accuracy_m,
            received - age,
            speed if speed is not None and speed >= 0 else None,
            reported.mock,
        ),
        reported.source,
        reported.os_event,
        flags,
    )


def assemble(
    ping: Ping,
    *,
    customer: Customer,
    state: State,
    received: datetime,
    near: Sequence[Hit],
    world: World,
    spent: Spent = NOTHING_SPENT,
    foreground: bool = False,
    app_zone: str | None = None,
) -> Context:
    """Put together all that a decision on this ping may know. `near` are the fences around it (`fences_around`)."""
    fix = ping.fix
    hits = _hits(fix.point, near, state=state, fences=world.fences)
    return Context(
        at=fix.at,
        received=received,
        customer=customer,
        state=state,
        fix=fix,
        hits=hits,
        weather=_weather(hits, world, received),
        used=spent.used,
        used_at=spent.used_at,
        exhausted=spent.exhausted,
        foreground=foreground,
        app_zone=app_zone,
        fix_zone=zone_at(fix.point),
        os_event=ping.os_event,
        flags=ping.flags,
    )


def assemble_timer(
    *, customer: Customer, state: State, now: datetime, due: datetime, world: World, spent: Spent, foreground: bool
) -> Context:
    """Put together what a decision knows when a dwell timer rings for `due`: the stays, and the sky over them."""
    hits = _stays(state.last_fix.point, state, world.fences, frozenset()) if state.last_fix is not None else []
    return Context(
        at=due,
        received=now,
        customer=customer,
        state=state,
        cause=Cause("dwell_timer"),
        hits=tuple(hits),
        weather=_weather(hits, world, now),
        used=spent.used,
        used_at=spent.used_at,
        exhausted=spent.exhausted,
        foreground=foreground,
        fix_zone=state.last_fix.zone if state.last_fix is not None else None,
    )


def assemble_elsewise(
    cause: Cause,
    *,
    at: datetime,
    now: datetime,
    customer: Customer,
    state: State,
    hits: Sequence[Hit],
    zone: str | None,
    world: World,
    spent: Spent,
    foreground: bool,
) -> Context:
    """Put together what a decision knows when something else than a fix or a timer sets it off; `hits` are the places meant."""
    return Context(
        at=at,
        received=now,
        customer=customer,
        state=state,
        cause=cause,
        hits=tuple(hits),
        weather=_weather(hits, world, now),
        used=spent.used,
        used_at=spent.used_at,
        exhausted=spent.exhausted,
        foreground=foreground,
        fix_zone=zone,
    )


def whereabouts(point: Point, state: State, fences: FenceIndex) -> list[Hit]:
    """Measure the fences that a customer is inside of: those that hold their last point, and those of their state."""
    here = fences.around(point, 0.0)
    return [*here, *_stays(point, state, fences, frozenset(hit.id for hit in here))]


def fences_around(point: Point, *, reach_m: float, fences: FenceIndex) -> list[Hit]:
    """Measure the fences whose edge is at most so far (m) from a point, nearest edge first."""
    return fences.around(point, reach_m)


def _hits(point: Point, near: Sequence[Hit], *, state: State, fences: FenceIndex) -> tuple[Hit, ...]:
    """Add the fences that the state is inside of, however far they are by now."""
    if not state.stays:
        return tuple(near)
    far = _stays(point, state, fences, frozenset(hit.id for hit in near))
    return tuple(sorted((*near, *far), key=lambda hit: hit.edge_m)) if far else tuple(near)


def _stays(point: Point, state: State, fences: FenceIndex, known: frozenset[UUID]) -> list[Hit]:
    ids = {stay.geofence_id for stay in state.stays} - known
    found = (fences.measure(point, identifier) for identifier in ids)
    return [hit for hit in found if hit is not None]


def _weather(hits: Sequence[Hit], world: World, now: datetime) -> dict[UUID, Weather]:
    """Look up the sky over the places that offers ask about; a place that is missing has unknown weather."""
    found = {}
    for hit in hits:
        if world.matters(hit.id) and (place := world.places.get(hit.id)) is not None:
            weather = world.sky(place.point, now)
            if weather is not None:
                found[place.id] = weather
    return found
