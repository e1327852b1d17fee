"""Gate 3: which of an offer's places is meant, and whether what happened there is what the offer waits for.

Rule 1: an offer that holds at several places takes the nearest.
Rule 2: `enter`, `exit` and `dwell` are edges and fire once; `inside` and `near` are levels and hold as long as they last.
Rule 3: "place" says that the fix is in (or near) none of the offer's places; "trigger" that it is, but that this is not
        the transition that was asked for; "trust" that the fix is too coarse to tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from server.decision.finding import Finding, Gate, Truth
from server.decision.plan import STATES, is_meant
from server.decision.presence import Moved, Presence
from server.decision.probability import ring_m
from server.decision.ruleset import Ruleset
from server.decision.trust import distance_m, is_coarse
from server.decision.wall import utc_text
from server.model.context import Context, Hit
from server.model.offer import Offer, PlaceFilter
from server.model.place import Place

MOST_SPOTS = 25
"""So many of an offer's places are looked at, nearest first: beyond them none is "here"."""


class Spot(NamedTuple):
    """One place at which an offer is looked at: how far (m) its centre is, and what its fence says."""

    place: Place | None
    distance_m: float
    hit: Hit | None = None
    presence: Presence | None = None


Look = tuple[Offer, list[Spot]]


def gather(context: Context, moved: Moved, ruleset: Ruleset, *, everything: bool) -> list[Look]:
    """List the offers that are looked at, each with its spots, nearest first.

    With `everything` each offer of the ruleset is listed, also where nothing of it is around.
    """
    if context.cause.type == "dwell_timer":
        pairs = _stayed(context, moved, ruleset)
    elif context.cause.type == "fix":
        pairs = _around(context, moved, ruleset)
    else:
        pairs = _elsewise(context, ruleset)
    spots: dict[int, Look] = {}
    for offer, spot in pairs:
        spots.setdefault(offer.id.int, (offer, []))[1].append(spot)
    if everything:
        for offer in ruleset.offers:
            spots.setdefault(offer.id.int, (offer, []))
    return [(offer, sorted(each, key=_nearness)[:MOST_SPOTS]) for offer, each in spots.values()]


def check_trigger(offer: Offer, spot: Spot, context: Context) -> Finding | None:
    """Say why the offer does not fire at this spot; None where it does."""
    trigger = offer.when.trigger
    if trigger in STATES:
        if context.cause.type not in ("fix", "dwell_timer"):
            return _not_asked(offer, context)
        return _check_state(offer, spot, context)
    if trigger == "near":
        return _check_near(offer, spot, context)
    return _check_cause(offer, context)


def nowhere(offer: Offer, context: Context) -> Finding:
    """Say why an offer fails that none of its places is around for."""
    if offer.when.trigger not in STATES and offer.when.trigger != "near":
        found = _check_cause(offer, context)
        if found is not None:
            return found
    elif context.cause.type not in ("fix", "dwell_timer"):
        return _not_asked(offer, context)
    return Finding(
        Gate.PLACE, Truth.FAILS, "The fix is in none of the offer's places.", {"trigger": offer.when.trigger}
    )


def nearest_meant(places: PlaceFilter, context: Context, ruleset: Ruleset) -> Place | None:
    """Find the nearest of an offer's places, however far: what its condition is judged for where none is around."""
    if context.fix is None:
        return None
    point = context.fix.point
    meant = (place for place in ruleset.places.by_geofence.values() if is_meant(places, place))
    return min(meant, key=lambda place: (distance_m(point, place.point), place.geofence_id.int), default=None)


def _around(context: Context, moved: Moved, ruleset: Ruleset) -> Iterable[tuple[Offer, Spot]]:
    """Pair offers with the fences that the fix, or the state, may be inside of, and with the stores that are near."""
    if context.fix is None:
        return
    reach = ring_m(context.fix.accuracy_m)
    inside = {stay.geofence_id for stay in context.state.stays}
    presences = moved.presences
    for hit in context.hits:
        place = ruleset.places.by_geofence.get(hit.id)
        if place is None:
            continue
        plan = ruleset.plan(hit.id)
        if hit.edge_m <= reach or hit.id in inside:
            for offer in plan.offers:
                presence = presences.get((hit.id, ruleset.tracks[offer.id]))
                yield offer, Spot(place, hit.center_m, hit, presence)
        for offer in plan.near:
            if hit.center_m <= (offer.when.within_m or 0.0):
                yield offer, Spot(place, hit.center_m, hit)


def _stayed(context: Context, moved: Moved, ruleset: Ruleset) -> Iterable[tuple[Offer, Spot]]:
    """Pair the offers that wait for a dwell time with the fences still stayed in."""
    last = context.state.last_fix
    measured = {hit.id: hit.center_m for hit in context.hits}
    for (fence, track), presence in moved.presences.items():
        place = ruleset.places.by_geofence.get(fence)
        if place is None:
            continue
        away = measured.get(fence)
        if away is None:
            away = distance_m(last.point, place.point) if last is not None else 0.0
        for offer in ruleset.plan(fence).offers:
            if offer.when.trigger == "dwell" and ruleset.tracks[offer.id] == track:
                yield offer, Spot(place, away, None, presence)


