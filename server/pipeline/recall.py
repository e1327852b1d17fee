"""A fix of the past as a Context: from what was written down of it, so that the same `decide` answers.

Rule 1: what was recorded stands. Nothing is measured again but where nothing was: a store that a draft wants to be near
        and no live offer did is looked for from the middle of the cell.
Rule 2: order is kept, distances are not: the hits of a Context of the past tell which place is the nearest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from server.decision.ruleset import Ruleset
from server.decision.trust import COARSEST_M, distance_m
from server.model.context import Believed, Cause, Context, Hit, Recorded, Used
from server.model.customer import Customer, State
from server.model.ping import Fix
from server.model.place import Point
from server.model.weather import Weather
from server.pipeline.skies import weather_of
from server.pipeline.traces import Beside, Trace
from server.signals.fences import FenceIndex
from server.store.occasions import Occasion
from server.store.past import PastPing

_FINE_M: Final = 5.0
_STEP_M: Final = 1e-3
"""Places stand so far (m) apart in a Context of the past: in their order, and within any distance that is asked for."""

_AWAY: Final = 1e9
_MOST_SKIES: Final = 5_000


class Ground:
    """What the past is decided on: the rules with the draft, those of now without it, fences, and cited weather."""

    def __init__(self, ruleset: Ruleset, *, live: Ruleset, fences: FenceIndex) -> None:
        """`live` are the offers of now: of those it was written down whether they were near."""
        self.ruleset, self._live, self._fences = ruleset, live, fences
        self.readings: dict[str, object] = {}
        self._skies: dict[tuple[str, int], Weather] = {}
        self._near: dict[str, list[Hit]] = {}

    def weather(self, beside: Beside, name: str, received: datetime) -> Weather | None:
        """Give the weather that was cited, as old as it was then."""
        reading = self.readings.get(name)
        if reading is None:
            return None
        at = received - timedelta(milliseconds=beside.sky_age_ms)
        if not beside.sky_age_ms:
            return weather_of(reading, at=at)
        key = name, round(10 * at.timestamp())  # observed at one instant, told by many fixes to the millisecond
        if key not in self._skies:
            if len(self._skies) >= _MOST_SKIES:
                self._skies.clear()
            self._skies[key] = weather_of(reading, at=at)
        return self._skies[key]

    def beside(self, number: int, beside: Beside, cell: str) -> Hit | None:
        """Give the hit of a fence that was written down, the number-th nearest; None for one that is gone."""
        place = self.ruleset.places.by_geofence.get(beside.id)
        if place is None:
            return None
        center = least = (beside.fails_m or 0.0) + (number + 1) * _STEP_M
        if self.ruleset.plan(beside.id).near:
            center = max(least, distance_m(point_of(cell), place.point))
            center = min(center, beside.holds_m) if beside.holds_m is not None else center
        said = Recorded(beside.p / 100, beside.edge == "beyond", beside.edge == "within", beside.coarse)
        return Hit(beside.id, center, 0.0, place.radius_m, straight=False, recorded=said)

    def near(self, cell: str) -> list[Hit]:
        """Find the places that some offer wants to be near, from the middle of a cell, beyond what live offers ask."""
        if not self.ruleset.near_reach_m:
            return []
        if cell not in self._near:
            if len(self._near) >= _MOST_SKIES:
                self._near.clear()
            middle = point_of(cell)
            around = self._fences.around(middle, self.ruleset.near_reach_m)
            self._near[cell] = [self._far(hit) for hit in around if self.ruleset.plan(hit.id).near]
        return self._near[cell]

    def _far(self, hit: Hit) -> Hit:
        asked = max((offer.when.within_m or 0.0 for offer in self._live.plan(hit.id).near), default=0.0)
        return _gone(hit.id, hit.radius_m)._replace(center_m=max(hit.center_m, asked + _STEP_M))

    def stayed(self, state: State, known: Iterable[UUID], *, coarse: bool) -> list[Hit]:
        """Give the fences that the state is inside of and that were not written down: they were left by then."""
        found = []
        for fence in {stay.geofence_id for stay in state.stays} - set(known):
            place = self.ruleset.places.by_geofence.get(fence)
            if place is not None:
                hit = _gone(fence, place.radius_m)
                found.append(hit._replace(recorded=Recorded(0.0, outside=True, margin=False, coarse=coarse)))
        return found


def _gone(fence: UUID, radius_m: float) -> Hit:
    """Say that a fence is far away."""
    said = Recorded(0.0, outside=True, margin=False, coarse=False)
    return Hit(fence, _AWAY, _AWAY, radius_m, straight=False, recorded=said)


def recall(
    ping: PastPing, trace: Trace, *, customer: Customer, state: State, ground: Ground, used: Mapping[UUID, Used]
) -> Context:
    """Give the Context of a fix of the past."""
    hits, weather, name, source = [], {}, "", Beside(ping.id)
    for number, beside in enumerate(trace.fences):
        if beside.sky is not None:
            name, source = beside.sky, beside
        hit = ground.beside(number, beside, ping.cell)
        if hit is None:
            continue
        hits.append(hit)
        sky = ground.weather(source, name, ping.received_at) if name else None
        if sky is not None:
            weather[ground.ruleset.places.by_geofence[hit.id].id] = sky
    known = {hit.id for hit in hits}
    hits += [hit for hit in ground.near(ping.cell) if hit.id not in known]
    hits += ground.stayed(state, (hit.id for hit in hits), coarse=trace.coarse)
    return Context(
        at=ping.at,
        received=ping.received_at,
        customer=customer,
        state=state,
        fix=Fix(point_of(ping.cell), COARSEST_M + 1 if trace.coarse else _FINE_M, ping.at, mock=trace.mock),
        hits=tuple(hits),
        weather=weather,
        used=used,
        foreground=trace.foreground or trace.listening,
        fix_zone=_zone(trace, ground),
        flags=frozenset({"sent_before_captured"}) if trace.clock else frozenset(),
        believed=_believed(ping.reason, mock=trace.mock),
    )


def recall_timer(
    due: datetime,
    *,
    received: datetime,
    customer: Customer,
    state: State,
    before: Context,
    used: Mapping[UUID, Used],
    foreground: bool,
) -> Context:
    """Give the Context of a dwell timer that rang for `due`, with what the fix before it saw."""
    stayed = {stay.geofence_id for stay in state.stays}
    return Context(
        at=due,
        received=received,
        customer=customer,
        state=state,
        cause=Cause("dwell_timer"),
        hits=tuple(hit for hit in before.hits if hit.id in stayed),
        weather=before.weather,
        used=used,
        foreground=foreground,
        fix_zone=state.last_fix.zone if state.last_fix is not None else None,
    )


def recall_held(
    held: Occasion, *, customer: Customer, state: State, before: Context, used: Mapping[UUID, Used], foreground: bool
) -> Context:
    """Give the Context in which a held offer is asked for again, at the end of the quiet hours."""
    return Context(
        at=held.at,
        received=held.at,
        customer=customer,
        state=state,
        cause=Cause("schedule", held.name),
        hits=tuple(hit for hit in before.hits if hit.id == held.geofence_id),
        weather=before.weather,
        used=used,
        foreground=foreground,
        fix_zone=state.last_fix.zone if state.last_fix is not None else None,
    )


def point_of(cell: str) -> Point:
    """Give the middle of a cell."""
    lat, _, lon = cell.partition(",")
    return Point(float(lat), float(lon))


def _zone(trace: Trace, ground: Ground) -> str | None:
    if trace.zone is not None:
        return trace.zone
    place = ground.ruleset.places.by_geofence.get(trace.fences[0].id)
    return place.zone if place is not None else None


def _believed(reason: str | None, *, mock: bool) -> Believed:
    doubts = (("mock",) if mock else ()) + (("teleport",) if reason == "teleport" else ())
    return Believed(reason == "out_of_order", doubts)
