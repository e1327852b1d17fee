"""When an offer's window is open at a place: its dates, and what its `if` says of clocks, days, opening hours and the sun.

Rule 1: other conditions (weather, segments, events, …) are about a moment, not about a time: the window is open where the
        clock alone would not stop the offer. Under a `not` that is where the clock alone would not make it hold.
Rule 2: what the clock does not know (no zone, no hours, no calendar) opens no window.
Rule 3: an edge is an instant. Wall times that a day has twice or not at all are converted by the zone's own rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from server.decision.conditions import daylight, local_time, logic
from server.decision.finding import FAILS, HOLDS, Condition, Gate, Scene
from server.decision.wall import instant_of, zone_for, zone_named
from server.model.context import Context, Programme
from server.model.customer import Consents, Customer, State
from server.model.offer import Offer
from server.model.place import Place

HORIZON: Final = timedelta(days=8)
"""So far is looked ahead: every day of the week comes by, also one with 25 hours."""

_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)
SUN_AHEAD: Final = timedelta(hours=12)
"""So far where the sun has a say, which is dear to ask."""
_SUN_STEP: Final = timedelta(minutes=20)
"""The sun is looked at so often, and its edge is searched for between two looks."""

_NOBODY: Final = UUID(int=0)


class Stretch(NamedTuple):
    """From some instant until `until` the window is open, or is not; what is beyond was not looked at."""

    open: bool
    until: datetime


def is_open(offer: Offer, place: Place, at: datetime, *, home: str | None, programme: Programme) -> bool:
    """Tell whether the offer's window is open at a place; `home` is the customer's home zone."""
    zone = zone_named(programme.zone)
    today = at.astimezone(zone).date() if zone is not None else None
    for day, after in ((offer.active_from, True), (offer.active_to, False)):
        if day is not None and (today is None or (today < day if after else today > day)):
            return False
    return offer.condition is None or _may(offer.condition, _scene(place, at, home, programme), wanted=True)


def stretch(offer: Offer, place: Place, at: datetime, *, home: str | None, programme: Programme) -> Stretch:
    """Tell whether the window is open at `at`, and until when that stays so (within the horizon)."""
    now = is_open(offer, place, at, home=home, programme=programme)
    end = at + (SUN_AHEAD if sees_the_sun(offer) else HORIZON)
    for edge in sorted(_edges(offer, _scene(place, at, home, programme))):
        if at < edge < end and is_open(offer, place, edge, home=home, programme=programme) is not now:
            return Stretch(now, edge)
    return Stretch(now, end)


def sees_the_sun(offer: Offer) -> bool:
    """Tell whether the window depends on where on the globe the place lies."""
    return any(isinstance(each, daylight.Condition) for each in _clocks(offer.condition))


def _scene(place: Place, at: datetime, home: str | None, programme: Programme) -> Scene:
    nobody = Customer(_NOBODY, Consents(), zone=home)
    return Scene(Context(at=at, received=at, customer=nobody, state=State()), place, programme)


def _may(condition: Condition, scene: Scene, *, wanted: bool) -> bool:
    """Tell whether a condition may hold (or fail), as far as the clock has a say."""
    if isinstance(condition, logic.Condition):
        if condition.word == "not":
            return _may(condition.members[0], scene, wanted=not wanted)
        answers = (_may(member, scene, wanted=wanted) for member in condition.members)
        return all(answers) if (condition.word == "all") is wanted else any(answers)
    if condition.gate is not Gate.LOCAL_TIME:
        return True
    return condition.truth(scene) is (HOLDS if wanted else FAILS)


def _clocks(condition: Condition | None) -> Iterator[Condition]:
    """Give the conditions that the clock answers."""
    if isinstance(condition, logic.Condition):
        for member in condition.members:
            yield from _clocks(member)
    elif condition is not None and condition.gate is Gate.LOCAL_TIME:
        yield condition


def _edges(offer: Offer, scene: Scene) -> Iterator[datetime]:
    """Give the instants within the horizon at which the answer could change, in no order."""
    programme = zone_named(scene.programme.zone)
    if programme is not None:
        ends = (offer.active_from, offer.active_to + _DAY if offer.active_to is not None else None)
        yield from (instant_of(day, time.min, programme) for day in ends if day is not None)
    for clock in _clocks(offer.condition):
        if isinstance(clock, local_time.Condition):
            yield from _clock_edges(clock, scene)
        elif isinstance(clock, daylight.Condition):
            yield from _sun_edges(clock, scene)


def _clock_edges(clock: local_time.Condition, scene: Scene) -> Iterator[datetime]:
    zone, place = zone_for(clock.tz, scene), scene.place
    if zone is not None:
        yield from _instants(zone, scene.at, (clock.start, clock.end or time.min))
    if clock.place_open and place is not None and place.hours:
        own = zone_for("place", scene)
        spans = [span for day in place.hours.values() for span in day]
        if own is not None:
            times = {each or time.min for span in spans for each in (span.open, span.close)}
            yield from _instants(own, scene.at, times)


def _instants(zone: ZoneInfo, at: datetime, clocks: Iterable[time]) -> Iterator[datetime]:
    """Give the instants at which a zone's clock shows one of these times, and those at which it jumps."""
    first, times = at.astimezone(zone).date() - _DAY, tuple(clocks)
    for number in range(HORIZON.days + 2):
        day = first + number * _DAY
        for clock in times:
            yield from {instant_of(day, clock, zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        jump = _jump(zone, day)
        if jump is not None:
            yield jump


@lru_cache(maxsize=4096)
def _jump(zone: ZoneInfo, day: date) -> datetime | None:
    """Find the instant within a day at which a zone's clock jumps; None where it does not."""
    early = datetime.combine(day, time.min, tzinfo=UTC)
    late = early + _DAY
    if early.astimezone(zone).utcoffset() == late.astimezone(zone).utcoffset():
        return None
    while late - early > _SECOND:
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == early.astimezone(zone).utcoffset():
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def _sun_edges(clock: daylight.Condition, scene: Scene) -> Iterator[datetime]:
    """Give the sunrises and sunsets, to the second."""
    place, programme = scene.place, scene.programme
    if place is None:
        return
    early, was = scene.at, clock.truth(scene)
    for number in range(1, SUN_AHEAD // _SUN_STEP + 1):
        late = scene.at + number * _SUN_STEP
        truth = clock.truth(_scene(place, late, None, programme))
        if truth is not was:
            low, high = early, late
            while high - low > _SECOND:
                middle = low + (high - low) / 2
                if clock.truth(_scene(place, middle, None, programme)) is was:
                    low = middle
                else:
                    high = middle
            yield high
        early, was = late, truth
