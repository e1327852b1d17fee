"""GET /v1/limits: the limits in force, by the names of their settings, each of which can be lifted by its setting."""

from __future__ import annotations

import msgspec

from server.settings import Settings
from server.web.call import Call, Reply
from server.web.codec import encode
from server.web.door import door

_OTHERS = (
    "server.body_deadline_s",
    "server.handler_deadline_s",
    "pressure.per_day",
    "pressure.per_week",
    "publish.approval_above",
    "reversal.window_s",
    "privacy.min_group",
    "privacy.position_decimals",
    "session.idle_s",
    "session.absolute_s",
)
"""What a client may also run into."""


class LimitsInForce(msgspec.Struct, frozen=True):
    """Each setting's TOML path, such as `limits.body_bytes`, and its number."""


@door("GET", "/v1/limits", answer=LimitsInForce, summary="The limits in force, by setting name", tags=("House",))
async def show(call: Call) -> Reply:
    """Answer with all of them."""
    return Reply(200, encode(limits_of(call.parts.settings)))


def limits_of(settings: Settings) -> dict[str, float]:
    """List the limits: setting name to number."""
    found: dict[str, float] = {
        f"limits.{name}": value for name, value in msgspec.structs.asdict(settings.limits).items()
    }
    for name in _OTHERS:
        section, _, key = name.partition(".")
        found[name] = getattr(getattr(settings, section), key)
    return found
