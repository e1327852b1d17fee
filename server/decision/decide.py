"""The heart of the house: a Context and a Ruleset in, a Decision out.

Rule 1: nothing here waits, asks the time, draws lots, logs, or touches the world. What it needs is in the Context.
Rule 2: every offer that was looked at is answered for. A Decision says why, also where it says no.
Rule 3: a signal that is missing never shows an offer.
Rule 4: the truth on a finding is that of the offer's whole `if`, whichever gate stopped it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from server.decision.ask import Answer, Case, ask, ask_on, open_case, stopped
from server.decision.choose import Channel, is_held_out, variant_for
from server.decision.finding import Finding, Gate, Truth
from server.decision.gates import refuse
from server.decision.limits import prune, remember
from server.decision.pick import Fired, Pick, fire, is_plain, pick
from server.decision.plan import Track
from server.decision.presence import Moved, Transition, advance, dwell_due, wake
from server.decision.ruleset import Ruleset
from server.decision.triggers import Look, gather
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
    """The answer for one offer: the first gate that failed, or a holding finding for the winner; and the place meant.

    `near` tells that it was a near thing: its trigger was met at its place, or only freshness or trust stood against it.
    """

    offer: Offer
    finding: Finding
    place: Place | None
    near: bool = True


class Chosen(NamedTuple):
    """The winner. Held out: it counts and is not told. `hold_until`: quiet hours; ask again then, nothing counts yet."""

    offer: Offer
    place: Place | None
    variant: Variant | None
    held_out: bool
    channel: Channel
    surfaces: frozenset[str]
    hold_until: datetime | None = None


class Decision:
    """What follows from a Context.

    `chosen` is the winner; `state` the one after, with what was shown; `dwell_due` the next instant at which a stay
    completes a dwell time; `finding` why the ping as a whole could not be used (consent, late, trust), None where it could.
    What most readers never look at (verdicts, transitions) is told when it is asked for. It is the same then: all that it
    follows from is frozen.
    """

    __slots__ = ("_case", "_everything", "_fired", "_told", "chosen", "dwell_due", "finding", "state")

    def __init__(
        self,
        case: Case,
        chosen: Chosen | None,
        state: State,
        finding: Finding | None,
        dwell_due: datetime | None = None,
        *,
        fired: Sequence[Fired] = (),
        everything: bool = False,
        told: tuple[Verdict, ...] | None = None,
    ) -> None:
        """Keep what was decided, and what there is to tell."""
        self._case, self._fired, self._everything, self._told = case, fired, everything, told
        self.chosen, self.state, self.finding, self.dwell_due = chosen, state, finding, dwell_due

    @property
    def reason(self) -> str | None:
        """The finding in one word for the ping's record: consent, duplicate, too_old, out_of_order, mock, teleport, coarse."""
        return self._case.moved.reason

    @property
    def ruleset_epoch(self) -> int:
        """By which ruleset it was decided."""
        return self._case.ruleset.epoch

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The answer for each offer that was looked at."""
        if self._told is None:
            self._told = self._tell(self._looks())
        return self._told

    @property
    def near(self) -> tuple[Verdict, ...]:
        """The verdicts of near things alone. Mostly there are none, which is known without telling anything."""
        if self._told is None and is_plain(self._case):
            if not self._fired:
                return ()
            fired = {rule.offer.id for rules, _ in self._fired for rule in rules}
            return self._tell([look for look in self._looks() if look[0].id in fired])
        return tuple(each for each in self.verdicts if each.near)

    def verdict_on(self, offer_id: UUID) -> Verdict | None:
        """The answer for one offer; None where it was not looked at."""
        if self._told is None:
            return next(iter(self._tell([look for look in self._looks() if look[0].id == offer_id])), None)
        return next((each for each in self._told if each.offer.id == offer_id), None)

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """What was entered and left, one of a kind per fence: a fence has as many readings as its offers ask for.

        Visits are told at the default confidence; a dry run tells what its offers see.
        """
        return _told(self._case.moved, self._case.ruleset, everything=self._everything)

    def _looks(self) -> list[Look]:
        return gather(self._case.context, self._case.moved, self._case.ruleset, everything=self._everything)

    def _tell(self, looks: Sequence[Look]) -> tuple[Verdict, ...]:
        return _verdicts([(offer, ask(offer, spots, self._case)) for offer, spots in looks], self.chosen)

    def _said(self) -> tuple[object, ...]:
        return (
            *(self.chosen, self.verdicts, self.transitions, self.state),
            *(self.finding, self.reason, self.dwell_due, self.ruleset_epoch),
        )

    def __eq__(self, other: object) -> bool:
        """Decisions are what they say."""
        return isinstance(other, Decision) and self._said() == other._said()

    __hash__ = None  # type: ignore[assignment]  # a state is compared, never looked up by


def decide(context: Context, ruleset: Ruleset, *, everything: bool = False) -> Decision:
    """Decide one moment of one customer.

    With `everything` each offer of the ruleset is answered for, else those that have a place around.
    """
    refused = refuse(context, ruleset.programme)
    if refused is not None:
        return _refused(context, ruleset, *refused, everything=everything)
    moved = _move(context, ruleset)
    case = open_case(context, ruleset, moved)
    fired = fire(case)
    chosen = _chosen(pick(case, fired), case) if fired else None
    return _settle(case, chosen, fired, everything=everything)


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
    if offer is None:
        return _settle(case, None, told=())
    answer = ask_on(offer, place, case)
    found = Pick(offer, place, answer.route) if answer.route is not None else None
    chosen = _chosen(found, case)
    return _settle(case, chosen, told=_verdicts([(offer, answer)], chosen))


def decide_nothing(context: Context, ruleset: Ruleset, *, told: tuple[Verdict, ...]) -> Decision:
    """Decide for somebody who knows the answer before any gate is asked: nothing moves, nothing is shown."""
    return Decision(open_case(context, ruleset, Moved(context.state)), None, context.state, None, told=told)


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
    return Decision(case, None, context.state, finding, told=verdicts)


def _settle(
    case: Case,
    chosen: Chosen | None,
    fired: Sequence[Fired] = (),
    *,
    everything: bool = False,
    told: tuple[Verdict, ...] | None = None,
) -> Decision:
    """Remember what reached for the customer's attention, and put the decision together."""
    context, ruleset, moved = case.context, case.ruleset, case.moved
    state = moved.state
    if chosen is not None and chosen.hold_until is None:
        entry = Shown(context.received, chosen.offer.id, chosen.offer.limits.pressure)
        state = prune(remember(state, entry), context.received, ruleset)
    due = dwell_due(state, context.at, ruleset) if state.stays else None
    finding = _whole(moved) if moved.reason is not None else None
    return Decision(case, chosen, state, finding, due, fired=fired, everything=everything, told=told)


