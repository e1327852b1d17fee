"""Who reads a preview: a made-up customer somewhere, at some time, in some weather, as the caller states them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from server.decision.wall import zone_named
from server.errors import FieldError, Invalid
from server.model.customer import Consents, Customer
from server.model.offer import Placement
from server.model.place import Place
from server.model.weather import Kind, Sky, Weather
from server.pipeline.faces import Wallet
from server.signals.weather.bounds import BOUNDS, is_possible
from server.web.codec import Instant
from server.web.profiles import Locale
from server.web.stated_customer import ITEMS, Name, Part

_NOBODY: Final = UUID(int=0)
_EARLIEST: Final = datetime(1980, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)


class SkyBody(Part, frozen=True):
    """The weather that the words may name; unknown if not said."""

    kind: Kind | None = None
    temperature_c: float | None = None


class PersonBody(Part, frozen=True):
    """A made-up customer: nothing is known of them but what is said here."""

    attributes: Annotated[dict[str, str | int | float | bool], Meta(max_length=ITEMS)] = msgspec.field(
        default_factory=dict
    )
    time_zone: Name | None = None


class ReaderBody(Part, frozen=True, kw_only=True):
    """For whom: with `locale` or `formality` what that reader gets, else every content there is."""

    locale: Locale | None = None
    formality: Literal["du", "sie"] | None = None
    placement: Placement | None = None
    customer: PersonBody = PersonBody()
    place_id: UUID | None = None
    weather: SkyBody | None = None
    at: Instant | None = None
    wallet: Wallet = "apple"


def check(body: ReaderBody) -> None:
    """Raise Invalid for what cannot be."""
    wrong = []
    if body.at is not None and not _EARLIEST <= body.at < _LATEST:
        wrong.append(FieldError("at", f"must be from {_EARLIEST.year} to {_LATEST.year - 1}"))
    warmth = body.weather.temperature_c if body.weather is not None else None
    if warmth is not None and not is_possible("temperature_c", warmth):
        low, high = BOUNDS["temperature_c"]
        wrong.append(FieldError("weather.temperature_c", f"must be from {low:g} to {high:g}"))
    zone = body.customer.time_zone
    if zone is not None and zone_named(zone) is None:
        wrong.append(FieldError("customer.time_zone", "must be an IANA zone such as Europe/Berlin"))
    if getattr(body, "customer_id", None) is not None and body.customer != PersonBody():
        wrong.append(FieldError("customer", "is for a made-up customer; customer_id names a real one"))
    if wrong:
        raise Invalid(errors=wrong)


def made_up(body: ReaderBody) -> Customer:
    """Give the customer that is stated."""
    return Customer(_NOBODY, Consents(), zone=body.customer.time_zone, attributes=body.customer.attributes)


def place_of(place_id: UUID | None, known: Mapping[UUID, Place]) -> Place | None:
    """Find the place that is stated, if one is; raises Invalid for one that is not there."""
    if place_id is None:
        return None
    if place_id not in known:
        raise Invalid(errors=[FieldError("place_id", "is not the id of a store or fence")])
    return known[place_id]


def weather_of(body: ReaderBody, at: datetime) -> Weather | None:
    """Give the weather that is stated; None where nothing is said of it."""
    if body.weather is None:
        return None
    return Weather(Sky(at=at, kind=body.weather.kind, temperature_c=body.weather.temperature_c))
