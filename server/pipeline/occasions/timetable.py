"""When scheduled offers are due, zone by zone; and the birthdays and spells of absence that the clock tells.

Rule 1: what is remembered here only saves looking. Whether something fires is the database's to say: a firing is there once,
        for an offer that is live in that version since before the instant.
Rule 2: of instants that were missed (nobody was there) the last one fires, if it is still fresh by its offer's own measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from server.decision.ruleset import Ruleset
from server.decision.schedule import next_after
from server.decision.wall import instant_of, zone_named
from server.model.ids import firing_id
from server.model.offer import Offer, PlaceFilter
from server.pipeline.occasions.listening import BIRTHDAY, INACTIVITY, Listening, listening_of
from server.pipeline.rules import Rules
from server.store import firings
from server.store.firings import Firing
from server.store.pool import Pool

HOMES_KEEP = timedelta(minutes=1)
"""So long it may take until the zone of a customer from a new part of the world is known."""

_REMEMBERED = 10_000
"""So many firings are known to be made without asking."""


class Key(NamedTuple):
    """One offer's clock in one zone."""

    offer_id: UUID
    version: int
    zone: str


class Timetable:
    """What is due next; one per process, for whichever leads."""

    def __init__(self, *, birthday_hour: int, absence_s: float) -> None:
        """Know nothing; birthdays are told from that hour of the day on, absence is looked for so often."""
        self._hour, self._absence_s = time(birthday_hour), absence_s
        self._next: dict[Key, datetime | None] = {}
        self._ruleset: Ruleset | None = None
        self._zones = Zones()
        self._homes: tuple[datetime, frozenset[str]] | None = None
        self._made: set[UUID] = set()

    async def fire(self, pool: Pool, rules: Rules, *, now: datetime) -> int:
        """Fire what is due at `now`, and tell how many firings that were."""
        ruleset = rules.current.ruleset
        listening = listening_of(ruleset)
        found = await self._offers(pool, ruleset, listening, now)
        if BIRTHDAY in listening.events:
            homes = await self._at_home(pool, now) | {ruleset.programme.zone}
            found += self._birthdays(homes, now)
        if INACTIVITY in listening.events:
            found += self._spells(listening.spells, now)
        try:
            return await self._make(pool, [firing for firing in found if firing.id not in self._made])
        except Exception:
            self._next.clear()  # what could not be made is due again
            raise

    async def _make(self, pool: Pool, found: Iterable[Firing]) -> int:
        fired = 0
        for firing in found:
            async with pool.acquire() as db:
                fired += await (firings.fire_offer if firing.kind == "schedule" else firings.fire)(db, firing=firing)
            if len(self._made) >= _REMEMBERED:
                self._made.clear()
            self._made.add(firing.id)
        return fired

    async def _offers(self, pool: Pool, ruleset: Ruleset, listening: Listening, now: datetime) -> list[Firing]:
        """List the instants that have come, of every scheduled offer in each of its zones."""
        if not listening.scheduled:
            self._next.clear()
            return []
        homes = (
            await self._at_home(pool, now) if any(_asks_homes(offer) for offer in listening.scheduled) else frozenset()
        )
        clocks = {
            Key(offer.id, offer.version, zone): offer
            for offer in listening.scheduled
            for zone in self._zones_of(offer, ruleset, homes)
        }
        await self._begin(pool, clocks, now)
        return [firing for key, offer in clocks.items() if (firing := self._due(key, offer, now)) is not None]

    async def _begin(self, pool: Pool, clocks: Mapping[Key, Offer], now: datetime) -> None:
        """Set the clocks that are new; forget those that are gone."""
        new = {key: offer for key, offer in clocks.items() if key not in self._next}
        self._next = {key: at for key, at in self._next.items() if key in clocks}
        if not new:
            return
        async with pool.acquire() as db:
            since = await firings.live_since(db, offers={key.offer_id for key in new})
        for key, offer in new.items():
            if key.offer_id in since:
                self._next[key] = following(offer, key.zone, max(since[key.offer_id], now - offer.fresh))

    def _due(self, key: Key, offer: Offer, now: datetime) -> Firing | None:
        """Give the firing of a clock whose time has come, the last one of several (rule 2), and set the clock anew."""
        due = self._next.get(key)
        if due is None or due > now:
            return None
        last: datetime | None = None
        at: datetime | None = due if due > now - offer.fresh else following(offer, key.zone, now - offer.fresh)
        while at is not None and at <= now:
            last, at = at, following(offer, key.zone, at)
        self._next[key] = at
        if last is None:
            return None
        identifier = firing_id("schedule", str(offer.id), key.zone, last.isoformat())
        return Firing(identifier, "schedule", last, offer.id, offer.version, key.zone)

    def _zones_of(self, offer: Offer, ruleset: Ruleset, homes: frozenset[str]) -> frozenset[str]:
        """Tell in which zones an offer's clock is looked at."""
        schedule = offer.when.schedule
        if schedule is None or schedule.tz not in ("place", "customer_home"):
            return frozenset({schedule.tz}) if schedule is not None else frozenset()
        if self._ruleset is not ruleset:
            self._ruleset, self._zones = ruleset, zones_of(ruleset)
        there = self._zones.of(offer.when.places, ruleset) if schedule.tz == "place" else frozenset()
        return there | (homes | {ruleset.programme.zone} if _asks_homes(offer) else frozenset())

    async def _at_home(self, pool: Pool, now: datetime) -> frozenset[str]:
        if self._homes is None or now - self._homes[0] >= HOMES_KEEP:
            async with pool.acquire() as db:
                self._homes = now, await firings.homes(db)
        return frozenset(name for name in self._homes[1] if zone_named(name) is not None)

    def _birthdays(self, zones: Iterable[str], now: datetime) -> list[Firing]:
        """List the zones in which the hour of the day's birthdays has come; a second time the database knows them."""
        found = []
        for name in zones:
            zone = ZoneInfo(name)
            at = instant_of(now.astimezone(zone).date(), self._hour, zone)
            if at <= now:
                found.append(Firing(firing_id(BIRTHDAY, name, at.isoformat()), "birthday", at, zone=name))
        return found

    def _spells(self, lengths: Iterable[timedelta], now: datetime) -> list[Firing]:
        """List the looks for spells of absence of this hour (or however often it is looked)."""
        at = datetime.fromtimestamp(now.timestamp() // self._absence_s * self._absence_s, tz=now.tzinfo)
        return [
            Firing(firing_id(INACTIVITY, str(length), at.isoformat()), "inactivity", at, after=length)
            for length in lengths
        ]


def following(offer: Offer, zone: str, at: datetime) -> datetime | None:
    """Give the next instant of an offer's schedule in a zone; a rule counts from its first day, else from its making."""
    schedule, found = offer.when.schedule, zone_named(zone)
    if schedule is None or found is None:
        return None
    begins = offer.active_from or offer.created_at.astimezone(found).date()
    return next_after(schedule, found, at, begins=begins)


def _asks_homes(offer: Offer) -> bool:
    """Tell whether an offer's clock is its customers': by their homes, or for any place."""
    schedule = offer.when.schedule
    return schedule is not None and (
        schedule.tz == "customer_home" or (schedule.tz == "place" and offer.when.places.any)
    )


class Zones(NamedTuple):
    """In which zones places lie: all of them, and those of each tag. Made in one pass: a chain has many places."""

    every: frozenset[str] = frozenset()
    by_tag: Mapping[str, frozenset[str]] = {}

    def of(self, places: PlaceFilter, ruleset: Ruleset) -> frozenset[str]:
        """Tell in which zones the places of a filter lie."""
        if places.any:
            return self.every
        if places.tag is not None:
            return self.by_tag.get(places.tag, frozenset())
        known = ruleset.places
        named = (known.by_id.get(each) or known.by_geofence.get(each) for each in places.ids)
        return frozenset(place.zone for place in named if place is not None and place.zone in self.every and place.zone)


def zones_of(ruleset: Ruleset) -> Zones:
    """Read the zones of all places."""
    found: dict[str, set[str]] = {}
    for place in ruleset.places.by_geofence.values():
        if place.zone is not None:
            found.setdefault(place.zone, set()).update(place.tags)
    real = {name: tags for name, tags in found.items() if zone_named(name) is not None}
    tags = {tag for each in real.values() for tag in each}
    by_tag = {tag: frozenset(name for name, each in real.items() if tag in each) for tag in tags}
    return Zones(frozenset(real), by_tag)
