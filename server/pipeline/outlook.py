"""What lies ahead, day by day: which offers are planned, whom they may reach, and how many would meet a cap.

    who was where lately → how often each comes → what is due to whom on a day → the chance of meeting a cap

Rule 1: a day on which a customer was recorded at a place where an offer is planned is one occasion, in the pressure class of
        the offer that would win there. Days of the week come by their share of all visits, once two of each were recorded.
Rule 2: messages of other systems go on coming as they did. A schedule for everybody reaches everybody on its days.
Rule 3: pure. The figures err to the larger side: weather, hours and an offer's own caps are not looked at.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from itertools import islice
from typing import Final, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from server.decision.plan import STATES, is_meant
from server.model.context import Programme
from server.model.offer import Offer, PlaceFilter
from server.model.place import Places
from server.pipeline.audience import Basis, Crowd, Reach, days_at, reach_of
from server.pipeline.forecast import WEEK, Caps, Due, meets_a_cap, weekdays
from server.pipeline.planning import is_planned

State = Literal["live", "scheduled", "approved"]

_DAY: Final = timedelta(days=1)
_MASKS: Final = 20_000
"""Records that tell weekdays apart: more would not tell them better."""


class Plan(NamedTuple):
    """An offer that is to be told, and how far it is: published, published for later, or approved.

    `since`: the day on which it got there; on the days before nobody could be told.
    """

    offer: Offer
    state: State
    since: date | None = None


class Expected(NamedTuple):
    """One offer on one day: whom it may reach, and how many of them are likely to come (None: nothing tells)."""

    plan: Plan
    audience: int
    members: int
    visitors: float | None
    basis: Basis


class DayAhead(NamedTuple):
    """One day: its offers, and all of them together; `capped` the share of the audience that would meet a cap.

    `apart` is how many of the sample no offer but small ones reaches: taking the others from the sum would find them.
    """

    day: date
    offers: Sequence[Expected]
    audience: int
    members: int
    apart: int
    visitors: float | None
    capped: float | None


Post = tuple[tuple[str, int], ...]
"""So many messages of other systems came to a customer in each class."""


class Habit(NamedTuple):
    """What is due to a customer by class on any day with the same offers: recorded days of visits, and what is sure."""

    visits: tuple[tuple[str, int], ...] = ()
    sure: tuple[tuple[str, int], ...] = ()


class Pattern:
    """The offers of a day, ready to be asked what is due to whom; days with the same offers share one."""

    def __init__(self, offers: Sequence[Offer], reaches: Mapping[UUID, Reach], outlook: Outlook) -> None:
        """Sort the offers, the one that wins first; nobody's habit is worked out before it is asked for."""
        self._ordered = sorted((o for o in offers if o.when.trigger in STATES), key=lambda o: -o.priority)
        self._sure = [
            (o.limits.pressure, reaches[o.id].members)
            for o in offers
            if o.when.trigger == "schedule" and o.when.places.any
        ]  # fmt: skip
        groups = [reaches[o.id].members for o in offers]
        self.members: Set[int] = frozenset().union(*groups)
        self.apart = len(self.members) - len(
            frozenset().union(*(each for each in groups if len(each) >= outlook.least))
        )
        self.asked = list(islice((n for n in range(len(outlook.crowd.people)) if n in self.members), outlook.most))
        self._winners: dict[UUID, str | None] = {}
        self._habits: dict[int, Habit] = {}
        self._outlook = outlook

    def habit(self, who: int) -> Habit:
        """Tell what is due to a customer on a day with these offers."""
        habit = self._habits.get(who)
        if habit is None:
            visits, sure = Counter[str](), Counter(name for name, members in self._sure if who in members)
            for fence, number in self._outlook.visited.get(who, ()):
                name = self._winner(fence)
                if name is not None:
                    visits[name] += number
            habit = self._habits[who] = Habit(_sorted(visits), _sorted(sure))
        return habit

    def _winner(self, fence: UUID) -> str | None:
        """Name the pressure class of the offer that wins at a fence."""
        if fence not in self._winners:
            place = self._outlook.places.by_geofence.get(fence)
            wins = next((o for o in self._ordered if place is not None and is_meant(o.when.places, place)), None)
            self._winners[fence] = wins.limits.pressure if wins is not None else None
        return self._winners[fence]


