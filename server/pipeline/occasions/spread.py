"""A firing reaches its audience: bucket by bucket it becomes occasions, each decided like any other.

Rule 1: a chunk of buckets is taken by compare-and-swap in the transaction that writes its occasions.
Rule 2: place-bound offers reach those who are in one of the places, by their last trusted fix of a day or their state.
Rule 3: no faster than it is decided: each is judged at the instant at which its turn came, however many come before.
Rule 4: what stood still for longer than its offer is fresh is given up: coffee for the morning is not told at noon.
"""

from __future__ import annotations

import asyncio
from calendar import isleap
from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from server.decision.plan import is_meant
from server.decision.zone import ZONE_KEEPS
from server.model.customer import State
from server.model.ids import BUCKETS, event_id
from server.model.offer import Offer
from server.pipeline.occasions.listening import BIRTHDAY, INACTIVITY
from server.pipeline.rules import Rules, Snapshot
from server.signals.assemble import whereabouts
from server.signals.weather.cache import cell_of
from server.store import audiences, firings, happenings, occasions
from server.store.audiences import Buckets
from server.store.firings import Firing
from server.store.happenings import Happening
from server.store.occasions import Occasion
from server.store.pool import Connection, Pool

LEAST, MOST = 16, 256
"""Buckets of one transaction: it begins with a sixty-fourth of all customers, and takes more as long as that is quick."""

QUICK_S, SLOW_S = 0.05, 0.2
"""A transaction that takes less is followed by a larger one, one that takes more by a smaller one."""

MANY = 2_000
"""One that makes more occasions is followed by a smaller one, too."""

BACKLOG = 5_000
"""While so many wait to be decided no more are made: some seconds' work, so that each is decided when it was made."""

PATIENCE, A_DAY = timedelta(minutes=3), timedelta(hours=12)
"""So long a firing may stand still at least; birthdays and absence do not spoil so quickly."""

AT_ONCE = 8
"""Firings listed together."""

UNDER_A_SKY = timedelta(minutes=30)
"""So young is the last trusted fix of those whom a change of weather concerns."""


async def spread(pool: Pool, rules: Rules, *, now: Callable[[], datetime]) -> int:
    """Carry firings on, to their ends or until enough waits to be decided, and tell how many occasions that made."""
    total = 0
    while True:
        async with pool.acquire() as db:
            found = await firings.unfinished(db, limit=AT_ONCE)
        for firing in found:
            total += await _through(pool, rules, firing, now)
        if len(found) < AT_ONCE or await _enough(pool, now()):
            return total


async def _enough(pool: Pool, now: datetime) -> bool:
    async with pool.acquire() as db:
        return await occasions.backlog(db, now=now, most=BACKLOG) >= BACKLOG


