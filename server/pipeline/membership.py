"""Who is in which saved segment: judged when something about a customer changes, and everybody again by a job.

Rule 1: what is stored is for counting and listing. A decision asks the segment's condition, so nothing stored can be stale there.
Rule 2: a customer is judged without a place, a fix and a sky: a segment that asks for those is not known to hold of anybody.
Rule 3: without consent to profiling nobody is in any segment, and nothing is stored.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

from server.decision.conditions.segment import Condition as Segment
from server.decision.finding import Condition, Scene, Truth
from server.decision.wants import is_of_customer
from server.errors import FieldError, Invalid
from server.model.context import Context
from server.pipeline.rules import Rules, Snapshot
from server.store import arrivals, members, passes, segments
from server.store.arrivals import Known
from server.store.members import Counts
from server.store.pool import Connection, Pool

CHUNK: Final = 100
"""Customers judged in one transaction: some ten milliseconds of this process, in which its pings wait."""


async def refresh(
    db: Connection, *, rules: Rules, customer_id: UUID, now: datetime, touched: frozenset[str] | None = None
) -> None:
    """Judge a customer again, in the transaction that changed something about them, before its COMMIT.

    `touched` is what changed, in the words of `server.decision.wants` (None: anything); where no segment looks at it,
    nothing is done.
    """
    await refresh_all(db, rules=rules, customers=[customer_id], now=now, touched=touched)


async def refresh_all(
    db: Connection, *, rules: Rules, customers: Sequence[UUID], now: datetime, touched: frozenset[str] | None = None
) -> None:
    """Judge several customers again, as `refresh` does one."""
    snapshot = _asking(rules, touched)
    if snapshot is not None and customers:
        await judge(db, customers=customers, snapshot=snapshot, now=now)


async def tell(db: Connection, *, customer_id: UUID, names: Sequence[str]) -> None:
    """Write in which segments another system says that a customer is; raises Invalid for one that has a condition, or is none.

    Nothing is kept of who has not agreed to profiling. Needs a transaction; `refresh` comes after it.
    """
    known = await segments.told(db, names=names)
    wrong = [
        FieldError(f"segments[{place}]", "is no segment whose members are told from outside")
        for place, name in enumerate(names)
        if name not in known
    ]
    if wrong:
        raise Invalid(errors=wrong)
    await members.tell(db, customer_id=customer_id, names=sorted(set(names)))


async def refresh_holder(db: Connection, *, rules: Rules, serial: UUID, now: datetime, touched: frozenset[str]) -> None:
    """Judge the customer again whose pass this is, where a segment looks at what was touched and the pass is somebody's."""
    snapshot = _asking(rules, touched)
    holder = await passes.holder(db, serial=serial) if snapshot is not None else None
    if snapshot is not None and holder is not None:
        await judge(db, customers=[holder], snapshot=snapshot, now=now)


def _asking(rules: Rules, touched: frozenset[str] | None) -> Snapshot | None:
    """Give the rules in force where one of their segments looks at what was touched."""
    snapshot = rules.current if rules.loaded else None
    if snapshot is None or not snapshot.judged:
        return None
    return snapshot if touched is None or touched & snapshot.watched else None


async def judge(db: Connection, *, customers: Sequence[UUID], snapshot: Snapshot, now: datetime) -> Counter[str]:
    """Judge customers by every segment and write it down; count the members of each, those told from outside too."""
    await members.lock(db, customers=customers)
    loaded = await arrivals.load(db, asked=dict.fromkeys(customers, ()), bought=snapshot.bought)
    at = max(now, loaded.now or now)  # by the database's clock, which wrote what has just happened
    found = {identifier: memberships(known, snapshot, at) for identifier, known in loaded.customers.items()}
    judged = {name for name, condition in snapshot.ruleset.segments.items() if condition is not None}
    await members.write(db, members={key: [each for each in names if each in judged] for key, names in found.items()})
    return Counter(name for names in found.values() for name in names)


def memberships(known: Known, snapshot: Snapshot, now: datetime) -> list[str]:
    """List the segments that a customer is in. Pure."""
    if not known.customer.consents.profiling:
        return []
    ruleset = snapshot.ruleset
    context = Context(at=now, received=now, customer=known.customer, state=known.state)
    scene = Scene(context, None, ruleset.programme, ruleset.segments)
    return [name for name in ruleset.segments if Segment(name).truth(scene) is Truth.HOLDS]


async def sweep(
    pool: Pool, rules: Rules, *, clock: Callable[[], datetime], every: timedelta, chunk: int = CHUNK
) -> int:
    """Judge everybody again if it is time, or go on where somebody stopped; give how many were looked at.

    Between two chunks it rests as long as the last one took, so that it has half of a process at most.
    """
    looked, loop = 0, asyncio.get_running_loop()
    while True:
        began = loop.time()
        await rules.refresh()
        step = partial(_step, snapshot=rules.current, now=clock(), every=every, chunk=chunk)
        done = await pool.attempt(step)
        looked += done.looked
        if done.over:
            return looked
        await asyncio.sleep(loop.time() - began)


class Done(NamedTuple):
    """How many customers a step looked at, and whether the round is over, or not ours to go on with."""

    looked: int
    over: bool


async def _step(db: Connection, *, snapshot: Snapshot, now: datetime, every: timedelta, chunk: int) -> Done:
    """Judge the next chunk, unless there is nothing to do or somebody else is doing it."""
    held = await members.hold(db)
    if held is None:
        return Done(0, over=True)
    if held.counts is None:
        if not await members.is_due(db, every=every):
            return Done(0, over=True)
        await members.begin(db, counts=_nothing_yet(snapshot.ruleset.segments))
        held = await members.hold(db)
        if held is None:
            return Done(0, over=True)
    turn = await members.following(db, sweep=held, limit=chunk)
    agreed = [each.id for each in turn if each.profiling]
    found = await judge(db, customers=agreed, snapshot=snapshot, now=now) if agreed else Counter[str]()
    counts = _added(held.counts or {}, found)
    if len(turn) < chunk:
        await members.finish(db, counts=counts)
    else:
        await members.advance(db, last=turn[-1].id, counts=counts)
    return Done(len(turn), over=len(turn) < chunk)


def _nothing_yet(segments: Mapping[str, Condition | None]) -> dict[str, int | None]:
    """Begin to count; a segment that looks at more than the customer cannot be counted: who is in it changes with the place."""
    return {name: 0 if is_of_customer(condition, segments) else None for name, condition in segments.items()}


def _added(counts: Counts, found: Counter[str]) -> dict[str, int | None]:
    """Count on, for the segments that were there at the beginning; later ones are counted the next time."""
    return {name: None if count is None else count + found[name] for name, count in counts.items()}
