"""/v1/programme: the switch that stops every offer in every process, for the day on which something is badly wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import msgspec

from server.pipeline.programme import throw
from server.store import programme
from server.store.programme import Switch
from server.web.call import Call
from server.web.door import door

_REASON: Final = 500


class SwitchBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How the switch shall stand, and why: whoever finds it paused reads the reason."""

    paused: bool
    reason: Annotated[str, msgspec.Meta(max_length=_REASON)] = ""


class SwitchAnswer(msgspec.Struct, frozen=True):
    """How the switch stands; `changed_by` null: nobody ever touched it."""

    paused: bool
    reason: str
    changed_by: str | None
    changed_at: datetime | None


def _answer(switch: Switch) -> SwitchAnswer:
    return SwitchAnswer(*switch)


@door(
    "GET", "/v1/programme", answer=SwitchAnswer, summary="Whether the programme is paused, and why", tags=("Marketing",)
)
async def show_programme(call: Call) -> SwitchAnswer:
    """Tell how the switch stands."""
    async with call.connection() as db:
        return _answer(await programme.find(db))


@door(
    "PUT",
    "/v1/programme",
    body=SwitchBody,
    answer=SwitchAnswer,
    summary="Pause every offer at once, or let them go on: within two seconds in every process",
    example={"paused": False, "reason": "The prices were mended."},
    tags=("Marketing",),
)
async def throw_switch(call: Call) -> SwitchAnswer:
    """Throw the switch; passes that were given out stay good."""
    async with call.transaction() as db:
        return _answer(await throw(db, paused=call.body.paused, reason=call.body.reason, by=call.author))
