"""A group of reports: loaded at once, decided one by one, committed at once, answered after the commit.

Rule 1: nobody is answered before COMMIT has returned, and everybody of a group is answered.
Rule 2: a customer whose state changed meanwhile is loaded and decided again; the others of the group stand.
Rule 3: nothing here talks to any network but PostgreSQL's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import structlog

from server.errors import ConsentRequired, Unauthenticated, Unavailable
from server.pipeline import claims, facts, traces
from server.pipeline.batch import Answer, Result, Watch
from server.pipeline.lanes import Ticket
from server.pipeline.occasions import settle
from server.pipeline.occasions.listening import listening_of
from server.pipeline.rules import Rules, Snapshot
from server.pipeline.skies import Skies
from server.pipeline.turns import NO_FIGURES, Figures, Turn, budgeted_around, line_up, play, share_of
from server.pipeline.watch import Watcher
from server.signals.assemble import Sky
from server.store import arrivals, budgets, moments, states
from server.store.arrivals import NewState
from server.store.clock import DatabaseClock
from server.store.moments import Shown, shown_of
from server.store.pool import Connection, Contended, Pool

TRIES = 8
"""Losing one's state so often in a row means that somebody hammers it: then 503 is the honest answer."""

_log = structlog.get_logger("kairos.pings")


class Groups:
    """Processes groups. `told` is called after a commit with the customers who got a moment."""

    def __init__(
        self,
        *,
        pool: Pool,
        rules: Rules,
        clock: DatabaseClock,
        sky: Sky,
        keeps: facts.Keeps,
        listens: Callable[[UUID], bool],
        told: Callable[[UUID], None],
    ) -> None:
        """`keeps` is what is written of turns; `listens` tells whether a customer has a stream open here."""
        self._pool, self._rules, self._clock, self._sky = pool, rules, clock, sky
        self._keeps, self._listens, self._told = keeps, listens, told
        self._watcher, self._skies = Watcher(), Skies()

    async def process(self, tickets: Sequence[Ticket]) -> None:
        """Answer every ticket; raises Unavailable (for all that are not answered yet) when the database is away."""
        open_tickets = list(tickets)
        for _ in range(TRIES):
            if not open_tickets:
                return
            try:
                async with self._pool.acquire() as db:
                    await self._once(db, open_tickets)
            except Contended:
                _log.info("group decided again", tickets=len(open_tickets))
            open_tickets = [ticket for ticket in open_tickets if not ticket.answer.done()]
        if open_tickets:
            raise Unavailable("The customer's state changed too often meanwhile.", retry_after_s=1)

    async def _once(self, db: Connection, tickets: Sequence[Ticket]) -> None:
        """Load, decide, commit and answer; tickets whose customer's state was lost stay unanswered."""
        turns = await self._load(db, tickets)
        figures = await _figures(db, turns)
        for turn in turns:
            play(turn, figures)
        traces.note(turns, self._skies)
        await self._skies.keep(db, self._clock.now())
        earlier = await _earlier(db, turns)
        for turn in await _commit(db, [turn for turn in turns if turn.steps], figures, self._keeps):
            self._answer(turn, earlier)
            if any(not moment.held_out for moment in turn.moments):
                self._told(turn.customer_id)
        for turn in turns:
            if not turn.steps:
                self._answer(turn, earlier)

    async def _load(self, db: Connection, tickets: Sequence[Ticket]) -> list[Turn]:
        """Load the customers, refuse those who may not be tracked, and line up the others' fixes."""
        mine: dict[UUID, list[Ticket]] = {}
        for ticket in tickets:
            mine.setdefault(ticket.batch.customer_id, []).append(ticket)
        asked = {key: [fix.id for ticket in each for fix in ticket.batch.fixes] for key, each in mine.items()}
        proofs = {key: found for key, each in mine.items() if (found := [p for t in each if (p := t.batch.proof)])}
        loaded = await self._look(db, asked, proofs)
        missing = [key for key, known in loaded.customers.items() if known.version is None]
        if missing:
            await states.make(db, customers=missing)
            loaded = await self._look(db, asked, proofs)
        snapshot, turns = self._rules.current, []
        waiting = await self._occasions(db, tickets, loaded, snapshot)
        for key, came in mine.items():
            known = loaded.customers.get(key)
            own = _proven(came, known) if known is not None and key in proofs else came
            if known is None or loaded.now is None:
                _refuse(own, Unauthenticated())
            elif not known.customer.consents.location:
                _refuse(own, ConsentRequired("The customer has not consented to the use of locations."))
            elif own:
                for ticket in own:
                    ticket.received = ticket.received or min(loaded.now, self._clock.at(ticket.came_s))
                listening = known.listening or self._listens(key)
                turn = Turn(known, own, snapshot, loaded.now, self._sky, listening, waiting.get(key, ()))
                line_up(turn)
                turns.append(turn)
        return turns

    async def _occasions(
        self, db: Connection, tickets: Sequence[Ticket], loaded: arrivals.Loaded, snapshot: Snapshot
    ) -> settle.Pending:
        """Read the tickets' occasions after their states: one that is gone by now was decided on a newer state."""
        waiting = await settle.pending(db, tickets)
        if not waiting:
            return waiting
        known = loaded.customers
        refused = [key for key in waiting if key not in known or not known[key].customer.consents.location]
        return await settle.drop(db, waiting, refused=refused, listening=listening_of(snapshot.ruleset))

    async def _look(
        self, db: Connection, asked: Mapping[UUID, list[UUID]], proofs: Mapping[UUID, list[bytes]]
    ) -> arrivals.Loaded:
        asked_s = self._clock.monotonic()
        loaded = await arrivals.load(db, asked=asked, proofs=proofs, bought=self._rules.current.bought)
        if loaded.now is None:
            return loaded
        self._clock.note(loaded.now, asked_s=asked_s, heard_s=self._clock.monotonic())
        return loaded._replace(now=self._clock.shifted(loaded.now))

    def _answer(self, turn: Turn, earlier: dict[UUID, Shown]) -> None:
        for ticket in turn.tickets:
            ticket.tell(answer_of(turn, ticket, earlier, self._watcher))


