"""Pushes that fell into the quiet hours: kept until their end, then asked again with every gate.

Rule 1: one offer waits once for the end of one night, however often it was set off meanwhile.
Rule 2: at the end it becomes a moment, or its receipt says why not: also where the offer is gone, or it came too late.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from server.decision.decide import Chosen, Decision, Verdict, decide_held, decide_nothing
from server.decision.finding import Finding, Gate, Truth
from server.decision.ruleset import Ruleset
from server.decision.wall import utc_text
from server.model.context import Context
from server.model.ids import moment_id
from server.store.occasions import Occasion

_MICRO = 1_000_000


def instant_id(at: datetime) -> UUID:
    """Name a timer by the instant it was set for: rung twice, it makes the same moment."""
    return UUID(int=int(at.timestamp() * _MICRO))


def hold(chosen: Chosen, *, until: datetime, customer_id: UUID, now: datetime, earlier: Occasion | None) -> Occasion:
    """Keep a winner until the quiet hours end. Held `earlier` already (the night moved on), its time to live goes on."""
    again = earlier if earlier is not None and earlier.kind == "held" else None
    return Occasion(
        id=moment_id(customer_id, chosen.offer.id, instant_id(until)),
        customer_id=customer_id,
        kind="held",
        name=chosen.offer.name,
        at=until,
        offer_id=chosen.offer.id,
        offer_version=chosen.offer.version,
        geofence_id=chosen.place.geofence_id if chosen.place is not None else None,
        due_at=until,
        ends_at=again.ends_at if again is not None else now + chosen.offer.deliver_by,
    )


def decide_again(occasion: Occasion, context: Context, ruleset: Ruleset) -> Decision:
    """Decide on what was held: every gate but the trigger, which was met then."""
    if occasion.ends_at is not None and context.received > occasion.ends_at:
        return _too_late(occasion, context, ruleset)
    if occasion.offer_id is None:
        raise LookupError("what is held names its offer")
    return decide_held(context, ruleset, offer_id=occasion.offer_id, geofence_id=occasion.geofence_id)


def _too_late(occasion: Occasion, context: Context, ruleset: Ruleset) -> Decision:
    """Answer where the offer's time to live ended before anybody came to ask again."""
    values = {"held_until": utc_text(occasion.at), "ends_at": utc_text(occasion.ends_at or occasion.at)}
    finding = Finding(Gate.LATE, Truth.HOLDS, "The quiet hours ended, and so did its time before it was sent.", values)
    offer = ruleset.by_id.get(occasion.offer_id) if occasion.offer_id is not None else None
    place = ruleset.places.by_geofence.get(occasion.geofence_id) if occasion.geofence_id is not None else None
    told = (Verdict(offer, finding, place),) if offer is not None else ()
    return decide_nothing(context, ruleset, told=told)
