"""The heart of the house: a Context and a Ruleset in, a Decision out.

Rule 1: nothing here waits, asks the time, draws lots, logs, or touches the world. What it needs is in the Context.
Rule 2: every offer that was looked at is answered for. A Decision says why, also where it says no.
Rule 3: a signal that is missing never shows an offer.
Rule 4: the truth on a finding is that of the offer's whole `if`, whichever gate stopped it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from server.decision.ask import Answer, Case, ask, ask_on, open_case, stopped
from server.decision.choose import Channel, is_held_out, last_shown, rank, variant_for
from server.decision.finding import Finding, Gate, Truth
from server.decision.gates import refuse
from server.decision.limits import prune, remember
from server.decision.presence import Moved, Transition, advance, dwell_due, wake
from server.decision.ruleset import Ruleset, Track
from server.decision.triggers import gather
from server.decision.wall import utc_text
from server.model.context import Context
from server.model.customer import Shown, State
from server.model.offer import Offer, Variant
from server.model.place import Place

UNTRUSTED: Mapping[str, str] = {
    "mock": "The fix is mocked.",
    "teleport": "The fix jumped and waits for a second one that agrees.",
    "coarse": "The fix is too coarse to change any state.",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one offer: the first gate that failed, or a holding finding for the winner; and the place meant."""

    offer: Offer
    finding: Finding
    place: Place | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The winner. Held out: it counts and is not told. `hold_until`: quiet hours; ask again then, nothing counts yet."""

    offer: Offer
    place: Place | None
    variant: Variant | None
    held_out: bool
    channel: Channel
    surfaces: frozenset[str]
    hold_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from a Context.

    `finding` is why the ping as a whole could not be used (consent, late, trust), None where it could; `reason` the same
    in one word for its record: consent, duplicate, too_old, out_of_order, mock, teleport, coarse. `state` is the one
    after, with what was shown; `dwell_due` the next instant at which a stay completes a dwell time.
    """

    chosen: Chosen | None
    verdicts: tuple[Verdict, ...]
    transitions: tuple[Transition, ...]
    state: State
    finding: Finding | None
    reason: str | None
    dwell_due: datetime | None
    ruleset_epoch: int


def decide(context: Context, ruleset: Ruleset, *, everything: bool = False) -> Decision:
    """Decide one moment of one customer.

    With `everything` each offer of the ruleset is answered for, else those that have a place around.
    """
    refused = refuse(context, ruleset.programme)
    if refused is not None:
        return _refused(context, ruleset, *refused, everything=everything)
    moved = _move(context, ruleset)
    case = open_case(context, ruleset, moved)
    looks = gather(context, moved, ruleset, everything=everything)
    answers = [(offer, ask(offer, spots, case)) for offer, spots in looks]
    return _settle(case, answers, _told(moved, ruleset, everything=everything))


def decide_held(context: Context, ruleset: Ruleset, *, offer_id: UUID, geofence_id: UUID | None) -> Decision:
    """Decide again, at the end of the quiet hours, on an offer that was held for a customer at a place.

    Its trigger was met then; every later gate is asked at `context.at`. An offer that is gone has no verdict.
    """
    refused = refuse(context, ruleset.programme)
    if refused is not None:
        return _refused(context, ruleset, *refused, everything=False)
    case = open_case(context, ruleset, Moved(context.state))
    place = ruleset.places.by_geofence.get(geofence_id) if geofence_id is not None else None
    offer = ruleset.by_id.get(offer_id)
    return _settle(case, [(offer, ask_on(offer, place, case))] if offer is not None else [], ())


def _move(context: Context, ruleset: Ruleset) -> Moved:
    """Let the fix, or the timer, move the state; nothing else does."""
    if context.cause.type == "fix" and context.fix is not None:
        return advance(
            context.state,
            context.fix,
            context.hits,
            ruleset=ruleset,
            zone=context.fix_zone,
            believed=context.believed,
        )
    if context.cause.type == "dwell_timer":
        return wake(context.state, context.at)
    return Moved(context.state)


