"""POST /v1/moments/{id}/snooze: later, please."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from server.decision.durations import read_duration
from server.errors import FieldError, Invalid
from server.pipeline.snooze import snooze
from server.web.call import Call
from server.web.codec import Instant
from server.web.door import door
from server.web.moments import MomentAnswer, told


class SnoozeBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename={"for_": "for"}):
    """For how long (ISO 8601, `PT2H`) or until when: one of them."""

    for_: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    until: Instant | None = None


@door(
    "POST",
    "/v1/moments/{id}/snooze",
    body=SnoozeBody,
    answer=MomentAnswer,
    summary="Put a moment off: it leaves the active ones, and comes back by itself",
    example={"for": "PT1H"},
    errors=(404, 409),
    tags=("App",),
)
async def put_off(call: Call) -> MomentAnswer:
    """Put the caller's own moment off; once more puts it off anew."""
    now = call.parts.clock.now()
    field, until = _until(call.body, now)
    most = timedelta(seconds=call.parts.settings.limits.snooze_s)
    async with call.transaction() as db:
        shown = await snooze(
            db, customer_id=call.customer_id, moment_id=call.uuid("id"), field=field, until=until, most=most, now=now
        )
    return told(shown, now)


def _until(body: SnoozeBody, now: datetime) -> tuple[str, datetime]:
    """Tell until when, and by which field that was said."""
    if (body.for_ is None) == (body.until is None):
        raise Invalid(errors=[FieldError("for", "or until must be given, and not both")])
    if body.until is not None:
        return "until", body.until.astimezone(UTC)
    length = read_duration(body.for_ or "")
    if length is None:
        raise Invalid(errors=[FieldError("for", "must be a duration such as PT2H or P1D")])
    try:
        return "for", now + length
    except OverflowError:
        raise Invalid(errors=[FieldError("for", "is beyond the calendar")]) from None