@dataclass(frozen=True)
class Outlook:
    """Everything that is known ahead. At most `most` customers are asked what a day's whole audience would meet.

    `least` is how many people a group must have to be shown.
    """

    plans: Sequence[Plan]
    crowd: Crowd
    places: Places
    programme: Programme
    zone: ZoneInfo
    today: date
    most: int = 500
    least: int = 10
    _patterns: dict[frozenset[UUID], Pattern] = field(init=False, default_factory=dict, repr=False)
    _plans: dict[date, list[Plan]] = field(init=False, default_factory=dict, repr=False)
    _chances: dict[tuple[tuple[Habit, ...], Post, int], float] = field(init=False, default_factory=dict, repr=False)

    def days(self, first: date, count: int) -> list[DayAhead]:
        """Look at so many days from one on."""
        return [self.day(first + number * _DAY) for number in range(count)]

    def day(self, day: date) -> DayAhead:
        """Look at one day; what was not there yet is not told of it, though weeks repeat themselves in what is reckoned."""
        plans = [plan for plan in self.planned(day) if plan.since is None or day >= plan.since]
        pattern = self._pattern(plans)
        audience = round(len(pattern.members) * self.crowd.weight)
        return DayAhead(
            day=day,
            offers=[self._expected(plan, day) for plan in plans],
            audience=audience,
            members=len(pattern.members),
            apart=pattern.apart,
            visitors=self._visitors(pattern, day, audience),
            capped=self._capped(pattern, day),
        )

    def planned(self, day: date) -> list[Plan]:
        """List the offers that are planned on a day."""
        if day not in self._plans:
            self._plans[day] = [plan for plan in self.plans if is_planned(plan.offer, day, self.zone)]
        return self._plans[day]

    def _pattern(self, plans: Sequence[Plan]) -> Pattern:
        offers = [plan.offer for plan in plans]
        key = frozenset(offer.id for offer in offers)
        if key not in self._patterns:
            self._patterns[key] = Pattern(offers, self.reaches, self)
        return self._patterns[key]

    @cached_property
    def _there(self) -> Mapping[PlaceFilter, Mapping[int, int]]:
        """On which days who was at the places that each offer means; offers with one filter share the answer."""
        return {each: days_at(each, self.crowd, self.places) for each in {p.offer.when.places for p in self.plans}}

    @cached_property
    def reaches(self) -> Mapping[UUID, Reach]:
        """Whom each offer may reach."""
        return {
            offer.id: reach_of(offer, self.crowd, self.places, days=self._there[offer.when.places])
            for offer in (plan.offer for plan in self.plans)
        }

    @cached_property
    def _whole(self) -> int:
        """Whole days that are recorded, as a mask: today is not over yet."""
        return ((1 << self.crowd.days) - 1) << 1

    @cached_property
    def visited(self) -> Mapping[int, Sequence[tuple[UUID, int]]]:
        """By customer, on how many whole days they were at which fence."""
        found: defaultdict[int, list[tuple[UUID, int]]] = defaultdict(list)
        for fence, visitors in self.crowd.visitors.items():
            for who, mask in visitors.items():
                found[who].append((fence, (mask & self._whole).bit_count()))
        return found

    @cached_property
    def _often(self) -> Mapping[UUID, Counter[int]]:
        """By offer, how many of its members came on how many of the recorded days."""
        return {
            offer.id: Counter(
                (self._there[offer.when.places][who] & self._whole).bit_count()
                for who in self.reaches[offer.id].members
            )
            for offer in (plan.offer for plan in self.plans)
            if self.reaches[offer.id].basis == "visits"
        }

    def _expected(self, plan: Plan, day: date) -> Expected:
        reach, often = self.reaches[plan.offer.id], self._often.get(plan.offer.id)
        come = self._come(often, day) * self.crowd.weight if often is not None and self.crowd.days else None
        return Expected(plan, reach.customers, len(reach.members), come, reach.basis)

    def _visitors(self, pattern: Pattern, day: date, audience: int) -> float | None:
        """Tell how many of a day's audience are likely to come to any of its places."""
        if not pattern.asked:
            return 0.0
        if not self.crowd.days:
            return None
        often = Counter(sum(number for _, number in pattern.habit(who).visits) for who in pattern.asked)
        return self._come(often, day) / len(pattern.asked) * audience

    def _come(self, often: Mapping[int, int], day: date) -> float:
        """Tell how many come on a day, of customers who came on so many of the recorded ones."""
        rate = self.profile[day.weekday()] / self.crowd.days
        return sum(count * -math.expm1(-number * rate) for number, count in often.items())

    @cached_property
    def profile(self) -> Sequence[float]:
        """How much more (or less) than on any day customers come on each weekday, Monday first."""
        masks = (mask for visitors in self.crowd.visitors.values() for mask in visitors.values())
        counted, by_ago = Counter(islice(masks, _MASKS)), Counter[int]()
        for mask, count in counted.items():
            for ago in range(1, self.crowd.days + 1):
                by_ago[ago] += count * (mask >> ago & 1)
        return weekdays(by_ago, self.crowd.days, self.today)

    @cached_property
    def _post(self) -> tuple[Sequence[float], Mapping[int, Post]]:
        """How much more of other systems' messages comes on each weekday, and how many came to whom by class."""
        by_ago, sent = Counter[int](), {}
        for who, of in self.crowd.messages.items():
            sent[who] = tuple(
                (name, sum(number for ago, number in told if ago >= 1)) for name, told in sorted(of.items())
            )
            for told in of.values():
                for ago, number in told:
                    by_ago[ago] += number
        return weekdays(by_ago, self.crowd.posted, self.today), sent

    def _capped(self, pattern: Pattern, day: date) -> float | None:
        """Give the share of a day's audience that would meet a cap."""
        if not pattern.asked or not self.crowd.days:
            return None
        before = [self._pattern(self.planned(day - number * _DAY)) for number in reversed(range(1, WEEK))]
        week = [*before, pattern]
        sent = self._post[1]
        alike = Counter((tuple([each.habit(who) for each in week]), sent.get(who, ())) for who in pattern.asked)
        chance = sum(count * self._chance(*of, day.weekday()) for of, count in alike.items())
        return chance / len(pattern.asked)

    def _chance(self, habits: tuple[Habit, ...], post: Post, weekday: int) -> float:
        """Give the chance that customers with these habits meet a cap on the last of seven days; weeks repeat themselves."""
        key = habits, post, weekday
        if key not in self._chances:
            week = [self._due(habit, post, (weekday + 1 + number) % WEEK) for number, habit in enumerate(habits)]
            self._chances[key] = meets_a_cap(week, Caps(self.programme.per_day, self.programme.per_week))
        return self._chances[key]

    def _due(self, habit: Habit, post: Post, weekday: int) -> list[Due]:
        """Tell what is due by class on a day."""
        rates, sure = defaultdict[str, float](float), dict(habit.sure)
        visited, posted = self.profile[weekday] / self.crowd.days, self._post[0][weekday] / max(1, self.crowd.posted)
        for counted, often in ((habit.visits, visited), (post, posted)):
            for name, number in counted:
                rates[name] += number * often
        capped = self.programme.class_per_day
        return [Due(rates[name], sure.get(name, 0), capped.get(name)) for name in sorted({*rates, *sure})]


def _sorted(counted: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((name, number) for name, number in counted.items() if number))
