"""One customer's turn in a group: their fixes in the order of event time, decided one after the other on the evolving state.

Rule 1: pure. What it needs was loaded; what follows from it is committed by the group.
Rule 2: a turn can be played again from the start, with other budgets: nothing of the first time is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from server.decision.decide import Chosen, Decision, decide
from server.decision.ruleset import Ruleset
from server.decision.zone import window_of
from server.model.context import Context, Hit, Used
from server.model.customer import State
from server.model.offer import Offer
from server.model.ping import Ping
from server.model.place import Place
from server.pipeline.batch import Result
from server.pipeline.lanes import Ticket
from server.pipeline.occasions.contexts import context_of
from server.pipeline.occasions.held import decide_again, hold, instant_id
from server.pipeline.rules import MAX_AGE_S, Snapshot
from server.pipeline.telling import Reserved, moment_of
from server.signals.assemble import NOTHING_SPENT, Sky, Spent, World, assemble, assemble_timer, fences_around, ping_of
from server.store.arrivals import Known
from server.store.budgets import ROLLING, PlaceKey
from server.store.moments import MomentRow
from server.store.occasions import Occasion
from server.store.states import rounded

_MAX_AGE = timedelta(seconds=MAX_AGE_S)


@dataclass(slots=True, eq=False)
class Step:
    """One fix, or one ring of a timer or one occasion (no ping): on what it was decided, and what.

    `trace` is what the past keeps of it, `held` a push that must wait for the morning.
    """

    ticket: Ticket
    at: datetime
    ping: Ping | None
    near: list[Hit]
    occasion: Occasion | None = None
    decision: Decision | None = None
    moment: MomentRow | None = None
    reserved: Reserved | None = None
    context: Context | None = None
    trace: str | None = None
    held: Occasion | None = None


@dataclass(slots=True, eq=False)
class Turn:
    """One customer's tickets of a group.

    `results` by (ticket, place in its batch); `refused` tells from which step on an offer's budget is known to be empty.
    """

    known: Known
    tickets: list[Ticket]
    snapshot: Snapshot
    now: datetime
    sky: Sky
    listening: bool
    occasions: Sequence[Occasion] = ()
    steps: list[Step] = field(default_factory=list)
    results: dict[tuple[Ticket, int], Result] = field(default_factory=dict)
    repeated: list[tuple[Ticket, UUID]] = field(default_factory=list)
    refused: dict[UUID, int] = field(default_factory=dict)
    state: State = field(default_factory=State)
    wake_at: datetime | None = None

    @property
    def customer_id(self) -> UUID:
        """Whose turn it is."""
        return self.known.customer.id

    @property
    def moments(self) -> list[MomentRow]:
        """What came out, in the order of event time."""
        return [step.moment for step in self.steps if step.moment is not None]

    @property
    def claims(self) -> list[tuple[int, Reserved]]:
        """What the moments take of budgets, with the step of each."""
        return [(number, step.reserved) for number, step in enumerate(self.steps) if step.reserved is not None]


class Figures(NamedTuple):
    """What budgets had given away when the group was loaded."""

    offers: Mapping[UUID, Used]
    places: Mapping[PlaceKey, int]


NO_FIGURES = Figures({}, {})


def line_up(turn: Turn) -> None:
    """Sort out what is new among the fixes of the turn's tickets, and bring it into the order of event time."""
    seen: set[UUID] = set()
    for ticket in turn.tickets:
        if ticket.batch.timer:
            if turn.known.wake_at is not None and turn.known.wake_at <= turn.now:
                turn.steps.append(Step(ticket, turn.known.wake_at, None, []))
            continue
        if ticket.batch.occasions:
            _line_up_occasions(turn, ticket, seen)
            continue
        received, snapshot, answered = ticket.received or turn.now, turn.snapshot, turn.known.answered
        sent_at = ticket.batch.sent_at or received
        for place, reported in enumerate(ticket.batch.fixes):
            if reported.id in answered or reported.id in seen:
                turn.results[ticket, place] = Result(reported.id, "duplicate")
                turn.repeated.append((ticket, reported.id))
                continue
            ping = ping_of(reported, sent_at=sent_at, received=received)
            fix = ping.fix
            if received - fix.at > _MAX_AGE:
                turn.results[ticket, place] = Result(reported.id, "ignored", "too_old")
                continue
            seen.add(reported.id)
            near = fences_around(fix.point, reach_m=snapshot.ruleset.reach_m(fix.accuracy_m), fences=snapshot.fences)
            turn.steps.append(Step(ticket, fix.at, ping, near))
    if len(turn.steps) > 1:
        turn.steps.sort(key=lambda step: step.at)  # stable: of one instant, the one that came first


def _line_up_occasions(turn: Turn, ticket: Ticket, seen: set[UUID]) -> None:
    """Take in what still waits of a ticket's occasions; of one instant, the more important offer's first."""
    by_id = turn.snapshot.ruleset.by_id

    def importance(occasion: Occasion) -> int:
        offer = by_id.get(occasion.offer_id) if occasion.offer_id is not None else None
        return -offer.priority if offer is not None else 0

    for occasion in sorted(turn.occasions, key=importance):
        if occasion.id in ticket.batch.occasions and occasion.id not in seen:
            seen.add(occasion.id)
            turn.steps.append(Step(ticket, occasion.at, None, [], occasion))


