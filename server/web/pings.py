"""POST /v1/pings: a phone says where it is, and hears at once whether there is a moment for it."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from server.errors import FieldError, Invalid
from server.model.ping import OsEvent
from server.model.place import Point
from server.pipeline.batch import Answer, Batch
from server.signals.assemble import Reported
from server.web.call import Call
from server.web.codec import Instant
from server.web.door import door
from server.web.moments import MomentAnswer, told

_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_EARTH_M = 20_100_000.0


class OsEventBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What the phone's system claims of a fence: a hint, which the fix decides on."""

    type: Literal["enter", "exit", "dwell"]
    geofence_id: UUID | None = None
    at: Instant | None = None


class PingBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One fix: its id (made by the phone), WGS 84 degrees, the radius (m) that holds it with 68 %, speed in m/s.

    A negative speed is what phones report for an unknown one.
    """

    id: UUID
    captured_at: Instant
    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    lon: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    accuracy_m: Annotated[float, msgspec.Meta(ge=0, le=_EARTH_M)]
    speed_mps: Annotated[float, msgspec.Meta(ge=-1_000, le=100_000)] | None = None
    source: _Word | None = None
    mock: bool = False
    os_event: OsEventBody | None = None


class Permissions(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What the phone's system allows the app."""

    location: _Word | bool | None = None
    precise: bool | None = None
    notifications: _Word | bool | None = None


class AppBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The app at the time of sending; `foreground`: somebody is looking at it."""

    version: _Word | None = None
    foreground: bool = False
    locale: _Word | None = None
    tz: _Word | None = None
    permissions: Permissions | None = None


_NO_APP = AppBody()


class PingBatch(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A report: when the phone sent it, by its own clock, and its fixes."""

    sent_at: Instant
    pings: Annotated[tuple[PingBody, ...], msgspec.Meta(min_length=1)]
    device_id: _Word | None = None
    app: AppBody = _NO_APP


class ResultAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one fix; `reason` in a word where something was odd."""

    id: UUID
    status: str
    reason: str | None = None


class CircleAnswer(msgspec.Struct, frozen=True):
    """A circle that the phone may watch by itself; `id` is the fence's."""

    id: UUID
    lat: float
    lon: float
    radius_m: float


class WatchAnswer(msgspec.Struct, frozen=True):
    """What to watch, nearest first, and in how many seconds to report again at the latest."""

    circles: list[CircleAnswer]
    next_ping_s: int


class PingAnswer(msgspec.Struct, frozen=True):
    """A result for each fix in the report's order; moments it led to (a repeated report: those of its first time)."""

    results: list[ResultAnswer]
    moments: list[MomentAnswer]
    watch: WatchAnswer


EXAMPLE = {
    "sent_at": "2026-11-03T07:30:05Z",
    "app": {"foreground": True, "tz": "Europe/Berlin"},
    "pings": [
        {
            "id": "018f3f2e-7c4a-7b1e-9a57-3f3f2e7c4a7b",
            "captured_at": "2026-11-03T07:30:00Z",
            "lat": 52.52003,
            "lon": 13.40489,
            "accuracy_m": 9,
        }
    ],
}


@door(
    "POST",
    "/v1/pings",
    body=PingBatch,
    answer=PingAnswer,
    limit="ping_body_bytes",
    summary="Report fixes, and hear which moments they lead to",
    example=EXAMPLE,
    tags=("App",),
)
async def report(call: Call) -> PingAnswer:
    """Decide the caller's fixes; the answer is durable."""
    most = call.parts.settings.limits.fixes_per_request
    if len(call.body.pings) > most:
        raise Invalid(errors=[FieldError("pings", f"must have 1 to {most} elements")])
    return answer_for(await call.parts.arrivals.arrive(batch_of(call.customer_id, call.body)))


def batch_of(customer_id: UUID, body: PingBatch) -> Batch:
    """Put a report into the street's own words."""
    fixes = tuple(
        Reported(
            ping.id,
            ping.captured_at,
            Point(ping.lat, ping.lon),
            ping.accuracy_m,
            ping.speed_mps,
            ping.source,
            ping.mock,
            OsEvent(ping.os_event.type, ping.os_event.geofence_id) if ping.os_event is not None else None,
        )
        for ping in body.pings
    )
    return Batch(customer_id, body.sent_at, fixes, body.app.foreground, body.app.tz)


def answer_for(answer: Answer) -> PingAnswer:
    """Write what the street answered."""
    circles = [
        CircleAnswer(watched.id, watched.circle.center.lat, watched.circle.center.lon, watched.circle.radius_m)
        for watched in answer.watch.circles
    ]
    return PingAnswer(
        results=[ResultAnswer(*result) for result in answer.results],
        moments=[told(shown, answer.now) for shown in answer.moments],
        watch=WatchAnswer(circles, answer.watch.next_ping_s),
    )
