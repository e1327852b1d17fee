"""How many customers an offer may reach: counted among those who were at its places lately, not guessed.

Rule 1: whoever agreed to the use of locations and was recorded at one of the offer's places within the last days counts.
Rule 2: where nothing was recorded yet (a new place, an offer without a place, a trigger that needs none) everybody who
        agreed counts: what is not known must not make an offer look small.
Rule 3: what an `if` asks beyond segments is not looked at: the figure errs to the larger side.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from server.decision.conditions import logic, segment
from server.decision.finding import Condition
from server.decision.plan import STATES, is_meant
from server.decision.wall import zone_named
from server.decision.zone import calendar_window
from server.errors import Misconfigured
from server.model.ids import BUCKETS
from server.model.offer import Offer, PlaceFilter
from server.model.place import Places
from server.settings import Settings
from server.store import reach
from server.store.pool import Connection
from server.store.reach import Person, Sample

Basis = Literal["visits", "consents"]


@dataclass(frozen=True, slots=True)
class Crowd:
    """The customers of a sample by number, with what was recorded of them; `weight` customers stand behind each one.

    `days` is how many whole days before today visits are recorded of, `posted` the same of messages: visits are forgotten
    sooner. Bit n of a mask is the day n days before today. `judged` names the segments of which it is known who is in them.
    """

    people: Sequence[Person] = field(repr=False)
    visitors: Mapping[UUID, Mapping[int, int]] = field(repr=False)
    messages: Mapping[int, Mapping[str, tuple[tuple[int, int], ...]]] = field(repr=False)
    weight: float = 1.0
    days: int = 0
    posted: int = 0
    judged: Set[str] = frozenset()


class Reach(NamedTuple):
    """Whom an offer may reach: the numbers of the sample's customers, how many that is of all, and what was counted."""

    members: Set[int]
    customers: int
    basis: Basis


async def crowd(db: Connection, *, settings: Settings, now: datetime) -> Crowd:
    """Read the crowd of the last days, as the programme's zone counts them."""
    zone = zone_named(settings.programme.time_zone)
    if zone is None:
        raise Misconfigured("programme.time_zone is not a time zone's name")
    today = now.astimezone(zone).date()
    since = calendar_window("day", today - timedelta(days=settings.publish.audience_days), zone).start
    taken = await reach.sample(db, since=since, zone=zone.key, last=today, most=settings.publish.sample_rows)
    return await asyncio.to_thread(gathered, taken)


def gathered(taken: Sample) -> Crowd:
    """Sort a sample by customers; records of people who do not count (any more) are left out."""
    numbers = {person.id: number for number, person in enumerate(taken.people)}
    visitors: defaultdict[UUID, dict[int, int]] = defaultdict(dict)
    messages: defaultdict[int, defaultdict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    days, posted = 0, 0
    for visit in taken.visits:
        who = numbers.get(visit.customer_id)
        if who is not None:
            visitors[visit.fence_id][who] = visit.days
            days = max(days, visit.days.bit_length() - 1)
    for sent in taken.messages:
        who = numbers.get(sent.customer_id)
        if who is not None:
            messages[who][sent.pressure].append((sent.ago, sent.number))
            posted = max(posted, sent.ago)
    told = {number: {name: tuple(each) for name, each in of.items()} for number, of in messages.items()}
    return Crowd(taken.people, dict(visitors), told, BUCKETS / taken.shards, days, max(days, posted), taken.judged)


def days_at(places: PlaceFilter, of: Crowd, known: Places) -> dict[int, int]:
    """Tell on which days (as a mask) which customers were at one of these places."""
    days: dict[int, int] = {}
    for fence, visitors in of.visitors.items():
        place = known.by_geofence.get(fence)
        if place is not None and is_meant(places, place):
            for who, mask in visitors.items():
                days[who] = days.get(who, 0) | mask
    return days


def reach_of(offer: Offer, of: Crowd, known: Places, *, days: Mapping[int, int] | None = None) -> Reach:
    """Count whom an offer may reach; `days` tells who was at its places, where that is known already."""
    there = (days_at(offer.when.places, of, known) if days is None else days) if offer.when.trigger in STATES else {}
    wanted = asked_segments(offer) & of.judged
    only_push = offer.moment.surfaces == {"push"}
    members: Set[int] = there.keys() if there else set(range(len(of.people)))
    if wanted or only_push:
        members = {
            who
            for who in members
            for person in [of.people[who]]
            if (person.push or not only_push) and (not wanted or (person.profiling and wanted <= person.segments))
        }
    return Reach(members, round(len(members) * of.weight), "visits" if there else "consents")


def asked_segments(offer: Offer) -> Set[str]:
    """Name the segments that the offer asks for whatever else holds."""
    return {each.name for each in demands(offer) if isinstance(each, segment.Condition)}


def demands(offer: Offer) -> Iterator[Condition]:
    """Give the conditions that must hold together for the offer: the root of its `if`, or the members of an `all` there."""
    waiting: list[Condition] = [offer.condition] if offer.condition is not None else []
    while waiting:
        each = waiting.pop()
        if isinstance(each, logic.Condition) and each.word == "all":
            waiting.extend(each.members)
        else:
            yield each
