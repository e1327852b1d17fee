"""Builders of what a decision is about: places, fixes measured by the geodesic, offers, contexts.

Everything has a sensible default, so that a test names only what it is about. Times count from NOON, a Tuesday.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from geopy.distance import geodesic

from server.decision.finding import Condition
from server.decision.ruleset import Ruleset
from server.model.context import Context, Hit, Programme
from server.model.customer import Consents, Customer, LastFix, Shown, State
from server.model.offer import Cap, Content, Limits, MomentSpec, Offer, Period, PlaceFilter, When
from server.model.ping import Fix
from server.model.place import Place, Places, Point

NOON = datetime(2026, 11, 3, 11, 0, tzinfo=UTC)
"""A Tuesday in winter: noon in Berlin."""

TOWN = Point(52.52, 13.405)
CUSTOMER = UUID(int=0xC057)


def after(seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> datetime:
    """Give an instant that long after NOON."""
    return NOON + timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days)


@cache
def off(north_m: float = 0, east_m: float = 0, *, of: Point = TOWN) -> Point:
    """Give the point that many metres (geodesic) north and east of another."""
    found = geodesic(meters=north_m).destination(tuple(of), 0)
    found = geodesic(meters=east_m).destination(found, 90)
    return Point(found.latitude, found.longitude)


def place(number: int = 1, *, at: Point = TOWN, radius_m: float = 100.0, kind: Any = "store", **more: Any) -> Place:
    """Build a place; its ids follow from its number."""
    more.setdefault("name", f"Place {number}")
    more.setdefault("zone", "Europe/Berlin")
    return Place(store_id(number), fence_id(number), kind, point=at, radius_m=radius_m, **more)


def store_id(number: int) -> UUID:
    """Give the id of the place of that number."""
    return UUID(int=0x5000 + number)


def fence_id(number: int) -> UUID:
    """Give the id of the fence of that number."""
    return UUID(int=0xF000 + number)


def offer_id(number: int) -> UUID:
    """Give the id of the offer of that number."""
    return UUID(int=0x0FFE0000 + number)


def offer(
    number: int = 1, *, trigger: Any = "enter", tag: str | None = None, ids: Iterable[UUID] = (), **more: Any
) -> Offer:
    """Build an offer for any place unless a tag or ids say otherwise.

    `dwell`, `within_m`, `min_confidence`, `event`, `after` and `schedule` go into its trigger, `surfaces` into its moment,
    `caps`, `pressure`, `units`, `liability` and `place_units` into its limits.
    """
    identifiers = frozenset(ids)
    places = PlaceFilter(ids=identifiers, tag=tag, any=tag is None and not identifiers)
    when = {
        key: more.pop(key)
        for key in ("dwell", "within_m", "min_confidence", "event", "after", "schedule")
        if key in more
    }
    limits = {key: more.pop(key) for key in ("pressure", "units", "liability", "place_units") if key in more}
    surfaces = frozenset(more.pop("surfaces", ("in_app", "push")))
    content = Content("en-US", "Coffee on us", "Come in.")
    return Offer(
        id=offer_id(number),
        version=more.pop("version", 1),
        name=more.pop("name", f"offer-{number}"),
        when=When(trigger, places, **when),
        moment=MomentSpec(surfaces, (content,), "en-US", f"offer-{number}"),
        created_at=more.pop("created_at", NOON - timedelta(days=30 - number)),
        limits=Limits(per_customer=tuple(more.pop("caps", ())), **limits),
        **more,
    )


def a_day(most: int = 1, tz: str = "customer_home") -> Cap:
    """Build a cap per calendar day."""
    return Cap(most, Period(calendar="day", tz=tz))


def rolling(most: int = 1, **length: float) -> Cap:
    """Build a rolling cap, its length in the words of timedelta."""
    return Cap(most, Period(rolling=timedelta(**length)))


def programme(**changes: Any) -> Programme:
    """Build a programme without caps or holdout, quiet from 21:00 to 08:00, at home in Berlin."""
    usual = Programme(
        zone="Europe/Berlin",
        quiet_from="21:00",
        quiet_to="08:00",
        quiet_zone="Europe/Berlin",
        per_day=None,
        per_week=None,
        class_per_day={},
        holdout_share=0.0,
        formality="du",
        weather_max_age_s=5400,
        pings_max_age_s=86_400,
    )
    return usual._replace(**changes)


def ruleset(
    *offers: Offer,
    places: Iterable[Place] | None = None,
    segments: Mapping[str, Condition | None] | None = None,
    epoch: int = 1,
    **changes: Any,
) -> Ruleset:
    """Build a ruleset; without places it has the one of number 1. Further words change the programme."""
    known = list(places) if places is not None else [place()]
    return Ruleset.build(
        offers=offers,
        places=Places({each.geofence_id: each for each in known}, {each.id: each for each in known}),
        programme=programme(**changes),
        segments=segments or {},
        epoch=epoch,
    )


def fix(north_m: float = 0, east_m: float = 0, *, at: datetime = NOON, accuracy_m: float = 9.0, **more: Any) -> Fix:
    """Build a fix that many metres from the middle of the town."""
    return Fix(off(north_m, east_m), accuracy_m, at, **more)


def hits(rules: Ruleset, point: Point) -> tuple[Hit, ...]:
    """Measure every fence of the ruleset from a point by the geodesic, nearest edge first."""
    found = []
    for each in rules.places.by_geofence.values():
        center_m = geodesic(tuple(point), tuple(each.point)).meters
        found.append(Hit(each.geofence_id, center_m, center_m - each.radius_m, each.radius_m, False))
    return tuple(sorted(found, key=lambda hit: hit.edge_m))


def hit(edge_m: float, *, radius_m: float = 100.0, straight: bool = False, number: int = 1) -> Hit:
    """Build a measurement from its distance to the edge alone."""
    return Hit(fence_id(number), edge_m + radius_m, edge_m, radius_m, straight)


def customer(**changes: Any) -> Customer:
    """Build a customer from Berlin who agreed to everything."""
    return replace(Customer(CUSTOMER, Consents(True, True, True), zone="Europe/Berlin", locale="de-DE"), **changes)


def shown(at: datetime, number: int | None = 1, pressure: str = "marketing") -> Shown:
    """Build an entry of the ledger; number None is an external send."""
    return Shown(at, offer_id(number) if number is not None else None, pressure)


def context(rules: Ruleset, where: Fix | None = None, **more: Any) -> Context:
    """Build the context of a fix, measured by the geodesic; without one, of something that is no fix (name a cause)."""
    more.setdefault("at", where.at if where is not None else NOON)
    more.setdefault("received", more["at"])
    more.setdefault("customer", customer())
    more.setdefault("state", State())
    if where is not None:
        more.setdefault("hits", hits(rules, where.point))
        more.setdefault("fix_zone", "Europe/Berlin")
    return Context(fix=where, **more)


def last_fix(north_m: float = 0, east_m: float = 0, *, at: datetime, accuracy_m: float = 9.0) -> LastFix:
    """Build the last trusted fix of a state."""
    return LastFix(off(north_m, east_m), accuracy_m, at, "Europe/Berlin")


def day(text: str) -> date:
    """Read a date."""
    return date.fromisoformat(text)
