"""The wallet as a context channel: a pass comes up at the ten nearest stores while its offer's window is open there.

Rule 1: it comes up only where it is taken, where the window is open, and while it is valid. That it stops waits for nothing.
Rule 2: another set of places is a silent update. A pass gets at most one in `every`, however its customer moves.
Rule 3: the nearest are told by the geodesic from the customer's last position, as coarse as it is kept; without one, from
        where the moment began. What is written on the pass are stores.
Rule 4: nothing here says where to look: the next look is at the next edge of a window, or a while later.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

from server.decision.reading import Known, WrongDocument
from server.decision.rules import Identity, parse
from server.decision.window import Stretch, sees_the_sun, stretch
from server.model.offer import Offer
from server.model.pass_ import Card, Spot
from server.model.place import Place, Point
from server.pipeline.nearness import nearest_first
from server.pipeline.rules import Rules, Snapshot
from server.store import offers, sights
from server.store.offers import OfferRow
from server.store.pool import Connection, Pool
from server.store.sights import Due, Seen, Walk

MOST: Final = 10
"""Wallet reads no more locations."""

REACH_M: Final = 1_000_000.0
"""No phone is woken by a store farther away; who travels on is looked for again."""

LONGEST: Final = timedelta(hours=6)
"""So long at most between two looks, whatever the windows say."""

_LOOKED_AT: Final = 640
"""Stores looked at around one customer to find ten that are open."""
_FEW: Final = 2_000
"""So few stores with a tag are gone through one by one: two milliseconds. Of more, ten are found around the customer."""
_AT_ONCE, _PORTIONS = 200, 10
"""Passes of one transaction, and transactions of one look: who is always due cannot hold up the clock."""
_BREATH = 3
"""So many passes at a time are looked at, beside the loop: far from everything each may ask for hundreds of geodesics."""


class Sought(NamedTuple):
    """What the places of one pass follow from."""

    card: Card
    offer: Offer | None
    places: tuple[UUID, ...] | None
    place_tag: str | None
    valid_from: datetime
    valid_until: datetime | None
    origin: Point | None
    home: str | None


class Sight(NamedTuple):
    """The stores at which a pass comes up now, nearest first, and when to look again (None: it never comes up any more)."""

    near: tuple[Spot, ...]
    again: datetime | None


@dataclass(slots=True)
class Windows:
    """Remembers, for one snapshot of the rules, until when an offer's window stays as it is; equal clocks share an answer."""

    snapshot: Snapshot
    known: dict[tuple[object, ...], tuple[datetime, Stretch]] = field(default_factory=dict)
    tagged: dict[str, list[Place]] = field(default_factory=dict)

    def stores_with(self, tag: str) -> list[Place]:
        """List the stores that have a tag."""
        if tag not in self.tagged:
            every = self.snapshot.ruleset.places.by_id.values()
            self.tagged[tag] = [each for each in every if each.kind == "store" and tag in each.tags]
        return self.tagged[tag]

    def at(self, offer: Offer, place: Place, now: datetime, *, home: str | None) -> Stretch:
        """Tell whether the window is open at a place, and until when that stays so."""
        sky = place.point if sees_the_sun(offer) else None
        key = (offer.id, offer.version, place.zone, id(place.hours), place.country, place.region, home, sky)
        since, found = self.known.get(key, (now, None))
        if found is None or not since <= now < found.until:
            found = stretch(offer, place, now, home=home, programme=self.snapshot.ruleset.programme)
            self.known[key] = now, found
        return found


def sight(sought: Sought, now: datetime, windows: Windows, *, every: timedelta) -> Sight:
    """Find out where a pass comes up at `now`."""
    card, end = sought.card, sought.valid_until
    if card.dress.relevance == "none":
        return Sight((), None)
    if end is not None and now >= end:  # a pass that is over is drawn without places, and is told of by whoever ends it
        return Sight(card.near, None)
    if now < sought.valid_from:
        return Sight((), sought.valid_from)
    near: list[Place] = []
    edge = now + LONGEST
    for place in _taking(sought, windows):
        open_, until = True, edge
        if sought.offer is not None and card.dress.relevance != "always":
            open_, until = windows.at(sought.offer, place, now, home=sought.home)
        edge = min(edge, until)
        if open_:
            near.append(place)
            if len(near) == MOST:
                break
    if near:  # the customer may go to where others are nearer
        edge = min(edge, now + every)
    return Sight(tuple(Spot(each.id, each.name, each.point) for each in near), edge)