def _proven(tickets: Sequence[Ticket], known: arrivals.Known) -> list[Ticket]:
    """Refuse the tickets that came with a token that is not the customer's any more, and give the others."""
    good = known.proven
    false = [each for each in tickets if each.batch.proof is not None and each.batch.proof not in good]
    _refuse(false, Unauthenticated())
    return [each for each in tickets if each not in false] if false else list(tickets)


def _refuse(tickets: Sequence[Ticket], error: Exception) -> None:
    for ticket in tickets:
        ticket.refuse(error)


async def _figures(db: Connection, turns: Sequence[Turn]) -> Figures:
    """Look at the budgets that the group may come upon, so that receipts can tell what was left."""
    if not turns or not turns[0].snapshot.budgeted:
        return NO_FIGURES
    offers, rolling, places = set[UUID](), {}, set[budgets.PlaceKey]()
    for turn in turns:
        for offer, place in budgeted_around(turn):
            offers.add(offer.id)
            share = share_of(turn, offer, place)
            if share is not None:
                places.add(share[0])
                if share[1] is not None:
                    rolling[share[0]] = share[1]
    if not offers:
        return NO_FIGURES
    return Figures(*await budgets.read(db, offers=offers, places=places, rolling=rolling))


async def _earlier(db: Connection, turns: Sequence[Turn]) -> dict[UUID, Shown]:
    """Find the moments that repeated fixes made when they came first."""
    found: dict[UUID, Shown] = {}
    for turn in turns:
        ids = {turn.known.answered.get(ping) for _, ping in turn.repeated} - {None}
        if ids:
            asked = [each for each in ids if each is not None]
            found |= {each.id: each for each in await moments.by_id(db, customer_id=turn.customer_id, ids=asked)}
    return found


