"""A reward in a customer's hands: what it is worth, where and until when, and how often it was used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from server.model.look import PLAIN, Dress, Section, dress_document, dress_from
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
class Line:
    """A line of the author's own as it stands on the pass."""

    key: str
    section: Section
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the words of a card were put together from, so that they can be again when the offer's words change.

    `locale` is the customer's; `place` is where the moment began, `zone` its wall clock.
    """

    locale: str = "en"
    formality: str | None = None
    place: str | None = None
    address: str | None = None
    zone: str | None = None


NOTHING: Final = Told()


@dataclass(frozen=True, slots=True)
class Card:
    """What is written on the pass, in the customer's language; nothing about the customer, unless the offer asks for it.

    `spots` are the nearest stores where it is taken (ten at most), `near` those at which the phone brings it up now;
    `anywhere` says that every store takes it. `holder` is the first name that the offer asked for. `others` are the
    offer's words in its other languages, by the words that stand here. `version` is the offer's that the card follows
    (0: the pass's own).
    """

    title: str
    offer: str
    spots: tuple[Spot, ...] = ()
    anywhere: bool = False
    near: tuple[Spot, ...] = ()
    dress: Dress = PLAIN
    lines: tuple[Line, ...] = ()
    terms: str | None = None
    holder: str | None = field(default=None, repr=False)
    told: Told = NOTHING
    others: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    version: int = 0

    @property
    def language(self) -> str:
        """The language of what stands here: `de` of `de-DE`."""
        return self.told.locale.replace("_", "-").partition("-")[0].lower()


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
    """Read what `card_document` wrote, also what it wrote when a card had less on it."""
    return Card(
        title=document["title"],
        offer=document["offer"],
        spots=_spots(document["spots"]),
        anywhere=document["anywhere"],
        near=_spots(document.get("near", ())),
        dress=dress_from(document.get("dress")),
        lines=tuple(Line(**each) for each in document.get("lines", ())),
        terms=document.get("terms"),
        holder=document.get("holder"),
        told=Told(**document.get("told", {})),
        others=document.get("others", {}),
        version=document.get("version", 0),
    )


def card_document(card: Card) -> dict[str, Any]:
    """Write a card as JSON takes it, without what is as usual."""
    more = {
        "near": _spot_documents(card.near),
        "dress": dress_document(card.dress),
        "lines": [asdict(line) for line in card.lines],
        "terms": card.terms,
        "holder": card.holder,
        "told": {name: value for name, value in asdict(card.told).items() if value != getattr(NOTHING, name)},
        "others": {language: dict(words) for language, words in card.others.items()},
        "version": card.version,
    }
    needed = {"title": card.title, "offer": card.offer, "spots": _spot_documents(card.spots), "anywhere": card.anywhere}
    return needed | {name: value for name, value in more.items() if value}


def _spots(documents: Iterable[Mapping[str, Any]]) -> tuple[Spot, ...]:
    return tuple(Spot(UUID(s["id"]), s["name"], Point(s["lat"], s["lon"])) for s in documents)


def _spot_documents(spots: Iterable[Spot]) -> list[dict[str, Any]]:
    return [{"id": str(s.id), "name": s.name, "lat": s.point.lat, "lon": s.point.lon} for s in spots]
