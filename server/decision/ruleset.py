"""All offers that are to be looked at, made ready once so that a decision only looks up.

Rule 1: a ruleset never changes. Whoever edits an offer or a fence builds the next one, with the next epoch.
Rule 2: work that grows with the number of offers is done here, not in a decision.
Rule 3: what a fence means is worked out when it is first asked for, and kept: one fence that changes among a hundred
        thousand costs no look at the others. Kept or not, the answer is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from server.decision.finding import Condition
from server.decision.plan import NO_OFFERS, STATES, Plan, Rule, Track, plan_of, rules_of
from server.decision.probability import ring_m
from server.model.context import Programme
from server.model.offer import Offer
from server.model.place import Place, Places

COARSEST_MEASURED_M = 1_500.0
"""A worse accuracy widens the look-up no further: it changes no state, and a whole city of fences explains nothing."""


class Site(NamedTuple):
    """A fence's place and its plan."""

    place: Place | None
    plan: Plan


NOWHERE = Site(None, NO_OFFERS)
"""What is known of a fence that does not exist (any more)."""


class Meant(NamedTuple):
    """Which offers mean a place, by their numbers: all places, those with a tag, those of an id. Equal plans are shared."""

    general: tuple[int, ...]
    by_tag: Mapping[str, tuple[int, ...]]
    by_id: Mapping[UUID, tuple[int, ...]]
    shared: dict[tuple[bool, tuple[int, ...]], Plan]

    @classmethod
    def by(cls, offers: Iterable[Offer]) -> Meant:
        """Sort the offers by what they mean."""
        general: list[int] = []
        by_tag: dict[str, list[int]] = {}
        by_id: dict[UUID, list[int]] = {}
        for number, offer in enumerate(offers):
            places = offer.when.places
            if places.any:
                general.append(number)
            if places.tag is not None:
                by_tag.setdefault(places.tag, []).append(number)
            for identifier in places.ids:
                by_id.setdefault(identifier, []).append(number)
        return cls(
            tuple(general),
            {tag: tuple(numbers) for tag, numbers in by_tag.items()},
            {identifier: tuple(numbers) for identifier, numbers in by_id.items()},
            {},
        )

    def plan(self, place: Place, rules: Sequence[Rule]) -> Plan:
        """Make the plan of a place, or give the one of another that the same offers mean."""
        meant = {*self.general, *self.by_id.get(place.id, ()), *self.by_id.get(place.geofence_id, ())}
        for tag in place.tags:
            meant.update(self.by_tag.get(tag, ()))
        if not meant:
            return NO_OFFERS
        key = (place.kind == "store", tuple(sorted(meant)))
        plan = self.shared.get(key)
        if plan is None:
            plan = self.shared[key] = plan_of([rules[number] for number in key[1]], place)
        return plan

    def takes(self, place: Place) -> bool:
        """Tell whether any offer means the place."""
        if self.general:
            return True
        for tag in place.tags:
            if tag in self.by_tag:
                return True
        return bool(self.by_id) and (place.id in self.by_id or place.geofence_id in self.by_id)

    def means_as(self, other: Meant) -> bool:
        """Tell whether the same places are meant, be it by other offers."""
        return (
            bool(self.general) == bool(other.general)
            and self.by_tag.keys() == other.by_tag.keys()
            and self.by_id.keys() == other.by_id.keys()
        )


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The offers, places, programme and segments of one epoch, with their indexes."""

    offers: tuple[Offer, ...]
    places: Places
    programme: Programme
    segments: Mapping[str, Condition | None]
    epoch: int
    tracks: Mapping[UUID, Track] = field(repr=False)
    rules: Mapping[UUID, Rule] = field(repr=False)
    by_id: Mapping[UUID, Offer] = field(repr=False)
    placeless: tuple[Offer, ...] = field(repr=False)
    near_reach_m: float = 0.0
    nearest_m: float = 0.0
    freshest: timedelta = timedelta.max
    _meant: Meant = field(default_factory=lambda: Meant.by(()), repr=False, compare=False)
    _rules: Sequence[Rule] = field(default=(), repr=False, compare=False)
    _sites: dict[int, Site] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def build(
        cls,
        *,
        offers: Iterable[Offer],
        places: Places,
        programme: Programme,
        segments: Mapping[str, Condition | None],
        epoch: int,
    ) -> Ruleset:
        """Index the offers by fence. The order of the offers does not matter to any decision."""
        ordered = tuple(sorted(offers, key=lambda offer: (offer.created_at, offer.id.int)))
        rules = rules_of(ordered)
        return cls(
            offers=ordered,
            places=places,
            programme=programme,
            segments=segments,
            epoch=epoch,
            tracks={rule.offer.id: rule.track for rule in rules},
            rules={rule.offer.id: rule for rule in rules},
            by_id={offer.id: offer for offer in ordered},
            placeless=tuple(offer for offer in ordered if _needs_no_fence(offer)),
            near_reach_m=max(
                (offer.when.within_m or 0.0 for offer in ordered if offer.when.trigger == "near"), default=0.0
            ),
            nearest_m=min(
                (offer.when.within_m or 0.0 for offer in ordered if offer.when.trigger == "near"), default=0.0
            ),
            freshest=min((offer.fresh for offer in ordered), default=timedelta.max),
            _rules=rules,
            _meant=Meant.by(ordered),
        )

    def with_places(self, places: Places, *, epoch: int) -> Ruleset:
        """Give the rules after fences changed and no offer did."""
        return replace(self, places=places, epoch=epoch, _sites={})

    def plan(self, geofence_id: UUID) -> Plan:
        """Say what a fence means; a fence without offers is still read at the default confidence."""
        return self.site(geofence_id).plan

    def site(self, geofence_id: UUID) -> Site:
        """Give the place of a fence with its plan; `NOWHERE` where there is no such fence."""
        site = self._sites.get(
            geofence_id.int
        )  # by its number: to hash a UUID, and to compare two, is a call in Python
        if site is None:
            place = self.places.by_geofence.get(geofence_id)
            if place is None:
                return NOWHERE
            site = self._sites[geofence_id.int] = Site(place, self._meant.plan(place, self._rules))
        return site

    def is_meant(self, place: Place) -> bool:
        """Tell whether any offer means a place: whether its plan is another than `NO_OFFERS`."""
        return self._meant.takes(place)

    def means_as(self, other: Ruleset) -> bool:
        """Tell whether the offers of both mean the same places, whatever they say of them."""
        return self._meant.means_as(other._meant)

    def reach_m(self, accuracy_m: float) -> float:
        """Give how far (m) from a fix the edges of fences must be measured, for its accuracy (68 % radius, m)."""
        return max(ring_m(min(accuracy_m, COARSEST_MEASURED_M)), self.near_reach_m)

    def known_fences(self) -> Set[UUID]:
        """Give the ids of all fences there are; stays in any other one are forgotten."""
        return self.places.by_geofence.keys()


def _needs_no_fence(offer: Offer) -> bool:
    """Whether the offer may hold where no fence was measured: set off by no fix, and meant for any place."""
    return offer.when.trigger not in STATES and offer.when.trigger != "near" and offer.when.places.any
