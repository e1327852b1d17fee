"""Which offers wait for what, looked up once per ruleset: most of what happens sets nothing off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from server.decision.plan import is_meant
from server.decision.ruleset import Ruleset
from server.model.offer import Offer
from server.signals.weather.cache import Cell, cell_of
from server.store.occasions import Occasion

INACTIVITY, BIRTHDAY = "inactivity", "birthday"
"""Events that the clock tells, not another system."""


class Listening(NamedTuple):
    """The events that live offers wait for, the scheduled offers, spells of absence, and fences by their weather's cell."""

    events: frozenset[str]
    scheduled: tuple[Offer, ...]
    spells: frozenset[timedelta]
    cells: Mapping[Cell, tuple[UUID, ...]]

    def waits_for(self, occasion: Occasion) -> bool:
        """Tell whether deciding on it could show anything, or owes somebody an answer: what was held does."""
        if occasion.kind == "event":
            return occasion.name in self.events
        return bool(self.cells) if occasion.kind == "weather_change" else True


class _Memo:
    """The last ruleset that was asked about: it changes when somebody edits an offer, and is asked for by every group."""

    ruleset: Ruleset | None = None
    listening: Listening | None = None


def listening_of(ruleset: Ruleset) -> Listening:
    """Tell what the offers of a ruleset wait for."""
    if _Memo.listening is None or _Memo.ruleset is not ruleset:
        _Memo.ruleset, _Memo.listening = ruleset, _listening(ruleset)
    return _Memo.listening


def _listening(ruleset: Ruleset) -> Listening:
    events = [offer.when for offer in ruleset.offers if offer.when.trigger == "event"]
    return Listening(
        events=frozenset(when.event for when in events if when.event is not None),
        scheduled=tuple(offer for offer in ruleset.offers if offer.when.trigger == "schedule"),
        spells=frozenset(when.after for when in events if when.after is not None),
        cells=_cells(ruleset),
    )


def _cells(ruleset: Ruleset) -> dict[Cell, tuple[UUID, ...]]:
    """List the fences of offers that wait for weather, by cell; reads every place, so only where there is such an offer."""
    found: dict[Cell, list[UUID]] = {}
    wanted = {offer.when.places for offer in ruleset.offers if offer.when.trigger == "weather_change"}
    if wanted:
        for fence, place in ruleset.places.by_geofence.items():
            if any(is_meant(places, place) for places in wanted):
                found.setdefault(cell_of(place.point), []).append(fence)
    return {cell: tuple(fences) for cell, fences in found.items()}
