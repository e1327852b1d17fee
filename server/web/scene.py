"""GET and PUT /app/scene: a demonstration's day and sky, for the phone in the browser. In every other house there is none."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from server.errors import FieldError, Invalid, NotFound
from server.model.place import DAYS
from server.model.weather import Kind
from server.pipeline.scene import Scene, Seen
from server.signals.weather.bounds import BOUNDS, is_possible
from server.web.call import Call
from server.web.door import door

_CLOCK: Final = "^([01][0-9]|2[0-3]):[0-5][0-9]$"


class DayBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The next such weekday and time on the programme's clock: the day goes forward to it."""

    weekday: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    clock: Annotated[str, Meta(pattern=_CLOCK, max_length=5)]


class SkyPart(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The weather from now on, everywhere; what is not said stays."""

    kind: Kind | None = None
    temperature_c: float | None = None


class SceneBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What to change; the rest stays as it is."""

    day: DayBody | None = None
    sky: SkyPart | None = None


class SceneAnswer(msgspec.Struct, frozen=True):
    """The scene: its time, how many seconds that is ahead of the world's, and its sky (null: unknown)."""

    now: datetime
    ahead_s: float
    zone: str
    sky: SkyPart


@door(
    "GET",
    "/app/scene",
    answer=SceneAnswer,
    summary="The day and sky of a demonstration; 404 where there is none",
    errors=(404,),
    tags=("Pages",),
)
async def look(call: Call) -> SceneAnswer:
    """Tell how the scene stands."""
    return _answer(call, _scene(call).look())


@door(
    "PUT",
    "/app/scene",
    body=SceneBody,
    answer=SceneAnswer,
    summary="Move a demonstration's day on, or change its sky; 404 where there is none",
    example={"day": {"weekday": "tue", "clock": "08:12"}, "sky": {"kind": "drizzle", "temperature_c": 6}},
    errors=(403, 404, 409),
    tags=("Pages",),
)
async def change(call: Call) -> SceneAnswer:
    """Change the scene: first the sky, which may be refused, then the day."""
    body: SceneBody = call.body
    if body.sky is not None and body.sky.temperature_c is not None:
        low, high = BOUNDS["temperature_c"]
        if not is_possible("temperature_c", body.sky.temperature_c):
            raise Invalid(errors=[FieldError("sky.temperature_c", f"must be from {low:g} to {high:g}")])
    call.gate.refuse_other_origin(call.request)  # there may be no log-in whose token would tell
    scene = _scene(call)
    if body.sky is not None:
        scene.paint(kind=body.sky.kind, temperature_c=body.sky.temperature_c)
    if body.day is not None:
        at = time.fromisoformat(body.day.clock)
        await scene.leap(DAYS.index(body.day.weekday), at, zone=call.parts.settings.programme.time_zone)
    return _answer(call, scene.look())


def _scene(call: Call) -> Scene:
    if call.parts.scene is None:
        raise NotFound
    return call.parts.scene


def _answer(call: Call, seen: Seen) -> SceneAnswer:
    zone = call.parts.settings.programme.time_zone
    return SceneAnswer(seen.now, seen.ahead.total_seconds(), zone, SkyPart(seen.kind, seen.temperature_c))
