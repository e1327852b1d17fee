"""What one fence means: the offers that name it, made ready and sorted by what sets them off.

Rule 1: whatever can be known of an offer or a fence before anybody comes is found out here, once.
Rule 2: a fence is read at the default confidence and at each (confidence, allows) that one of its offers asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Literal, NamedTuple

from server.decision.finding import Scene, Truth
from server.model.offer import Offer, PlaceFilter
from server.model.place import Place

CONFIDENCE = 0.7
"""How sure a visit must be where no offer says otherwise."""

STATES = frozenset({"enter", "exit", "dwell", "inside"})
"""The triggers that live on the state of a fence."""

Allows = Literal["", "mock", "teleport", "mock+teleport"]


class Track(NamedTuple):
    """One reading of a fence: how sure it must be, and which doubtful fixes it takes.

    Every fence is read at the default and at each (confidence, allows) of its offers, each with a stay of its own. So
    an offer that takes teleports may count as entered what the others still hold, and neither disturbs the other.
    """

    confidence: float = CONFIDENCE
    allows: Allows = ""

    def admits(self, doubts: tuple[str, ...]) -> bool:
        """Tell whether a fix with these doubts ("mock", "teleport") moves this reading."""
        return not doubts or all(doubt in self.allows for doubt in doubts)


class Rule(NamedTuple):
    """An offer made ready to be asked in a word; rules sort by what wins: the more important, of equals the older.

    `truth` asks its `if` (None: there is none); `plain` says that it has neither dates nor a budget that could stop it.
    """

    order: int
    offer: Offer
    track: Track
    truth: Callable[[Scene], Truth] | None
    plain: bool


class Reading(NamedTuple):
    """What fires on one track of a fence: for who enters now, who is inside, who leaves now, and after which dwell times."""

    track: Track = Track()
    entering: tuple[Rule, ...] = ()
    staying: tuple[Rule, ...] = ()
    leaving: tuple[Rule, ...] = ()
    dwelling: tuple[tuple[Rule, timedelta], ...] = ()


class Plan(NamedTuple):
    """What one fence means: offers on its state, offers near it, offers set off elsewise; its tracks and dwell times.

    `readings` has the offers on its state once more, by track and by what sets them off; `nearing` those near it.
    """

    offers: tuple[Offer, ...] = ()
    near: tuple[Offer, ...] = ()
    elsewise: tuple[Offer, ...] = ()
    tracks: tuple[Track, ...] = (Track(),)
    dwells: tuple[tuple[Track, timedelta], ...] = ()
    readings: tuple[Reading, ...] = (Reading(),)
    nearing: tuple[Rule, ...] = ()


NO_OFFERS = Plan()
"""The plan of a fence that no offer names: visits are still told."""


def track_of(offer: Offer) -> Track:
    """Give the reading of its fences that an offer asks for.

    A mocked fix never opens a value-bearing reward, also not by a stay that it began: such offers take none.
    """
    mock = offer.trust.mock == "allow" and offer.reward is None
    teleport = offer.trust.teleport == "allow"
    allows: Allows = ("mock+teleport" if teleport else "mock") if mock else ("teleport" if teleport else "")
    return Track(offer.when.min_confidence, allows)


def is_meant(places: PlaceFilter, place: Place) -> bool:
    """Tell whether an offer's filter takes this place, by its own id or by that of its fence."""
    if places.any:
        return True
    if places.tag is not None:
        return places.tag in place.tags
    return place.id in places.ids or place.geofence_id in places.ids


def is_meant_near(places: PlaceFilter, place: Place) -> bool:
    """Tell whether `near` takes this place: it means stores, and other fences only where one is named by its id."""
    return is_meant(places, place) and (place.kind == "store" or not (places.any or places.tag is not None))


def rules_of(offers: Sequence[Offer]) -> list[Rule]:
    """Make the offers ready, in their own order; each knows its place in that of the winners."""
    ranked = sorted(range(len(offers)), key=lambda index: -offers[index].priority)  # stable: of equals the older
    order = {index: place for place, index in enumerate(ranked)}
    return [
        Rule(
            order=order[index],
            offer=offer,
            track=track_of(offer),
            truth=offer.condition.truth if offer.condition is not None else None,
            plain=offer.active_from is None and offer.active_to is None and not offer.limits.budgeted,
        )
        for index, offer in enumerate(offers)
    ]


def plan_of(rules: list[Rule], place: Place) -> Plan:
    """Sort the offers of one fence by what they ask of it."""
    states = [rule for rule in rules if rule.offer.when.trigger in STATES]
    near = [r for r in rules if r.offer.when.trigger == "near" and is_meant_near(r.offer.when.places, place)]
    others = [rule.offer for rule in rules if rule.offer.when.trigger not in (*STATES, "near")]
    tracks = (Track(), *sorted({rule.track for rule in states} - {Track()}))
    readings = tuple(_reading(track, sorted(rule for rule in states if rule.track == track)) for track in tracks)
    return Plan(
        offers=tuple(rule.offer for rule in states),
        near=tuple(rule.offer for rule in near),
        elsewise=tuple(others),
        tracks=tracks,
        dwells=tuple(sorted({(reading.track, dwell) for reading in readings for _, dwell in reading.dwelling})),
        readings=readings,
        nearing=tuple(near),
    )


def _reading(track: Track, rules: list[Rule]) -> Reading:
    """Sort the rules of one track by what sets them off."""

    def of(*triggers: str) -> tuple[Rule, ...]:
        return tuple(rule for rule in rules if rule.offer.when.trigger in triggers)

    waiting = [(rule, rule.offer.when.dwell) for rule in of("dwell")]
    dwelling = tuple((rule, dwell) for rule, dwell in waiting if dwell is not None)
    return Reading(track, of("enter", "inside"), of("inside"), of("exit"), dwelling)