def _elsewise(context: Context, ruleset: Ruleset) -> Iterable[tuple[Offer, Spot]]:
    """Pair the offers that no fix sets off with the places around; those meant for any place need none around."""
    here = False
    for hit in context.hits:
        place = ruleset.places.by_geofence.get(hit.id)
        if place is not None:
            here = True
            for offer in ruleset.plan(hit.id).elsewise:
                yield offer, Spot(place, hit.center_m, hit)
    if not here:
        for offer in ruleset.placeless:
            yield offer, Spot(None, 0.0)


def _nearness(spot: Spot) -> tuple[float, int]:
    """Sort spots by distance; places at the same one by their ids, so that the answer is always the same."""
    return spot.distance_m, spot.place.geofence_id.int if spot.place is not None else 0


def _check_state(offer: Offer, spot: Spot, context: Context) -> Finding | None:
    """Answer for the triggers that live on the state of a fence."""
    presence, trigger = spot.presence, offer.when.trigger
    if presence is None:
        return nowhere(offer, context)
    if presence.coarse and spot.hit is not None and context.fix is not None:
        return _too_coarse(context.fix.accuracy_m, spot.hit.radius_m)
    if trigger == "exit":
        return None if presence.exited else _not_left(offer, presence)
    if not presence.within or presence.after is None:
        values: dict[str, object] = {
            "p_inside": round(presence.p_inside, 3),
            "min_confidence": offer.when.min_confidence,
        }
        return Finding(Gate.PLACE, Truth.FAILS, "The fix is not inside the place surely enough.", values)
    if trigger == "inside" or (trigger == "enter" and presence.entered):
        return None
    if trigger == "dwell":
        return _check_dwell(offer, presence, context)
    values = {"since": utc_text(presence.after.since)}
    return Finding(Gate.TRIGGER, Truth.FAILS, "The customer was inside already and did not enter now.", values)


def _check_dwell(offer: Offer, presence: Presence, context: Context) -> Finding | None:
    """Fire at the first look at or after the end of the dwell time, once per stay."""
    stay, looked = presence.after, presence.looked
    if stay is None or looked is None or offer.when.dwell is None:
        return Finding(Gate.TRIGGER, Truth.FAILS, "The offer names no dwell time.")
    due = stay.since + offer.when.dwell
    if looked < due <= context.at:
        return None
    values = {"since": utc_text(stay.since), "due": utc_text(due), "at": utc_text(context.at)}
    if due > context.at:
        return Finding(Gate.TRIGGER, Truth.FAILS, "The dwell time is still running.", values)
    return Finding(Gate.TRIGGER, Truth.FAILS, "The dwell time of this stay was over before.", values)


def _not_left(offer: Offer, presence: Presence) -> Finding:
    """Say why an offer that waits for somebody to leave does not fire."""
    stay = presence.after
    if stay is None:
        return Finding(Gate.PLACE, Truth.FAILS, "The customer was not inside before.", {"trigger": "exit"})
    values = {"p_inside": round(presence.p_inside, 3), "since": utc_text(stay.since)}
    if stay.leaving:
        return Finding(Gate.TRIGGER, Truth.FAILS, "Only the first of the two fixes that confirm an exit.", values)
    return Finding(Gate.TRIGGER, Truth.FAILS, "The customer has not left.", values)


def _check_near(offer: Offer, spot: Spot, context: Context) -> Finding | None:
    """Hold within the asked distance of the store's centre, unless the fix is too coarse to say so."""
    if context.cause.type != "fix" or context.fix is None:
        return _not_asked(offer, context)
    within = offer.when.within_m or 0.0
    if is_coarse(context.fix.accuracy_m, within):
        return _too_coarse(context.fix.accuracy_m, within)
    if spot.distance_m <= within:
        return None
    values = {"within_m": within, "distance_m": round(spot.distance_m, -1)}
    return Finding(Gate.PLACE, Truth.FAILS, "The fix is not near enough.", values)


def _check_cause(offer: Offer, context: Context) -> Finding | None:
    """Hold where what happened is what the offer waits for; a schedule's cause names its offer."""
    cause = context.cause
    wanted = offer.when.event if offer.when.trigger == "event" else offer.name
    if cause.after is not None and cause.after != offer.when.after:
        return _not_asked(offer, context)
    if cause.type == offer.when.trigger and (cause.name == wanted or (cause.name is None and cause.type != "event")):
        return None
    return _not_asked(offer, context)


def _not_asked(offer: Offer, context: Context) -> Finding:
    """Say that something else happened than what the offer waits for."""
    values = {"trigger": offer.when.trigger, "cause": context.cause.type, "name": context.cause.name}
    return Finding(Gate.TRIGGER, Truth.FAILS, "This is not what the offer waits for.", values)


def _too_coarse(accuracy_m: float, radius_m: float) -> Finding:
    """Say that the fix could lie anywhere."""
    values = {"accuracy_m": round(accuracy_m), "radius_m": round(radius_m)}
    return Finding(Gate.TRUST, Truth.FAILS, "The fix is too coarse to tell whether it is inside.", values)
