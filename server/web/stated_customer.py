"""The customer of a dry run, as its caller states them: who they are, what they agreed to, and their past."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from server.model.customer import Consents, Customer, Happened, orders_of
from server.web.codec import Instant
from server.web.rewards import MoneyBody, money_of

ITEMS: Final = 1000
"""Of anything that is listed."""

_NOBODY: Final = UUID(int=0)

Name = Annotated[str, Meta(min_length=1, max_length=200)]


class Part(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A part of the context."""


class ConsentsPart(Part, frozen=True):
    """What the customer agreed to: everything, unless said otherwise."""

    location: bool = True
    push: bool = True
    profiling: bool = True


class MomentPart(Part, frozen=True, rename={"pressure": "class"}):
    """A moment that the customer had."""

    offer: Name
    at: Instant
    pressure: Name | None = None


class RedemptionPart(Part, frozen=True):
    """A redemption that the customer made."""

    offer: Name
    at: Instant


class EventPart(Part, frozen=True):
    """Something else in the customer's past; what was paid and the order's number, where it was a purchase."""

    name: Name
    at: Instant
    offer: Name | None = None
    amount: MoneyBody | None = None
    order_id: Name | None = None


class CustomerPart(Part, frozen=True):
    """Who it is; nobody in particular if not said."""

    id: UUID = _NOBODY
    time_zone: Name | None = None
    locale: Name | None = None
    segments: Annotated[tuple[Name, ...], Meta(max_length=ITEMS)] = ()
    attributes: Annotated[dict[str, str | int | float | bool], Meta(max_length=ITEMS)] = {}
    consents: ConsentsPart = ConsentsPart()
    moments: Annotated[tuple[MomentPart, ...], Meta(max_length=ITEMS)] = ()
    redemptions: Annotated[tuple[RedemptionPart, ...], Meta(max_length=ITEMS)] = ()
    events: Annotated[tuple[EventPart, ...], Meta(max_length=ITEMS)] = ()
    topics: Annotated[dict[Name, bool], Meta(max_length=ITEMS)] = {}


def utc(at: datetime) -> datetime:
    """Give the instant in UTC, as the house reckons."""
    return at.astimezone(UTC)


def customer_of(part: CustomerPart) -> Customer:
    """Turn what is stated into a customer; nothing that is not stated happened."""
    past = [Happened("redemption", utc(each.at), each.offer) for each in part.redemptions]
    past += [
        Happened(
            each.name,
            utc(each.at),
            each.offer,
            money_of(each.amount) if each.amount is not None else None,
            each.order_id,
        )
        for each in part.events
    ]
    past.sort(key=lambda each: each.at, reverse=True)
    consents = part.consents
    return Customer(
        id=part.id,
        consents=Consents(consents.location, consents.push, consents.profiling),
        zone=part.time_zone,
        locale=part.locale,
        segments=frozenset(part.segments),
        attributes=part.attributes,
        events=tuple(past),
        bought=orders_of(past),
        topics=part.topics,
    )
