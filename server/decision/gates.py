"""The gates but those of place and caps, each one question: None lets the offer through, a Finding says why not.

The truth on these findings is not yet that of the offer's `if`: decide sets it, for every receipt alike.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from server.decision.choose import Channel, channel_for
from server.decision.conditions.logic import judge
from server.decision.finding import Finding, Gate, Scene, Truth
from server.decision.presence import Moved
from server.decision.ruleset import Ruleset
from server.decision.wall import utc_text, zone_named
from server.decision.zone import quiet_until, quiet_zone
from server.model.context import Context, Programme
from server.model.customer import LastFix
from server.model.offer import Offer

HOLDS = Finding(Gate.ARBITRATION, Truth.HOLDS, "There is no condition.")
"""What an offer without an `if` answers."""


PAUSED = Finding(Gate.ACTIVE, Truth.FAILS, "The programme is paused.", {"programme": "paused"})
"""What every offer answers while somebody has stopped everything."""


class Route(NamedTuple):
    """By which way a moment would be told, and from when on."""

    channel: Channel
    hold_until: datetime | None = None


def age_of(context: Context) -> timedelta:
    """Give how old the event is that is decided: a fix's own time counts, whatever instant the rest is judged at."""
    at, fix = context.at, context.fix
    if fix is not None and fix.at < at and context.cause.type == "fix":
        at = fix.at
    return context.received - at


def refuse(context: Context, programme: Programme) -> tuple[str, Finding] | None:
    """Say why a ping may not be used at all, with a word for its record: no consent, a repeat, too old."""
    if not context.customer.consents.location:
        return "consent", Finding(Gate.CONSENT, Truth.FAILS, "The customer has not agreed to the use of locations.")
    if context.duplicate:
        return "duplicate", Finding(Gate.LATE, Truth.FAILS, "This ping was answered before.")
    age = age_of(context)
    if age.total_seconds() > programme.pings_max_age_s:
        values = {"age_s": round(age.total_seconds()), "max_age_s": programme.pings_max_age_s}
        return "too_old", Finding(Gate.LATE, Truth.FAILS, "The fix is too old to be used.", values)
    return None


def check_late(offer: Offer, context: Context, moved: Moved) -> Finding | None:
    """Let only events through that are in order and strictly younger than the offer's `fresh`."""
    if moved.late:
        return Finding(Gate.LATE, Truth.FAILS, "The fix is older than one that was used already.")
    age = age_of(context)
    if age < offer.fresh:
        return None
    values = {"age_s": round(age.total_seconds(), 3), "fresh_s": offer.fresh.total_seconds()}
    return Finding(Gate.LATE, Truth.FAILS, "The event is not fresh enough to act on.", values)


def check_trust(offer: Offer, context: Context, moved: Moved, ruleset: Ruleset) -> Finding | None:
    """Stop what is not believed: teleports and mocked fixes, and odd clocks where there is something to gain."""
    if not ruleset.tracks[offer.id].admits(moved.doubts):
        if "mock" in moved.doubts:
            values: dict[str, object] = {"mock": True, "allowed": offer.trust.mock, "reward": offer.reward is not None}
            return Finding(Gate.TRUST, Truth.FAILS, "The fix is mocked.", values)
        values = {"teleport": True, "allowed": offer.trust.teleport}
        return Finding(Gate.TRUST, Truth.FAILS, "The fix jumped and waits for a second one that agrees.", values)
    if offer.reward is not None and "sent_before_captured" in context.flags:
        values = {"flag": "sent_before_captured"}
        return Finding(Gate.TRUST, Truth.FAILS, "The phone's clock claims a fix from after its sending.", values)
    return None


def check_active(offer: Offer, context: Context, programme: Programme) -> Finding | None:
    """Let an offer through while the programme runs, on its dates, both included, as the programme's zone counts days."""
    if programme.paused:
        return PAUSED
    if offer.active_from is None and offer.active_to is None:
        return None
    zone = zone_named(programme.zone)
    if zone is None:
        return Finding(Gate.ACTIVE, Truth.UNKNOWN, "The programme's zone is not known.", {"zone": programme.zone})
    today = context.at.astimezone(zone).date()
    values = {"day": today.isoformat()}
    if offer.active_from is not None and today < offer.active_from:
        return Finding(Gate.ACTIVE, Truth.FAILS, "The offer has not begun.", values | {"from": str(offer.active_from)})
    if offer.active_to is not None and today > offer.active_to:
        return Finding(Gate.ACTIVE, Truth.FAILS, "The offer is over.", values | {"to": str(offer.active_to)})
    return None


def check_condition(offer: Offer, scene: Scene) -> Finding:
    """Ask the offer's `if`, whole; it holds where there is none."""
    return HOLDS if offer.condition is None else judge(offer.condition, scene)


def find_route(offer: Offer, context: Context, last_fix: LastFix | None, programme: Programme) -> Route | Finding:
    """Mind what the customer wants to hear of, choose the channel, and mind the quiet hours.

    A push waits for the end of the quiet hours, if the offer lives that long.
    """
    if offer.topic is not None and context.customer.topics.get(offer.topic) is False:
        reason = f"The customer has turned the topic {offer.topic} off."
        return Finding(Gate.CONSENT, Truth.FAILS, reason, {"topic": offer.topic})
    channel = channel_for(offer, context.customer.consents, foreground=context.foreground)
    if channel is None:
        return Finding(Gate.CONSENT, Truth.FAILS, "The customer has not agreed to pushes, and nothing else is offered.")
    if channel != "push":
        return Route(channel)
    zone = quiet_zone(context, last_fix, programme)
    if zone is None:
        return Finding(Gate.QUIET_HOURS, Truth.UNKNOWN, "No zone is known to tell the customer's night by.")
    until = quiet_until(context.received, zone, programme.quiet_from, programme.quiet_to)
    if until is None:
        return Route(channel)
    if until - context.received <= offer.deliver_by:
        return Route(channel, until)
    values = {"zone": zone.key, "until": utc_text(until), "deliver_by_s": offer.deliver_by.total_seconds()}
    return Finding(Gate.QUIET_HOURS, Truth.FAILS, "The quiet hours outlast the offer.", values)
