"""GET /v1/settings: every setting in force, with its reason and where its value comes from; no secret is told."""

from __future__ import annotations

from typing import Any

import msgspec

from server.origins import Origin, tell
from server.web.call import Call
from server.web.door import door


class Setting(msgspec.Struct, frozen=True):
    """A setting by its TOML path; a secret's value is `***`, or empty where none is set."""

    name: str
    value: Any
    default: Any
    reason: str
    origin: Origin


class SettingsInForce(msgspec.Struct, frozen=True):
    """All of them, in the order of config/default.toml."""

    items: list[Setting]


@door("GET", "/v1/settings", answer=SettingsInForce, summary="The settings in force", tags=("House",))
async def show(call: Call) -> SettingsInForce:
    """List them; they are those of this process, read when it started."""
    return SettingsInForce([Setting(*each) for each in tell(call.parts.settings, call.parts.origins)])