async def _commit(db: Connection, turns: Sequence[Turn], figures: Figures, keeps: facts.Keeps) -> list[Turn]:
    """Write what was decided in one transaction, and tell whose it was: the others lost their state to somebody."""
    touched = settle.touches(turns)
    if not touched and not any(turn.moments for turn in turns):
        return await _record(db, turns, keeps)  # one statement, a transaction by itself
    async with db.transaction():
        turns = await _claimed(db, turns, figures)
        won = await _record(db, turns, keeps)
        made = [moment for turn in won for moment in turn.moments]
        if made:
            await moments.insert(db, moments=made)
        if touched:
            await settle.settle(db, won)
    return won


async def _claimed(db: Connection, turns: Sequence[Turn], figures: Figures) -> Sequence[Turn]:
    """Hold the states and claim the budgets, where any moment needs one; turns whose state is lost fall out."""
    if not any(turn.claims for turn in turns):
        return turns
    seen = [states.Seen(turn.customer_id, turn.known.version or 0) for turn in turns]
    held = await states.lock(db, seen=seen)
    turns = [turn for turn in turns if turn.customer_id in held]
    await claims.settle(db, turns, replay=lambda turn: play(turn, figures))
    return turns


async def _record(db: Connection, turns: Sequence[Turn], keeps: facts.Keeps) -> list[Turn]:
    if not turns:
        return []
    won = await arrivals.record(
        db,
        states=[NewState(turn.customer_id, turn.known.version or 0, turn.state, turn.wake_at) for turn in turns],
        pings=[fact for turn in turns for fact in facts.pings_of(turn, keeps.decimals)],
        receipts=[
            receipt
            for turn in turns
            for receipt in (*facts.receipts_of(turn, keeps.plain_share), *settle.gone_of(turn))
        ],
        visits=[visit for turn in turns for visit in facts.visits_of(turn)],
    )
    return [turn for turn in turns if turn.customer_id in won]


def answer_of(turn: Turn, ticket: Ticket, earlier: dict[UUID, Shown], watcher: Watcher) -> Answer:
    """Put together what one report is told: results in its order, its moments, those of its repeats, what to watch."""
    accepted: dict[UUID, Result] = {}
    made: dict[UUID, Shown] = {}
    newest = None
    for step in turn.steps:
        ping = step.ping
        if ping is None or step.ticket is not ticket:
            continue
        accepted[ping.id] = Result(ping.id, "accepted", facts.reason_of(step))
        newest = ping.fix
        if step.moment is not None and not step.moment.held_out:
            made[step.moment.id] = shown_of(step.moment)
    if turn.repeated:
        _repeat(turn, ticket, earlier, made)
    known, fixes = turn.results, ticket.batch.fixes
    results = tuple(
        [(known.get((ticket, place)) if known else None) or accepted[fix.id] for place, fix in enumerate(fixes)]
    )
    watch = watcher.watch_from(newest, turn.snapshot.live) if newest is not None else Watch()
    return Answer(results, tuple(made.values()), watch, turn.now)


def _repeat(turn: Turn, ticket: Ticket, earlier: dict[UUID, Shown], made: dict[UUID, Shown]) -> None:
    """Add the moments that a report's repeated fixes led to, long ago or in this group."""
    by_ping = {step.ping.id: step.moment.id for step in turn.steps if step.ping is not None and step.moment is not None}
    in_group = {moment.id: shown_of(moment) for moment in turn.moments if not moment.held_out}
    for owner, ping in turn.repeated:
        moment = (turn.known.answered.get(ping) or by_ping.get(ping)) if owner is ticket else None
        if moment is not None and (told := earlier.get(moment) or in_group.get(moment)) is not None:
            made.setdefault(moment, told)
