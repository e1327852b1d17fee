"""A customer, what they agreed to, and what is remembered of them between two pings.

What is made anew with every ping is a msgspec struct: as frozen as the other words, and made in a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from server.model.money import Money
from server.model.ping import Fix
from server.model.place import Point

Attributes = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Consents:
    """Purposes a customer agreed to; all off until said otherwise."""

    location: bool = False
    push: bool = False
    profiling: bool = False


@dataclass(frozen=True, slots=True)
class Happened:
    """Something in a customer's past: `name` is an event's ("purchase", "redemption", …); `offer` an offer's name.

    `amount` is what was paid, `order` the shop's number of the order, where they are known.
    """

    name: str
    at: datetime
    offer: str | None = None
    amount: Money | None = None
    order: str | None = None


BOUGHT: Final = frozenset({"purchase", "redemption"})
"""The events by which something was bought."""


def orders_of(events: Iterable[Happened]) -> tuple[Happened, ...]:
    """Pick what was bought, each order once: of a purchase and a redemption in one, the first that tells what was paid."""
    alone, orders = [], dict[str, Happened]()
    for each in events:
        if each.name not in BOUGHT:
            continue
        if each.order is None:
            alone.append(each)
        elif each.order not in orders or (orders[each.order].amount is None and each.amount is not None):
            orders[each.order] = each
    return (*alone, *orders.values())


class Shown(msgspec.Struct, frozen=True):
    """A message that reached for the customer's attention: a moment (offer set) or an external send (offer None).

    `pressure` is the pressure class; a held-out winner counts like a shown one.
    """

    at: datetime
    offer_id: UUID | None
    pressure: str


class Stay(msgspec.Struct, frozen=True):
    """Being inside one fence at one confidence.

    `since` the entering fix's time; `seen` the latest trusted evidence of being inside; `evaluated` up to which instant
    dwell triggers were looked at; `leaving` whether the last trusted fix already lay outside the exit margin. `allows` is
    empty for what trusted fixes say; the stays of offers that also take doubtful ones are kept apart by it.
    """

    geofence_id: UUID
    confidence: float
    since: datetime
    seen: datetime
    evaluated: datetime
    leaving: bool = False
    allows: Literal["", "mock", "teleport", "mock+teleport"] = ""


class LastFix(msgspec.Struct, frozen=True):
    """The last trusted fix, rounded (three decimals when stored), and the zone it lay in."""

    point: Point
    accuracy_m: float
    at: datetime
    zone: str | None = None


class State(msgspec.Struct, frozen=True):
    """What is remembered of a customer between pings; its row's version makes caps exact.

    `stays` by (geofence, confidence, allows); `last_fix` the newest one that moved the state; `held` a fix that jumped and
    waits for a second one that agrees; `shown` the messages that caps still need, oldest first.
    """

    stays: tuple[Stay, ...] = ()
    last_fix: LastFix | None = None
    held: Fix | None = None
    shown: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True)
class Customer:
    """Who is asking. `zone` is the home zone of the profile; `segments` those stored for the customer."""

    id: UUID
    consents: Consents
    zone: str | None = None
    locale: str | None = None
    segments: frozenset[str] = frozenset()
    attributes: Attributes = field(default_factory=dict)
    events: tuple[Happened, ...] = ()
    topics: Mapping[str, bool] = field(default_factory=dict)
    """What they have asked for (true) or turned off (false)."""
    bought: tuple[Happened, ...] | None = None
    """What they bought, each order once, as far as it is kept; None where it was not looked up, since no rule asks."""
