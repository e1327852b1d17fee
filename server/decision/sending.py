"""Whether a push may still go: what was right when it was decided is asked again just before it leaves.

Rule 1: what the customer and the brand want now counts, not what they wanted then; the moment itself stays as it was made.
Rule 2: the first reason ends it, in one word that a delivery keeps. Only the night is waited for, if it ends in time.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from server.decision.gates import check_active
from server.decision.limits import check_caps, leaves_room
from server.decision.ruleset import Ruleset
from server.decision.wants import wanted
from server.decision.zone import quiet_until, quiet_zone
from server.model.context import Cause, Context
from server.model.customer import Customer, State
from server.model.offer import Offer
from server.model.place import Place


class Push(NamedTuple):
    """What is known of a push just before it goes.

    `customer` is None where they have left; `state` is theirs, this message taken out of what caps count. `waits`: nobody
    has seen the moment, and it is not over. `listening`: the phone has a stream open. `status` is the offer's, `paused` the
    programme's switch. `offer` and `place` are those of the rules in force, where they have them.
    """

    customer: Customer | None
    state: State
    waits: bool
    listening: bool
    status: str | None
    paused: bool
    offer: Offer | None
    place: Place | None
    pressure: str
    deliver_by: datetime


class Word(NamedTuple):
    """Why a push does not go (None: it goes), and until when it waits, where it only waits."""

    reason: str | None = None
    until: datetime | None = None


GO = Word()

LOCATED = frozenset({"enter", "exit", "dwell", "inside", "near", "weather_change"})
"""The triggers that know where somebody is: what they set off rests on the consent to that."""


def may_go(push: Push, ruleset: Ruleset, *, now: datetime) -> Word:
    """Ask again: is it wanted, may it be, is it not too much, is it not night."""
    if push.customer is None:
        return Word("erased")
    if not push.waits:
        return Word("seen_or_over")
    reason = _stopped(push, ruleset, now) or _unwanted(push, push.customer, ruleset)
    if reason is not None:
        return Word(reason)
    if push.listening:
        return Word("stream_open")
    context = Context(now, now, push.customer, push.state, cause=Cause("event"))
    if _is_too_much(push, context, ruleset):
        return Word("caps")
    return _night(push, context, ruleset)


def _stopped(push: Push, ruleset: Ruleset, now: datetime) -> str | None:
    """Say whether somebody has stopped everything, or the offer, or its last day is over."""
    if push.paused:
        return "programme_paused"
    if push.status != "live":
        return f"offer_{push.status}" if push.status is not None else "offer_gone"
    if push.offer is None or push.customer is None:
        return None
    context = Context(now, now, push.customer, push.state, cause=Cause("event"))
    running = ruleset.programme._replace(paused=False)  # the switch itself was asked
    return "offer_over" if check_active(push.offer, context, running) is not None else None


def _unwanted(push: Push, customer: Customer, ruleset: Ruleset) -> str | None:
    """Say which consent is missing now: to pushes, and to what the offer was decided by."""
    consents, offer = customer.consents, push.offer
    if not consents.push:
        return "no_consent_push"
    if offer is None:
        return None
    if offer.when.trigger in LOCATED and not consents.location:
        return "no_consent_location"
    facts = wanted(offer.condition, ruleset.segments)
    if not consents.profiling and any(not fact.startswith("topic:") for fact in facts):
        return "no_consent_profiling"
    if offer.topic is not None and customer.topics.get(offer.topic) is False:
        return "topic_off"
    return None


def _is_too_much(push: Push, context: Context, ruleset: Ruleset) -> bool:
    """Tell whether messages that came in between have filled a cap."""
    if push.offer is None:
        return not leaves_room(push.pressure, context=context, programme=ruleset.programme)
    return check_caps(push.offer, push.place, context=context, programme=ruleset.programme) is not None


def _night(push: Push, context: Context, ruleset: Ruleset) -> Word:
    """Wait for the edge of the quiet hours, if the push lives that long; where no zone is known nobody is woken."""
    programme = ruleset.programme
    zone = quiet_zone(context, context.state.last_fix, programme)
    if zone is None:
        return Word("no_zone")
    until = quiet_until(context.received, zone, programme.quiet_from, programme.quiet_to)
    if until is None:
        return GO
    return Word("quiet_hours", until if until < push.deliver_by else None)
