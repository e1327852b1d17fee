"""What offers give away while the past is decided again: units, liability, and shares of places in their periods."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from server.decision.zone import window_of
from server.model.context import Context, Programme, Used
from server.model.offer import Offer
from server.model.place import Place
from server.store.past import Granted


class Grants:
    """The budgets of a replay; it begins with what had really been given away before."""

    def __init__(self, offers: Iterable[Offer], programme: Programme) -> None:
        """Keep books for the offers that have a budget."""
        self._offers = {offer.id: offer for offer in offers if offer.limits.budgeted}
        self._shared = [offer for offer in self._offers.values() if offer.limits.place_units is not None]
        self._programme = programme
        self.used: dict[UUID, Used] = {}
        self._times: dict[tuple[UUID, UUID], list[datetime]] = {}

    @property
    def offers(self) -> list[UUID]:
        """The offers that there are books of."""
        return list(self._offers)

    def recall(self, granted: Granted) -> None:
        """Book what was given away before the replay begins."""
        self._book(granted.offer_id, granted.place_id, granted.created_at, granted.value_minor, 1)

    def take(self, offer: Offer, place: Place | None, at: datetime) -> None:
        """Book one unit, if the offer has a budget."""
        if offer.id in self._offers:
            self._book(offer.id, place.id if place is not None else None, at, value_of(offer), 1)

    def give_back(self, granted: Granted) -> None:
        """Book what had been given away as returned."""
        if granted.offer_id in self._offers:
            self._book(granted.offer_id, granted.place_id, granted.created_at, granted.value_minor, -1)

    def _book(self, offer_id: UUID, place_id: UUID | None, at: datetime, value_minor: int, sign: int) -> None:
        before = self.used.get(offer_id, Used())
        self.used[offer_id] = Used(before.units + sign, before.liability_minor + sign * value_minor)
        if place_id is None:
            return
        times = self._times.setdefault((offer_id, place_id), [])
        if sign > 0:
            insort(times, at)
        elif at in times:
            times.remove(at)

    def used_at(self, context: Context, places: Iterable[Place]) -> dict[tuple[UUID, UUID], int]:
        """Tell what is used of the shares of some places, in the period that holds when the context is decided."""
        if not self._shared:
            return {}
        found = {}
        for place in places:
            for offer in self._shared:
                times = self._times.get((offer.id, place.id))
                if times:
                    found[offer.id, place.id] = len(times) - self._since(offer, place, context, times)
        return found

    def _since(self, offer: Offer, place: Place, context: Context, times: list[datetime]) -> int:
        period = offer.limits.place_period
        if period is None:
            return 0
        window = window_of(period, context.received, customer=context.customer, place=place, programme=self._programme)
        return bisect_left(times, window.start) if window is not None else 0


def value_of(offer: Offer) -> int:
    """Give what one moment of an offer may cost, in minor units."""
    value = offer.reward.value if offer.reward is not None else None
    return value.minor if value is not None else 0