def play(turn: Turn, figures: Figures) -> None:
    """Decide every step, each on the state that the one before left."""
    places = turn.snapshot.ruleset.places.by_geofence
    world = World(turn.snapshot.fences, places, turn.sky, turn.snapshot.matters)
    state, turn.wake_at = turn.known.state, turn.known.wake_at
    for number, step in enumerate(turn.steps):
        context = _context(turn, step, state, world, _spent(turn, step, number, figures))
        decision = _decided(step, context, turn.snapshot.ruleset)
        state = rounded(decision.state)
        step.context, step.decision = context, decision
        step.moment, step.reserved, step.held = None, None, None
        if step.occasion is None:  # nothing but fixes and timers moves stays
            turn.wake_at = decision.dwell_due
        _tell(turn, step, context)
    turn.state = state


def _decided(step: Step, context: Context, ruleset: Ruleset) -> Decision:
    if step.occasion is not None and step.occasion.kind == "held":
        return decide_again(step.occasion, context, ruleset)
    return decide(context, ruleset)


def _context(turn: Turn, step: Step, state: State, world: World, spent: Spent) -> Context:
    batch, customer = step.ticket.batch, turn.known.customer
    foreground = batch.foreground or turn.listening
    if step.occasion is not None:
        return context_of(
            step.occasion,
            customer=customer,
            state=state,
            now=turn.now,
            world=world,
            ruleset=turn.snapshot.ruleset,
            spent=spent,
            foreground=foreground,
        )
    if step.ping is None:
        return assemble_timer(
            customer=customer, state=state, now=turn.now, due=step.at, world=world, spent=spent, foreground=foreground
        )
    return assemble(
        step.ping,
        customer=customer,
        state=state,
        received=turn.now,
        near=step.near,
        world=world,
        spent=spent,
        foreground=foreground,
        app_zone=batch.zone,
    )


def _tell(turn: Turn, step: Step, context: Context) -> None:
    """Make the moment of a step's winner; one that is held for the end of the quiet hours is none yet."""
    chosen = step.decision.chosen if step.decision is not None else None
    if chosen is None:
        return
    if chosen.hold_until is not None:
        _hold(turn, step, chosen)
        return
    if not chosen.held_out and chosen.offer.limits.budgeted:
        step.reserved = _reserved(turn, chosen.offer, chosen.place)
    trigger_id = _trigger_id(step)
    step.moment = moment_of(chosen, context, trigger_id=trigger_id, snapshot=turn.snapshot, reserved=step.reserved)


def _hold(turn: Turn, step: Step, chosen: Chosen) -> None:
    """Keep a winner for the end of the quiet hours."""
    if chosen.hold_until is not None:
        customer, until = turn.customer_id, chosen.hold_until
        step.held = hold(chosen, until=until, customer_id=customer, now=turn.now, earlier=step.occasion)


def _trigger_id(step: Step) -> UUID:
    """Name what caused a moment: a ping, what happened, or the instant that a timer was set for or a night ended."""
    if step.ping is not None:
        return step.ping.id
    if step.occasion is not None and step.occasion.kind != "held":
        return step.occasion.id
    return instant_id(step.at)


def _reserved(turn: Turn, offer: Offer, place: Place | None) -> Reserved:
    value = offer.reward.value.minor if offer.reward is not None and offer.reward.value is not None else 0
    share = share_of(turn, offer, place)
    if share is None:
        return Reserved(offer.id, value)
    return Reserved(offer.id, value, share[0].place_id, share[0].period)


def share_of(turn: Turn, offer: Offer, place: Place | None) -> tuple[PlaceKey, datetime | None] | None:
    """Tell which share of the place an offer's unit comes from, and since when a rolling one counts."""
    if offer.limits.place_units is None or place is None:
        return None
    period = offer.limits.place_period
    if period is None:
        return PlaceKey(offer.id, place.id, "all"), None
    programme = turn.snapshot.ruleset.programme
    window = window_of(period, turn.now, customer=turn.known.customer, place=place, programme=programme)
    if window is None:
        return PlaceKey(offer.id, place.id, "all"), None
    if period.rolling is not None:
        return PlaceKey(offer.id, place.id, ROLLING), window.start
    return PlaceKey(offer.id, place.id, window.start.isoformat()), None


def budgeted_around(turn: Turn) -> list[tuple[Offer, Place | None]]:
    """List the offers with a budget that the turn's steps may set off, each with its place."""
    ruleset = turn.snapshot.ruleset
    found: list[tuple[Offer, Place | None]] = []
    fences = {hit.id for step in turn.steps for hit in step.near} | {
        stay.geofence_id for stay in turn.known.state.stays
    }
    for fence in fences:
        plan = ruleset.plan(fence)
        place = ruleset.places.by_geofence.get(fence)
        if place is not None:
            found += [(offer, place) for offer in (*plan.offers, *plan.near) if offer.limits.budgeted]
    for step in turn.steps:
        if step.occasion is not None:
            found += [
                (offer, None) for offer in ruleset.offers if offer.limits.budgeted and _may_be(step.occasion, offer)
            ]
    return found


def _may_be(occasion: Occasion, offer: Offer) -> bool:
    """Tell whether an occasion may set this offer off."""
    if occasion.offer_id is not None:
        return offer.id == occasion.offer_id
    return offer.when.trigger == occasion.kind


def _spent(turn: Turn, step: Step, number: int, figures: Figures) -> Spent:
    """Tell a step what budgets have given, and which were found empty when this turn claimed from them."""
    if figures is NO_FIGURES and not turn.refused:
        return NOTHING_SPENT
    exhausted = frozenset(offer for offer, since in turn.refused.items() if since <= number)
    if not figures.offers and not figures.places:
        return Spent({}, {}, exhausted)
    here = {}
    if figures.places:
        for offer, place in budgeted_around(turn):
            share = share_of(turn, offer, place)
            if place is not None and share is not None and share[0] in figures.places:
                here[offer.id, place.id] = figures.places[share[0]]
    return Spent(figures.offers, here, exhausted)
