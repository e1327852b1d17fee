"""How many customers an offer may reach: counted among those who were at its places lately, not guessed.

Rule 1: whoever agreed to the use of locations and was recorded at one of the offer's places within the last days counts.
Rule 2: where nothing was recorded yet (a new place, an offer without a place, a trigger that needs none) everybody who
        agreed counts: what is not known must not make an offer look small.
Rule 3: what an `if` asks beyond segments that are told from outside is not looked at: the figure errs to the larger side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from server.decision.conditions import logic, segment
from server.decision.finding import Condition
from server.decision.ruleset import STATES, is_meant
from server.decision.wall import zone_named
from server.decision.zone import calendar_window
from server.errors import Misconfigured
from server.model.ids import BUCKETS
from server.model.offer import Offer
from server.model.place import Places
from server.settings import Settings
from server.store import reach
from server.store.pool import Connection
from server.store.reach import Person, Sample

Basis = Literal["visits", "consents"]


@dataclass(frozen=True, slots=True)
class Crowd:
    """The customers of a sample, with what was recorded of them; `weight` customers stand behind each one.

    `days` is how many whole days before today there are records of; bit n of a mask is the day n days before today.
    """

    people: Mapping[UUID, Person]
    visitors: Mapping[UUID, Mapping[UUID, int]] = field(repr=False)
    messages: Mapping[UUID, Mapping[str, tuple[tuple[int, int], ...]]] = field(repr=False)
    weight: float = 1.0
    days: int = 0


class Reach(NamedTuple):
    """Whom an offer may reach: the ids of the sample's customers, how many that is of all, and what was counted."""

    members: Set[UUID]
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
    return gathered(taken)


def gathered(taken: Sample) -> Crowd:
    """Sort a sample by customers; records of people who do not count (any more) are left out."""
    people = {person.id: person for person in taken.people}
    visitors: defaultdict[UUID, dict[UUID, int]] = defaultdict(dict)
    messages: defaultdict[UUID, defaultdict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    days = 0
    for visit in taken.visits:
        if visit.customer_id in people:
            visitors[visit.fence_id][visit.customer_id] = visit.days
            days = max(days, visit.days.bit_length() - 1)
    for sent in taken.messages:
        if sent.customer_id in people:
            messages[sent.customer_id][sent.pressure].append((sent.ago, sent.number))
            days = max(days, sent.ago)
    told = {who: {name: tuple(each) for name, each in of.items()} for who, of in messages.items()}
    return Crowd(people, dict(visitors), told, BUCKETS / taken.shards, days)


def days_at(offer: Offer, of: Crowd, places: Places) -> dict[UUID, int]:
    """Tell on which days (as a mask) which customers were at a place of the offer."""
    days: defaultdict[UUID, int] = defaultdict(int)
    for fence, visitors in of.visitors.items():
        place = places.by_geofence.get(fence)
        if place is not None and is_meant(offer.when.places, place):
            for who, mask in visitors.items():
                days[who] |= mask
    return dict(days)


def reach_of(offer: Offer, of: Crowd, places: Places, *, told: Set[str] = frozenset()) -> Reach:
    """Count whom an offer may reach. `told` names the segments whose members are told from outside."""
    days = days_at(offer, of, places) if offer.when.trigger in STATES else {}
    basis: Basis = "visits" if days else "consents"
    wanted = asked_segments(offer) & told
    only_push = offer.moment.surfaces == {"push"}
    members = {
        who
        for who in (days or of.people)
        for person in [of.people[who]]
        if (person.push or not only_push) and (not wanted or (person.profiling and wanted <= person.segments))
    }
    return Reach(members, round(len(members) * of.weight), basis)


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