async def _through(pool: Pool, rules: Rules, firing: Firing, now: Callable[[], datetime]) -> int:
    """Carry one firing to its end, or to where somebody else goes on with it, or until enough waits to be decided."""
    total, size, seconds = 0, LEAST, asyncio.get_running_loop().time
    while firing.next_chunk < BUCKETS and not await _enough(pool, now()):
        over = _is_over(firing, rules.current, now())
        begun, after = seconds(), BUCKETS if over else min(firing.next_chunk + size, BUCKETS)
        snapshot = None if over else rules.current
        made = await pool.attempt(partial(_chunk, firing=firing, after=after, snapshot=snapshot, now=now()))
        if made is None:
            return total
        total += made
        firing = firing._replace(next_chunk=after, moved_at=now())
        took = seconds() - begun
        if took > SLOW_S or made > MANY:
            size = max(size // 2, 1)
        elif took < QUICK_S and 2 * made < MANY:
            size = min(2 * size, MOST)
    return total


def _is_over(firing: Firing, snapshot: Snapshot, now: datetime) -> bool:
    """Tell whether a firing stood still for too long (rule 4)."""
    offer = snapshot.ruleset.by_id.get(firing.offer_id) if firing.offer_id is not None else None
    patience = A_DAY if firing.kind in (BIRTHDAY, INACTIVITY) else PATIENCE
    return now - (firing.moved_at or firing.at) > max(patience, offer.fresh if offer is not None else patience)


async def _chunk(db: Connection, *, firing: Firing, after: int, snapshot: Snapshot | None, now: datetime) -> int | None:
    """Reach the customers of the buckets up to `after`, and tell how many; None where somebody else took them.

    Without a snapshot nobody is reached: the firing is over.
    """
    buckets = Buckets(firing.next_chunk, after)
    if not await firings.advance(db, firing=firing, to=after, now=now):
        return None
    if snapshot is None:
        return 0
    if firing.kind in (BIRTHDAY, INACTIVITY):
        happened = await _happened(db, firing, buckets, snapshot, now)
        return len(await happenings.tell(db, happenings=happened)) if happened else 0
    made = [_occasion(firing, customer, snapshot, now) for customer in await _reached(db, firing, buckets, snapshot)]
    if made:
        await occasions.add(db, occasions=made)
    return len(made)


def _occasion(firing: Firing, customer: UUID, snapshot: Snapshot, now: datetime) -> Occasion:
    offer = snapshot.ruleset.by_id.get(firing.offer_id) if firing.offer_id is not None else None
    return Occasion(
        id=event_id(customer, firing.kind, str(firing.id)),
        customer_id=customer,
        kind="schedule" if firing.kind == "schedule" else "weather_change",
        name=offer.name if offer is not None else firing.kind,
        at=now,
        offer_id=firing.offer_id,
        offer_version=firing.offer_version,
    )


async def _happened(
    db: Connection, firing: Firing, buckets: Buckets, snapshot: Snapshot, now: datetime
) -> list[Happening]:
    """List whose birthday it is, or whose spell of absence has lasted so long. Their ids make each happen once."""
    if firing.kind == BIRTHDAY and firing.zone is not None:
        today = firing.at.astimezone(ZoneInfo(firing.zone)).date()
        home = snapshot.ruleset.programme.zone
        born = await audiences.born(db, buckets=buckets, zone=firing.zone, otherwise=home, days=birthdays_on(today))
        return [Happening(event_id(each, BIRTHDAY, str(today.year)), each, BIRTHDAY, now) for each in born]
    if firing.after is None:
        return []
    length = str(int(firing.after.total_seconds()))
    return [
        Happening(event_id(id_, INACTIVITY, length, since.isoformat()), id_, INACTIVITY, now, after=firing.after)
        for id_, since in await audiences.absent(db, buckets=buckets, now=now, after=firing.after)
    ]


def birthdays_on(day: date) -> list[str]:
    """List the birthdays (MM-DD) that are kept on a day: who was born on 29 February has theirs on the 28th in other years."""
    own = [f"{day:%m-%d}"]
    return [*own, "02-29"] if own == ["02-28"] and not isleap(day.year) else own


async def _reached(db: Connection, firing: Firing, buckets: Buckets, snapshot: Snapshot) -> Collection[UUID]:
    """List the customers whom a schedule's firing or a change of weather reaches."""
    if firing.kind == "weather_change":
        young = await audiences.seen(db, buckets=buckets, since=firing.at - UNDER_A_SKY)
        cells = frozenset(firing.cells)
        return [id_ for id_, state in young if state.last_fix is not None and name_of(state) in cells]
    offer = snapshot.ruleset.by_id.get(firing.offer_id) if firing.offer_id is not None else None
    if offer is None or offer.when.schedule is None or firing.zone is None:
        return ()
    at_home = firing.zone if offer.when.schedule.tz == "customer_home" else None
    home, since = snapshot.ruleset.programme.zone, firing.at - ZONE_KEEPS
    if not offer.when.places.any:
        here = await audiences.seen(db, buckets=buckets, since=since, zone=at_home, otherwise=home)
        return [id_ for id_, state in here if _is_in(state, offer, firing.zone, snapshot)]
    if offer.when.schedule.tz == "place":
        return await audiences.in_zone(db, buckets=buckets, zone=firing.zone, otherwise=home, since=since)
    return await audiences.at_home(db, buckets=buckets, zone=at_home, otherwise=home)


def name_of(state: State) -> str:
    """Name the cell of weather that a state's last fix lies in."""
    return cell_name(*cell_of(state.last_fix.point)) if state.last_fix is not None else ""


def cell_name(row: int, column: int) -> str:
    """Name a cell of weather as it is stored."""
    return f"{row},{column}"


def _is_in(state: State, offer: Offer, zone: str, snapshot: Snapshot) -> bool:
    """Tell whether somebody is in one of an offer's places; where the place's clock counts, in one of this zone."""
    if state.last_fix is None:
        return False
    places = snapshot.ruleset.places.by_geofence
    by_place = offer.when.schedule is not None and offer.when.schedule.tz == "place"
    for hit in whereabouts(state.last_fix.point, state, snapshot.live):
        place = places.get(hit.id)
        if place is not None and is_meant(offer.when.places, place) and (not by_place or place.zone == zone):
            return True
    return False