def _chosen(found: Pick | None, case: Case) -> Chosen | None:
    """Make the winner: which variant, and whether the customer belongs to the control group."""
    if found is None:
        return None
    offer, place, route = found
    customer = case.context.customer.id
    return Chosen(
        offer=offer,
        place=place,
        variant=variant_for(offer, customer),
        held_out=is_held_out(offer, customer, case.ruleset.programme),
        channel=route.channel,
        surfaces=offer.moment.surfaces,
        hold_until=route.hold_until,
    )


def _verdicts(answers: Sequence[tuple[Offer, Answer]], chosen: Chosen | None) -> tuple[Verdict, ...]:
    """Answer for all, now that the winner is known."""
    return tuple(
        Verdict(offer, _conclude(offer, answer, chosen), answer.place, answer.near) for offer, answer in answers
    )


def _conclude(offer: Offer, answer: Answer, chosen: Chosen | None) -> Finding:
    """Turn an answer into the finding on the receipt, now that the winner is known."""
    if answer.route is None or chosen is None:
        return answer.finding
    if answer.route.hold_until is not None:
        values: dict[str, Any] = {"held_until": utc_text(answer.route.hold_until)}
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
    """List the transitions to tell."""
    told: dict[tuple[UUID, str], Transition] = {}
    for each in moved.transitions:
        track = (each.confidence, each.allows)
        plan = ruleset.plan(each.geofence_id)
        meant = {ruleset.tracks[offer.id] for offer in plan.offers} if everything and plan.offers else {Track()}
        if track in meant or (each.type == "dwell_pending" and not everything):
            told.setdefault((each.geofence_id, each.type), each)
    return tuple(told.values())
