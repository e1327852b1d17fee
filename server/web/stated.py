"""The context that a dry run's caller states, read strictly: what could not be is refused with its field."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from msgspec import Meta

from server.decision.wall import zone_named
from server.errors import FieldError, Invalid
from server.model.context import Cause, Used
from server.model.ping import Fix
from server.model.place import Point
from server.model.weather import Kind, Sky, Weather
from server.pipeline.rehearse import Inside, Report, Stated, Told
from server.signals.weather.bounds import BOUNDS, is_possible
from server.web.codec import Instant
from server.web.stated_customer import ITEMS, CustomerPart, Name, Part, customer_of, utc

_EARLIEST: Final = datetime(1980, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)

Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Accuracy = Annotated[float, Meta(ge=0, le=1e6)]
Speed = Annotated[float, Meta(ge=0, le=1e4)]
Count = Annotated[int, Meta(ge=0, le=10**15)]


class FixPart(Part, frozen=True):
    """The fix that is decided on; captured at the instant itself if not said otherwise."""

    lat: Latitude
    lon: Longitude
    accuracy_m: Accuracy
    speed_mps: Speed | None = None
    mock: bool = False
    captured_at: Instant | None = None


class PastFix(Part, frozen=True):
    """An earlier fix, and when it was taken (`at`, or `captured_at` as fixes call it)."""

    lat: Latitude
    lon: Longitude
    accuracy_m: Accuracy
    at: Instant | None = None
    captured_at: Instant | None = None
    speed_mps: Speed | None = None
    mock: Literal[False] = False


class InsidePart(Part, frozen=True):
    """A fence that the customer is inside of already."""

    geofence_id: UUID
    since: Instant
    dwelled: bool = False


class BeforePart(Part, frozen=True):
    """What was before the fix."""

    inside: Annotated[tuple[InsidePart, ...], Meta(max_length=ITEMS)] = ()
    last_fix: PastFix | None = None
    held_fix: PastFix | None = None


class SkyPart(Part, frozen=True):
    """One reading of the sky."""

    kind: Kind | None = None
    temperature_c: float | None = None
    apparent_c: float | None = None
    precipitation_mm: float | None = None
    wind_mps: float | None = None
    humidity: float | None = None
    uv: float | None = None


class AheadPart(SkyPart, frozen=True, kw_only=True):
    """A forecast for an instant."""

    at: Instant


class WeatherPart(SkyPart, frozen=True):
    """The observation, over every place; observed at the instant itself if not said otherwise."""

    observed_at: Instant | None = None
    ahead: Annotated[tuple[AheadPart, ...], Meta(max_length=ITEMS)] = ()


class TriggerPart(Part, frozen=True):
    """What sets offers off in the stead of a fix."""

    type: Literal["event", "schedule", "weather_change"]
    name: Name | None = None


class UsedPart(Part, frozen=True):
    """What the budget has given already."""

    units: Count = 0
    liability_minor: Count = 0
    place_units: Count = 0


class DryRun(Part, frozen=True):
    """The whole context: only `at` and `fix` must be said, and with a `trigger` the fix may be null."""

    at: Instant
    fix: FixPart | None = None
    before: BeforePart = BeforePart()
    weather: WeatherPart | None = None
    trigger: TriggerPart | None = None
    used: UsedPart = UsedPart()
    customer: CustomerPart = CustomerPart()
    foreground: bool = False


def read_stated(body: DryRun) -> Stated:
    """Turn the body into the words of the house; raises Invalid with every field that could not be."""
    wrong = [*_wrong_times(body), *_wrong_sky(body), *_wrong_rest(body)]
    if wrong:
        raise Invalid(errors=wrong)
    fix, before, used = body.fix, body.before, body.used
    return Stated(
        at=utc(body.at),
        report=None if fix is None else _report(fix, body.at),
        cause=Cause(body.trigger.type, body.trigger.name) if body.trigger is not None else None,
        inside=tuple(Inside(each.geofence_id, utc(each.since), each.dwelled) for each in before.inside),
        last_fix=_past(before.last_fix),
        held_fix=_past(before.held_fix),
        weather=_weather(body.weather, body.at),
        used=Used(used.units, used.liability_minor, used.place_units),
        customer=customer_of(body.customer),
        told=tuple(Told(each.offer, utc(each.at), each.pressure) for each in body.customer.moments),
        foreground=body.foreground,
    )


def _report(fix: FixPart, at: datetime) -> Report:
    return Report(Point(fix.lat, fix.lon), fix.accuracy_m, utc(fix.captured_at or at), fix.speed_mps, fix.mock)


def _past(fix: PastFix | None) -> Fix | None:
    when = None if fix is None else fix.at or fix.captured_at
    if fix is None or when is None:
        return None
    return Fix(Point(fix.lat, fix.lon), fix.accuracy_m, utc(when), fix.speed_mps)


def _sky(part: SkyPart, at: datetime) -> Sky:
    return Sky(at=utc(at), kind=part.kind, **{name: getattr(part, name) for name in BOUNDS})


def _weather(part: WeatherPart | None, at: datetime) -> Weather | None:
    if part is None:
        return None
    ahead = sorted((_sky(each, each.at) for each in part.ahead), key=lambda sky: sky.at)
    return Weather(_sky(part, part.observed_at or at), tuple(ahead))


def _wrong_times(body: DryRun) -> list[FieldError]:
    """Find instants that no calendar of ours reaches, and a past that is not past."""
    customer, before = body.customer, body.before
    times: list[tuple[str, datetime | None]] = [("at", body.at)]
    times += [("fix.captured_at", body.fix.captured_at)] if body.fix is not None else []
    times += [(f"before.inside[{at}].since", each.since) for at, each in enumerate(before.inside)]
    for name, fix in (("last_fix", before.last_fix), ("held_fix", before.held_fix)):
        times += [(f"before.{name}.at", fix.at), (f"before.{name}.captured_at", fix.captured_at)] if fix else []
    if body.weather is not None:
        times.append(("weather.observed_at", body.weather.observed_at))
        times += [(f"weather.ahead[{at}].at", each.at) for at, each in enumerate(body.weather.ahead)]
    times += [(f"customer.moments[{at}].at", each.at) for at, each in enumerate(customer.moments)]
    times += [(f"customer.redemptions[{at}].at", each.at) for at, each in enumerate(customer.redemptions)]
    times += [(f"customer.events[{at}].at", each.at) for at, each in enumerate(customer.events)]
    return [
        FieldError(field, f"must be from {_EARLIEST.year} to {_LATEST.year - 1}")
        for field, at in times
        if at is not None and not _EARLIEST <= at < _LATEST
    ]


def _wrong_sky(body: DryRun) -> list[FieldError]:
    """Find weather that cannot be on earth."""
    if body.weather is None:
        return []
    skies: list[tuple[str, SkyPart]] = [("weather", body.weather)]
    skies += [(f"weather.ahead[{at}]", each) for at, each in enumerate(body.weather.ahead)]
    return [
        FieldError(f"{path}.{name}", f"must be from {low:g} to {high:g}")
        for path, part in skies
        for name, (low, high) in BOUNDS.items()
        if (value := getattr(part, name)) is not None and not is_possible(name, value)
    ]


def _wrong_rest(body: DryRun) -> list[FieldError]:
    wrong = []
    if body.fix is None and body.trigger is None:
        wrong.append(FieldError("fix", "is required unless a trigger is given"))
    if body.trigger is not None and body.trigger.type == "event" and body.trigger.name is None:
        wrong.append(FieldError("trigger.name", "is required for an event"))
    for name, fix in (("last_fix", body.before.last_fix), ("held_fix", body.before.held_fix)):
        if fix is not None and (fix.at is None) == (fix.captured_at is None):
            wrong.append(FieldError(f"before.{name}.at", "is required"))
    seen: set[UUID] = set()
    for at, each in enumerate(body.before.inside):
        if each.since > body.at:
            wrong.append(FieldError(f"before.inside[{at}].since", "must not be after at"))
        if each.geofence_id in seen:
            wrong.append(FieldError(f"before.inside[{at}].geofence_id", "is named twice"))
        seen.add(each.geofence_id)
    zone = body.customer.time_zone
    if zone is not None and zone_named(zone) is None:
        wrong.append(FieldError("customer.time_zone", "must be an IANA zone such as Europe/Berlin"))
    return wrong