def _taking(sought: Sought, windows: Windows) -> Iterator[Place]:
    """Give the stores that take a pass, the nearest first; none where nobody knows nearest to what."""
    origin, places = sought.origin, windows.snapshot.ruleset.places
    if origin is None:
        return
    if sought.places is not None:
        named = (places.by_id.get(each) for each in sought.places)
        stores = [each for each in named if each is not None and each.kind == "store"]
        yield from (place for place, _ in nearest_first(origin, stores))
    elif sought.place_tag is not None and len(few := windows.stores_with(sought.place_tag)) <= _FEW:
        near = nearest_first(origin, few)
        yield from (place for place, _ in itertools.takewhile(lambda found: found[1] <= REACH_M, near))
    else:
        yield from _around(origin, sought.place_tag, windows.snapshot)


def _around(origin: Point, tag: str | None, snapshot: Snapshot) -> Iterator[Place]:
    """Give the stores around a point, the nearest first, as far as is looked; those with a tag, where one is named."""
    places = snapshot.ruleset.places
    told: set[UUID] = set()
    count = 2 * MOST
    while True:
        hits = snapshot.stores.nearest(origin, count, REACH_M)
        whole = len(hits) < count
        if (
            not whole
        ):  # the index counts to boundaries: what lies nearer by its centre than half of them is asked for whole
            reach = sorted(hit.center_m for hit in hits)[count // 2]
            hits = [hit for hit in snapshot.stores.around(origin, reach) if hit.center_m <= reach]
        for hit in sorted(hits, key=lambda hit: (hit.center_m, hit.id)):
            place = places.by_geofence.get(hit.id)
            if place is not None and place.id not in told:
                told.add(place.id)
                if tag is None or tag in place.tags:
                    yield place
        if whole or count >= _LOOKED_AT:
            return
        count *= 4


def followed(due: Due, seen: Sight, now: datetime, snapshot: Snapshot, *, every: timedelta) -> Seen:
    """Say what is to be written of a look: another card where the places are others, unless it is too soon for that."""
    card, again = due.card, seen.again
    near = card.near if set(seen.near) == set(card.near) else seen.near  # in another order they are the same to a phone
    new = replace(card, near=near, spots=_current(card.spots, snapshot))
    if new == card:
        return Seen(due.serial, due.modified_at, again, None)
    allowed = now if due.set_at is None else due.set_at + every
    if now >= allowed or (card.near and not seen.near):
        return Seen(due.serial, due.modified_at, again, new)
    return Seen(due.serial, due.modified_at, allowed if again is None else min(again, allowed), None)


def _current(spots: Iterable[Spot], snapshot: Snapshot) -> tuple[Spot, ...]:
    """Give the stores that are listed as they are now, without those that have closed."""
    known = (snapshot.ruleset.places.by_id.get(spot.id) for spot in spots)
    return tuple(Spot(place.id, place.name, place.point) for place in known if place is not None)


class Relevance:
    """Follows passes in one process: holds what it has worked out of the rules in force."""

    def __init__(self, pool: Pool, rules: Rules, *, every: timedelta) -> None:
        """Follow with this pool and these rules; a pass gets an update at most once in `every`."""
        self._pool, self._rules, self._every = pool, rules, every
        self._windows: Windows | None = None
        self._offers: dict[tuple[UUID, int], Offer | None] = {}

    async def look(self, *, now: datetime) -> int:
        """Look at what is due at `now`, some portions of it, and tell how many passes that were; the rest has its turn next."""
        snapshot = self._rules.current
        if self._windows is None or self._windows.snapshot is not snapshot:
            self._windows = Windows(snapshot)
            self._offers.clear()
        return await self._timely(self._windows, now) + await self._walk(self._windows, now)

    async def _timely(self, windows: Windows, now: datetime) -> int:
        """Look at those whose time has come."""
        total = 0
        for _ in range(_PORTIONS):
            async with self._pool.acquire() as db:
                found = await sights.due(db, now=now, limit=_AT_ONCE)
                known = [await self._offer(db, windows.snapshot, each) for each in found]
            seen = await self._see(found, known, windows, now)
            if seen:
                await self._pool.attempt(partial(sights.see, seen=seen, now=now))
            total += len(found)
            if len(found) < _AT_ONCE:
                break
        return total

    async def _walk(self, windows: Windows, now: datetime) -> int:
        """Walk on through the passes that may show a store which has changed; who shows the same as before is not written."""
        total = 0
        for _ in range(_PORTIONS):
            async with self._pool.acquire() as db:
                at = await sights.walk(db, known=windows.snapshot.ruleset.epoch)
                if at is None:
                    break
                found, after = await sights.stretch(db, at, limit=_AT_ONCE)
                known = [await self._offer(db, windows.snapshot, each) for each in found]
            seen = await self._see(found, known, windows, now)
            told = [each for each, before in zip(seen, found, strict=True) if is_news(each, before)]
            await self._pool.attempt(partial(_step, seen=told, at=at, after=after, now=now))
            total += len(found)
        return total

    async def _see(
        self, found: Sequence[Due], known: Sequence[Offer | None], windows: Windows, now: datetime
    ) -> list[Seen]:
        pairs, seen = list(zip(found, known, strict=True)), list[Seen]()
        for first in range(0, len(pairs), _BREATH):
            seen += await asyncio.to_thread(self._some, pairs[first : first + _BREATH], windows, now)
        return seen

    def _some(self, pairs: Sequence[tuple[Due, Offer | None]], windows: Windows, now: datetime) -> list[Seen]:
        """Look at some passes; nobody else uses these windows meanwhile."""
        looked = [
            (each, sight(_sought(each, offer, windows.snapshot), now, windows, every=self._every))
            for each, offer in pairs
        ]
        return [followed(each, found, now, windows.snapshot, every=self._every) for each, found in looked]

    async def _offer(self, db: Connection, snapshot: Snapshot, due: Due) -> Offer | None:
        """Find the offer of a pass: the live one, else the version that the pass bears; None where it is gone."""
        live = snapshot.ruleset.by_id.get(due.offer_id)
        if live is not None:
            return live
        key = due.offer_id, due.version
        if key not in self._offers:
            row = await offers.find(db, offer_id=due.offer_id, version=due.version)
            self._offers[key] = None if row is None else _read(row, snapshot)
        return self._offers[key]


def is_news(seen: Seen, before: Due) -> bool:
    """Tell whether a look found something to write: other places, or a time to look again that comes sooner."""
    if seen.card is not None or seen.again is None or before.again is None:
        return seen.card is not None or seen.again is not before.again
    return seen.again < before.again


async def _step(db: Connection, *, seen: Sequence[Seen], at: Walk, after: Walk | None, now: datetime) -> None:
    """Write a portion of the walk down, and how far it went with it."""
    if seen:
        await sights.see(db, seen=seen, now=now)
    await sights.advance(db, before=at, after=after)


def _read(row: OfferRow, snapshot: Snapshot) -> Offer | None:
    """Read an offer that is not live; None where it can no longer be read."""
    known = Known(snapshot.ruleset.programme, stored=True)
    with contextlib.suppress(WrongDocument):
        return parse(row.document, identity=Identity(row.id, row.version, row.created_at), known=known).offer
    return None


def _sought(due: Due, offer: Offer | None, snapshot: Snapshot) -> Sought:
    return Sought(
        card=due.card,
        offer=offer,
        places=due.places,
        place_tag=due.place_tag,
        valid_from=due.valid_from,
        valid_until=due.valid_until,
        origin=due.point or began_at(due.place_id, snapshot),
        home=due.home,
    )


def began_at(place_id: UUID | None, snapshot: Snapshot) -> Point | None:
    """Tell where a moment began; None where it began nowhere, or the place is gone."""
    places = snapshot.ruleset.places
    place = (places.by_id.get(place_id) or places.by_geofence.get(place_id)) if place_id is not None else None
    return None if place is None else place.point
