"""A reward in a customer's hands: what it is worth, where and until when, and how often it was used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from server.model.money import Money
from server.model.place import Point


class PassState(StrEnum):
    """Where a pass stands. Only an active one can be redeemed; a reversal makes a redeemed one active again."""

    ACTIVE = "active"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class Benefit:
    """What one use of the reward gives, as the offer's document says it."""

    type: str
    value: Money | None = None
    percent: float | None = None
    points: int | None = None
    sku: str | None = None
    uses: int = 1
    minimum_purchase: Money | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """A store as the pass shows it."""

    id: UUID
    name: str
    point: Point


@dataclass(frozen=True, slots=True)
class Card:
    """What is written on the pass, fixed when it was issued; never anything about the customer.

    `spots` are the nearest stores where it is taken (ten at most); `anywhere` says that every store takes it.
    """

    title: str
    offer: str
    spots: tuple[Spot, ...] = ()
    anywhere: bool = False


@dataclass(frozen=True, slots=True)
class Pass:
    """One reward. `places` are the stores that take it (None: all), `place_tag` a tag that such a store must have.

    `customer_id` is None once its customer was erased; `erased_at` tells when, while its wallet may still hear of it.
    `token_sealed` opens with the keyring alone.
    """

    serial: UUID
    customer_id: UUID | None
    moment_id: UUID
    offer_id: UUID
    offer_version: int
    state: PassState
    card: Card
    benefit: Benefit
    uses_total: int
    uses_left: int
    valid_from: datetime
    valid_until: datetime | None
    places: tuple[UUID, ...] | None
    place_tag: str | None
    key_id: int
    token_sealed: bytes = field(repr=False)
    modified_at: datetime
    created_at: datetime
    erased_at: datetime | None = None

    def held_at(self, now: datetime, *, farewell: timedelta) -> bool:
        """Tell whether its wallet gets an answer: it is somebody's, or was until a while ago (`farewell`)."""
        return self.customer_id is not None or (self.erased_at is not None and now < self.erased_at + farewell)

    def state_at(self, now: datetime) -> PassState:
        """Tell the state at `now`: an active pass is expired from its last instant on, whether or not a job has run."""
        if self.state is PassState.ACTIVE and self.valid_until is not None and now >= self.valid_until:
            return PassState.EXPIRED
        return self.state


def benefit_from(document: Mapping[str, Any]) -> Benefit:
    """Read the `reward` of an offer's document; what a pass does not need of it is left aside."""
    return Benefit(
        type=document["type"],
        value=money_from(document.get("value")),
        percent=document.get("percent"),
        points=document.get("points"),
        sku=document.get("sku"),
        uses=document.get("uses") or 1,
        minimum_purchase=money_from(document.get("minimum_purchase")),
    )


def money_from(document: Mapping[str, Any] | None) -> Money | None:
    """Read `{"minor": 250, "currency": "EUR"}`; None stays None."""
    return None if document is None else Money(document["minor"], document["currency"])


def card_from(document: Mapping[str, Any]) -> Card:
    """Read what `card_document` wrote."""
    spots = tuple(Spot(UUID(s["id"]), s["name"], Point(s["lat"], s["lon"])) for s in document["spots"])
    return Card(document["title"], document["offer"], spots, document["anywhere"])


def card_document(card: Card) -> dict[str, Any]:
    """Write a card as JSON takes it."""
    spots = [{"id": str(s.id), "name": s.name, "lat": s.point.lat, "lon": s.point.lon} for s in card.spots]
    return {"title": card.title, "offer": card.offer, "spots": spots, "anywhere": card.anywhere}
