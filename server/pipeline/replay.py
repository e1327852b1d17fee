"""A draft tried on the recorded past: the same `decide`, one fix after the other as they came, and nothing written.

Rule 1: pure. What it needs was read; what follows from it is counted.
Rule 2: everybody's past runs side by side in the order of time, for they take from the same budgets.
Rule 3: what the draft does not touch stays as it was: moments that no fix set off, messages sent elsewhere, and whether a
        moment that came out again was ever seen.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from itertools import count
from typing import Final, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from server.decision.decide import Chosen, Decision, decide
from server.decision.finding import Gate
from server.decision.limits import remember
from server.model.context import Context
from server.model.customer import Customer, Shown, State
from server.model.ids import moment_id
from server.pipeline.grants import Grants, value_of
from server.pipeline.occasions.held import decide_again, hold, instant_id
from server.pipeline.recall import Ground, recall, recall_held, recall_timer
from server.pipeline.tally import Tally
from server.pipeline.traces import Trace, read_trace
from server.pipeline.validity import zone_for
from server.store.occasions import Occasion
from server.store.past import Granted, PastMoment, PastPing
from server.store.states import Unshown, without

LATE_TIMER: Final = timedelta(seconds=30)
"""A timer may ring so much later than it was due; a fix that came first says so. So far ahead a replay looks."""


class Outcome(NamedTuple):
    """A moment that came out."""

    customer_id: UUID
    moment_id: UUID
    offer_id: UUID
    at: datetime
    day: date
    held_out: bool


@dataclass(slots=True, eq=False)
class Person:
    """One customer's past: who they are (today), what really became of their moments, and the state as it evolves."""

    customer: Customer
    state: State
    fates: dict[UUID, PastMoment] = field(default_factory=dict)
    wake_at: datetime | None = None
    before: Context | None = None
    listening: bool = False
    timers: deque[datetime] = field(default_factory=deque)
    held: set[UUID] = field(default_factory=set)


