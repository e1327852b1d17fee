"""From an occasion to a Context: nobody sent a fix, so what is around is what the last trusted one says.

Rule 1: what happened at a known place is decided there. Else the customer is where the last trusted fix, at most a day old,
        lies, and where their state says they are; without one they are nowhere, and offers for any place are all there is.
Rule 2: a change of weather concerns the places under the same patch of sky, not only those one stands in.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from server.decision.ruleset import Ruleset
from server.decision.zone import ZONE_KEEPS
from server.model.context import Cause, Context, Hit
from server.model.customer import Customer, State
from server.pipeline.occasions.listening import listening_of
from server.signals.assemble import Spent, World, assemble_elsewise, whereabouts
from server.signals.weather.cache import cell_of
from server.store.occasions import Occasion

MOST_UNDER_A_SKY = 25
"""So many places are looked at when the weather changes, the nearest: as many as a decision takes."""


def context_of(
    occasion: Occasion,
    *,
    customer: Customer,
    state: State,
    now: datetime,
    world: World,
    ruleset: Ruleset,
    spent: Spent,
    foreground: bool,
) -> Context:
    """Put together what a decision on an occasion may know."""
    last = state.last_fix if state.last_fix is not None and now - state.last_fix.at < ZONE_KEEPS else None
    if occasion.geofence_id is not None:
        hits = _measured((occasion.geofence_id,), world)
    elif last is None:
        hits = []
    elif occasion.kind == "weather_change":
        under = listening_of(ruleset).cells.get(cell_of(last.point), ())
        found = (world.fences.measure(last.point, fence) for fence in under)
        hits = sorted((hit for hit in found if hit is not None), key=lambda hit: hit.center_m)[:MOST_UNDER_A_SKY]
    else:
        hits = whereabouts(last.point, state, world.fences)
    return assemble_elsewise(
        cause_of(occasion, ruleset),
        at=occasion.at,
        now=now,
        customer=customer,
        state=state,
        hits=hits,
        zone=last.zone if last is not None else None,
        world=world,
        spent=spent,
        foreground=foreground,
    )


def cause_of(occasion: Occasion, ruleset: Ruleset) -> Cause:
    """Say what set the decision off; a schedule's cause names its offer as it is called now."""
    if occasion.kind == "event":
        return Cause("event", occasion.name, occasion.after)
    if occasion.kind == "weather_change":
        return Cause("weather_change")
    offer = ruleset.by_id.get(occasion.offer_id) if occasion.offer_id is not None else None
    return Cause("schedule", offer.name if offer is not None else occasion.name)


def _measured(fences: Iterable[UUID], world: World) -> list[Hit]:
    """Measure fences from the middle of their own places: what happened there happened inside."""
    places = [(fence, world.places.get(fence)) for fence in fences]
    found = (world.fences.measure(place.point, fence) for fence, place in places if place is not None)
    return [hit for hit in found if hit is not None]
