"""POST /v1/pings: a phone says where it is, and hears at once whether there is a moment for it."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from server.errors import FieldError, Invalid
from server.model.ping import OsEvent
from server.model.place import Point
from server.pipeline.batch import Answer, Batch
from server.signals.assemble import Reported
from server.web.call import Call, Reply
from server.web.codec import Instant, encode
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
async def report(call: Call) -> Reply:
    """Decide the caller's fixes; the answer is durable."""
    most = call.parts.settings.limits.fixes_per_request
    if len(call.body.pings) > most:
        raise Invalid(errors=[FieldError("pings", f"must have 1 to {most} elements")])
    return Reply(200, written(await call.parts.arrivals.arrive(batch_of(call.customer_id, call.body))))


def batch_of(customer_id: UUID, body: PingBatch, *, proof: bytes | None = None) -> Batch:
    """Put a report into the street's own words; `proof` as in Batch."""
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
    return Batch(customer_id, body.sent_at, fixes, body.app.foreground, body.app.tz, proof=proof)


def written(answer: Answer) -> bytes:
    """Write what the street answered, as a PingAnswer: its circles were written when their fence was first near anybody."""
    results = encode([ResultAnswer(*result) for result in answer.results])
    moments = encode([told(shown, answer.now) for shown in answer.moments]) if answer.moments else b"[]"
    circles = b",".join([watched.written for watched in answer.watch.circles])
    watch = b'{"circles":[%b],"next_ping_s":%d}' % (circles, answer.watch.next_ping_s)
    return b'{"results":%b,"moments":%b,"watch":%b}' % (results, moments, watch)


_reports = msgspec.json.Decoder(PingBatch)
_NAME = re.compile(rb'"(\w+)"\s*:')


def read_plain(data: bytes) -> PingBatch | None:
    """Read a report straight into its struct where its text is plain, else give None: `codec.read_json` then has the word.

    Plain is ASCII without escapes, in which no name stands twice in one object. What is given is what `read_json` gives.
    """
    if b"\\" in data or not data.isascii():
        return None
    try:
        report = _reports.decode(data)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return report if _each_once(data, report) else None


def _each_once(data: bytes, report: PingBatch) -> bool:
    """Tell whether no object has a name twice; False also where that would take a parser to tell.

    Between one brace that opens and the next there are names of one object, and after a brace that closed those of objects
    around it. The latter must be the only ones of their name at all. Braces within texts would hide objects' ends.
    """
    if len(report.pings) == 1:
        return _distinct(_NAME.findall(data))  # objects of different kinds have no name in common
    app, objects = report.app, 1 + len(report.pings)
    if app is not _NO_APP:
        objects += 2 if app.permissions is not None else 1
    for ping in report.pings:
        if ping.os_event is not None:
            objects += 1
    parts = data.split(b"{")
    if len(parts) != objects + 1 or data.count(b"}") != objects:
        return False
    for part in parts:
        if not _distinct(_NAME.findall(part)):
            return False
        end = part.find(b"}")
        if 0 <= end < part.rfind(b":") and any(data.count(b'"%b"' % name) != 1 for name in _NAME.findall(part, end)):
            return False
    return True


def _distinct(names: list[bytes]) -> bool:
    return len(set(names)) == len(names)