class Replay:
    """One replay under way: fed with people and their fixes in the order of time, then finished."""

    def __init__(
        self,
        ground: Ground,
        *,
        draft: UUID,
        start: datetime,
        grants: Grants,
        tally: Tally,
        told: Callable[[Outcome], None] | None = None,
    ) -> None:
        """Count what the offer `draft` of the ground's ruleset does from `start` on; fixes before only move states."""
        self._ground, self._draft, self._start = ground, draft, start
        self._grants, self._tally, self._told = grants, tally, told
        self.people: dict[UUID, Person] = {}
        self._ahead: deque[list[PastPing]] = deque()
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._number = count()

    def meet(self, person: Person, happened: Sequence[Shown] = ()) -> None:
        """Take somebody in before their first fix; `happened` is what reaches them in the period whatever is decided."""
        self.people[person.customer.id] = person
        for entry in happened:
            self._at(entry.at, partial(self._happen, person, entry))
        for fate in person.fates.values():
            if fate.unseen and fate.created_at < self._start and fate.expired_at is not None:
                self._at(fate.expired_at, partial(self._forget, person, fate.offer_id, fate.created_at))

    def feed(self, pings: Sequence[PastPing]) -> None:
        """Take in the fixes of one customer that were decided together, in the order of event time."""
        self._ahead.append(list(pings))
        trace = read_trace(pings[0].trace)
        if trace.timer:
            self.people[pings[0].customer_id].timers.append(pings[0].received_at)
        while self._ahead and self._ahead[0][0].received_at <= pings[0].received_at - LATE_TIMER:
            self._next()

    def finish(self, end: datetime) -> None:
        """Decide what is left, up to the end of the period."""
        while self._ahead:
            self._next()
        self._ring_until(end)

    def _next(self) -> None:
        pings = self._ahead.popleft()
        self._ring_until(pings[0].received_at)
        person = self.people[pings[0].customer_id]
        if person.timers and person.timers[0] <= pings[0].received_at:
            person.timers.popleft()
        received, timer = pings[0].received_at, None
        for ping in pings:
            trace = read_trace(ping.trace)
            if trace.timer == "with":
                timer = person.wake_at
            if timer is not None and timer <= ping.at:
                self._ring(person, timer, received)
                timer = None
            self._fix(person, ping, trace)
        if timer is not None and timer <= received:
            self._ring(person, timer, received)
        self._set_timer(person)

    def _fix(self, person: Person, ping: PastPing, trace: Trace) -> None:
        context = recall(
            ping,
            trace,
            customer=person.customer,
            state=person.state,
            ground=self._ground,
            used=self._grants.used,
        )
        person.before, person.listening = context, trace.listening
        if ping.received_at >= self._start:
            self._tally.pings += 1
        self._decide(person, context, ping.id)

    def _ring(self, person: Person, due: datetime, received: datetime) -> None:
        person.wake_at = None
        if person.before is None:
            return
        context = recall_timer(
            due,
            received=received,
            customer=person.customer,
            state=person.state,
            before=person.before,
            used=self._grants.used,
            foreground=person.listening,
        )
        self._decide(person, context, instant_id(due))

    def _decide(self, person: Person, context: Context, trigger_id: UUID) -> None:
        decision = decide(self._spent(context), self._ground.ruleset)
        person.wake_at = decision.dwell_due
        self._follow(person, context, decision, trigger_id)

    def _spent(self, context: Context) -> Context:
        """Tell what is used of the shares of the places around."""
        places = self._ground.ruleset.places.by_geofence
        used_at = self._grants.used_at(context, (places[hit.id] for hit in context.hits if hit.id in places))
        return context._replace(used_at=used_at) if used_at else context

    def _follow(
        self, person: Person, context: Context, decision: Decision, trigger_id: UUID, held: Occasion | None = None
    ) -> None:
        """Remember, count, and make or hold what came out; before the period begins states move and nothing else does."""
        if context.received < self._start:
            person.state = replace(decision.state, shown=person.state.shown)
            return
        person.state = decision.state
        self._count(person, decision)
        if decision.chosen is None:
            return
        if decision.chosen.hold_until is None:
            self._made(person, context, decision.chosen, trigger_id)
        else:
            self._hold(person, decision.chosen, decision.chosen.hold_until, context.received, held)

    def _hold(self, person: Person, chosen: Chosen, until: datetime, now: datetime, earlier: Occasion | None) -> None:
        """Keep a winner for the end of the quiet hours; the same offer is held for one instant once."""
        held = hold(chosen, until=until, customer_id=person.customer.id, now=now, earlier=earlier)
        if held.id not in person.held:
            person.held.add(held.id)
            self._at(until, partial(self._ask_again, person, held))

    def _ask_again(self, person: Person, held: Occasion) -> None:
        if person.before is None:
            return
        context = recall_held(
            held,
            customer=person.customer,
            state=person.state,
            before=person.before,
            used=self._grants.used,
            foreground=person.listening,
        )
        decision = decide_again(held, self._spent(context), self._ground.ruleset)
        self._follow(person, context, decision, instant_id(held.at), held)

    def _set_timer(self, person: Person) -> None:
        if person.wake_at is None:
            return
        due = person.wake_at

        def ring() -> None:
            if person.wake_at != due or (person.timers and person.timers[0] >= due):
                return  # another fix moved it, or came before it rang
            self._ring(person, due, due)
            self._set_timer(person)

        self._at(due, ring)

    def _count(self, person: Person, decision: Decision) -> None:
        chosen, mine = decision.chosen, self._draft
        if chosen is None or chosen.hold_until is not None or chosen.offer.id != mine:
            verdict = decision.verdict_on(mine)
            if verdict is not None:
                self._tally.stopped(person.customer.id, verdict.finding.gate.value)
            return
        for verdict in decision.near:  # what came through is among what was set off
            if verdict.offer.id != mine and verdict.finding.gate is Gate.ARBITRATION:
                self._tally.displaced(person.customer.id, verdict.offer.id)

    def _made(self, person: Person, context: Context, chosen: Chosen, trigger_id: UUID) -> None:
        offer, place, now, programme = chosen.offer, chosen.place, context.received, self._ground.ruleset.programme
        zone = zone_for("place", place=place, customer=person.customer, programme=programme)
        made = moment_id(person.customer.id, offer.id, trigger_id)
        outcome = Outcome(person.customer.id, made, offer.id, now, now.astimezone(zone).date(), chosen.held_out)
        if not chosen.held_out:
            self._grants.take(offer, place, now)
        if offer.id == self._draft and chosen.held_out:
            self._tally.kept_back(person.customer.id)
        elif offer.id == self._draft:
            self._tally.showed(person.customer.id, outcome.day)
        if self._told is not None:
            self._told(outcome)
        fate = person.fates.get(made)
        if fate is not None and fate.expired_at is not None:
            returned = Granted(offer.id, place.id if place is not None else None, now, value_of(offer), None)
            self._at(fate.expired_at, partial(self._grants.give_back, returned))
            if fate.unseen:
                self._at(fate.expired_at, partial(self._forget, person, offer.id, now))

    def _happen(self, person: Person, entry: Shown) -> None:
        """Let a message reach a customer that no fix set off."""
        person.state = remember(person.state, entry)
        offer = self._ground.ruleset.by_id.get(entry.offer_id) if entry.offer_id is not None else None
        if offer is not None:
            self._grants.take(offer, None, entry.at)

    def _forget(self, person: Person, offer_id: UUID, at: datetime) -> None:
        """Take a message out of what caps count: nobody saw it."""
        person.state = without(person.state, [Unshown(person.customer.id, offer_id, at)])

    def gave(self, granted: Iterable[Granted]) -> None:
        """Book what offers had given away before the period, and what of it comes back within."""
        for each in granted:
            self._grants.recall(each)
            if each.released_at is not None:
                self._at(each.released_at, partial(self._grants.give_back, each))

    def _at(self, when: datetime, deed: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._number), deed))

    def _ring_until(self, now: datetime) -> None:
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()
