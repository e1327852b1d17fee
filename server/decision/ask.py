"""One offer, asked gate by gate at each of its places, until one place lets it through or all have said why not.

The gates stand in the order of rules.md; the first that stops the offer is the reason on its receipt. Where several
places stop it, the one at which it came furthest speaks, and of equals the nearest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from server.decision.finding import Finding, Gate, Scene, Truth
from server.decision.gates import Route, age_of, check_active, check_condition, check_late, check_trust, find_route
from server.decision.limits import check_budget, check_caps
from server.decision.presence import Moved
from server.decision.ruleset import Ruleset
from server.decision.triggers import Spot, check_trigger, nearest_meant, nowhere
from server.model.context import Context
from server.model.offer import Offer, PlaceFilter
from server.model.place import Place


@dataclass(slots=True, eq=False)
class Case:
    """What one decision is about, with what its offers share: scenes, far places, whether their class has room."""

    context: Context
    ruleset: Ruleset
    moved: Moved
    age: timedelta
    scenes: dict[UUID | None, Scene] = field(default_factory=dict)
    far: dict[PlaceFilter, Place | None] = field(default_factory=dict)
    room: dict[str, bool] = field(default_factory=dict)


class Answer(NamedTuple):
    """How far an offer came at a place: the gates it passed, and the finding that stopped it or the route it goes."""

    place: Place | None
    passed: int
    finding: Finding
    route: Route | None = None

    @property
    def near(self) -> bool:
        """Whether its trigger was met at its place, or only freshness or trust stood against it."""
        return self.passed > 0 or self.finding.gate in (Gate.LATE, Gate.TRUST)


THROUGH = Finding(Gate.ARBITRATION, Truth.HOLDS, "It came through.")
"""The finding of an offer that nothing stopped: what becomes of it is said once the winner is known."""


def open_case(context: Context, ruleset: Ruleset, moved: Moved) -> Case:
    """Begin a decision."""
    return Case(context, ruleset, moved, age_of(context))


def ask(offer: Offer, spots: list[Spot], case: Case) -> Answer:
    """Ask an offer at its spots, nearest first; the first that lets it through is taken."""
    context, moved = case.context, case.moved
    stop = check_late(offer, context, moved) or check_trust(offer, context, moved, case.ruleset)
    if stop is not None or not spots:
        place = spots[0].place if spots else _far_place(offer, case)
        return stopped(offer, place, stop or nowhere(offer, context), case)
    best: Answer | None = None
    for spot in spots:
        stop = check_trigger(offer, spot, context)
        answer = ask_on(offer, spot.place, case) if stop is None else stopped(offer, spot.place, stop, case)
        if answer.route is not None:
            return answer
        if best is None or answer.passed > best.passed:
            best = answer
    assert best is not None  # noqa: S101 - there was a spot
    return best


def ask_on(offer: Offer, place: Place | None, case: Case) -> Answer:
    """Ask the gates after the trigger at one place."""
    context, programme = case.context, case.ruleset.programme
    stop = check_active(offer, context, programme)
    if stop is not None:
        return stopped(offer, place, stop, case, passed=1)
    scene = scene_at(place, case)
    if offer.condition is not None and offer.condition.truth(scene) is not Truth.HOLDS:
        return Answer(place, 2, check_condition(offer, scene))  # in words: only here are they the reason
    route = find_route(offer, context, case.moved.state.last_fix, programme)
    if isinstance(route, Finding):
        return Answer(place, 3, route._replace(truth=Truth.HOLDS))
    stop = check_caps(offer, place, context=context, programme=programme)
    if stop is not None:
        return Answer(place, 4, stop._replace(truth=Truth.HOLDS))
    stop = check_budget(offer, place, context=context)
    if stop is not None:
        return Answer(place, 5, stop._replace(truth=Truth.HOLDS))
    return Answer(place, 6, THROUGH, route)


def stopped(offer: Offer, place: Place | None, finding: Finding, case: Case, *, passed: int = 0) -> Answer:
    """Answer for an offer that was stopped before its `if` was asked: its truth is on the receipt all the same."""
    truth = Truth.HOLDS if offer.condition is None else offer.condition.truth(scene_at(place, case))
    return Answer(place, passed, finding._replace(truth=truth))


def scene_at(place: Place | None, case: Case) -> Scene:
    """Give the scene at a place; offers at one place share it."""
    key = place.geofence_id if place is not None else None
    scene = case.scenes.get(key)
    if scene is None:
        ruleset = case.ruleset
        scene = case.scenes[key] = Scene(case.context, place, ruleset.programme, ruleset.segments)
    return scene


def _far_place(offer: Offer, case: Case) -> Place | None:
    """Find the nearest of an offer's places where none is around; offers with one filter share the search."""
    places = offer.when.places
    if places not in case.far:
        case.far[places] = nearest_meant(places, case.context, case.ruleset)
    return case.far[places]