def _refused(context: Context, ruleset: Ruleset, reason: str, finding: Finding, *, everything: bool) -> Decision:
    """Answer where the ping may not be used: nothing moves."""
    moved = Moved(context.state, trusted=False, reason=reason)
    case = open_case(context, ruleset, moved)
    looks = gather(context, moved, ruleset, everything=True) if everything else []
    verdicts = tuple(
        Verdict(offer, stopped(offer, place, finding, case).finding, place)
        for offer, spots in looks
        for place in [spots[0].place if spots else None]
    )
    return Decision(None, verdicts, (), context.state, finding, reason, None, ruleset.epoch)


def _settle(case: Case, answers: list[tuple[Offer, Answer]], transitions: tuple[Transition, ...]) -> Decision:
    """Let one offer win, answer for all, and remember what reached for the customer's attention."""
    context, ruleset, moved = case.context, case.ruleset, case.moved
    chosen = _choose(context, ruleset, answers)
    state = moved.state
    if chosen is not None and chosen.hold_until is None:
        entry = Shown(context.received, chosen.offer.id, chosen.offer.limits.pressure)
        state = remember(state, entry)
        state = prune(state, context.received, ruleset)
    return Decision(
        chosen=chosen,
        verdicts=tuple(Verdict(offer, _conclude(offer, answer, chosen), answer.place) for offer, answer in answers),
        transitions=transitions,
        state=state,
        finding=_whole(moved),
        reason=moved.reason,
        dwell_due=dwell_due(state, context.at, ruleset),
        ruleset_epoch=ruleset.epoch,
    )


def _choose(context: Context, ruleset: Ruleset, answers: list[tuple[Offer, Answer]]) -> Chosen | None:
    """Arbitrate among the offers that came through. One that must wait for the morning wins only where none need not."""
    last = last_shown(context.state.shown)
    through = [
        (answer.route.hold_until is not None, *rank(offer, last), offer, answer, answer.route)
        for offer, answer in answers
        if answer.route is not None
    ]
    if not through:
        return None
    *_, offer, answer, route = min(through, key=lambda each: each[:5])
    customer = context.customer.id
    return Chosen(
        offer=offer,
        place=answer.place,
        variant=variant_for(offer, customer),
        held_out=is_held_out(offer, customer, ruleset.programme),
        channel=route.channel,
        surfaces=offer.moment.surfaces,
        hold_until=route.hold_until,
    )


def _conclude(offer: Offer, answer: Answer, chosen: Chosen | None) -> Finding:
    """Turn an answer into the finding on the receipt, now that the winner is known."""
    if answer.route is None or chosen is None:
        return answer.finding
    if answer.route.hold_until is not None:
        values: dict[str, object] = {"held_until": utc_text(answer.route.hold_until)}
        return Finding(Gate.QUIET_HOURS, Truth.HOLDS, "It is held until the quiet hours end.", values)
    if chosen.offer.id != offer.id:
        values = {"winner": chosen.offer.label, "winner_priority": chosen.offer.priority, "priority": offer.priority}
        return Finding(Gate.ARBITRATION, Truth.HOLDS, "Another offer was chosen for this moment.", values)
    if chosen.held_out:
        return Finding(Gate.ARBITRATION, Truth.HOLDS, "It won, and the customer belongs to the control group.")
    return Finding(Gate.ARBITRATION, Truth.HOLDS, "It won.")


def _whole(moved: Moved) -> Finding | None:
    """Say why the fix as a whole moved nothing that is trusted."""
    if moved.late:
        return Finding(Gate.LATE, Truth.FAILS, "The fix is older than one that was used already.")
    if moved.reason is None:
        return None
    return Finding(Gate.TRUST, Truth.FAILS, UNTRUSTED[moved.reason])


def _told(moved: Moved, ruleset: Ruleset, *, everything: bool) -> tuple[Transition, ...]:
    """List the transitions to tell, one of a kind per fence: a fence has as many readings as its offers ask for.

    Visits are told at the default confidence; a dry run tells what its offers see.
    """
    told: dict[tuple[UUID, str], Transition] = {}
    for each in moved.transitions:
        track = (each.confidence, each.allows)
        plan = ruleset.plan(each.geofence_id)
        meant = {ruleset.tracks[offer.id] for offer in plan.offers} if everything and plan.offers else {Track()}
        if track in meant or (each.type == "dwell_pending" and not everything):
            told.setdefault((each.geofence_id, each.type), each)
    return tuple(told.values())
