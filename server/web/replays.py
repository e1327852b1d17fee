"""Replays: a draft tried on the recorded past before anybody gets it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from server.errors import FieldError, Invalid, NotFound, TooMany
from server.model.money import Money
from server.pipeline.past import tried
from server.store import offers, replays
from server.store.ids import new_id
from server.store.replays import ReplayRow
from server.web.call import Call, Reply
from server.web.door import door
from server.web.instants import read_range

_LOOK_S: Final = 0.1
_RETRY_S: Final = 30


class ReplayBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename={"start": "from", "end": "to"}):
    """The past [from, to): dates in the programme's zone or instants."""

    start: str
    end: str


class Displaced(msgspec.Struct, frozen=True):
    """Moments that a live offer would have had; null where fewer customers than `privacy.min_group` were concerned."""

    offer: str
    moments: int | None


class ReplayDay(msgspec.Struct, frozen=True):
    """One day, as the places' clocks count it."""

    day: str
    moments: int | None
    customers: int | None
    cost: Money | None
    suppressed: bool


class ReplayAnswer(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"start": "from", "end": "to"}
):
    """How far a replay is, and once it is done what would have been.

    Figures of fewer customers than `privacy.min_group` are null and `suppressed`. `gates` counts the looks at the offer
    that ended at each gate, `displaced` the moments that it would have taken from live offers.
    """

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float
    offer: str
    start: datetime
    end: datetime
    reason: str | None = None
    customers: int | msgspec.UnsetType | None = msgspec.UNSET
    moments: int | msgspec.UnsetType | None = msgspec.UNSET
    cost: Money | msgspec.UnsetType | None = msgspec.UNSET
    held_out: int | msgspec.UnsetType | None = msgspec.UNSET
    displaced: list[Displaced] | msgspec.UnsetType = msgspec.UNSET
    by_day: list[ReplayDay] | msgspec.UnsetType = msgspec.UNSET
    gates: dict[str, int | None] | msgspec.UnsetType = msgspec.UNSET
    pings: int | msgspec.UnsetType = msgspec.UNSET
    suppressed: bool | msgspec.UnsetType = msgspec.UNSET
    assumes: list[str] | msgspec.UnsetType = msgspec.UNSET


@door(
    "POST",
    "/v1/offers/{id}/replay",
    body=ReplayBody,
    answer=ReplayAnswer,
    summary="Try an offer, also a draft, on the recorded past; 202 where that takes longer than a moment",
    example={"from": "2026-11-02", "to": "2026-11-09"},
    errors=(429,),
    tags=("Marketing",),
)
async def replay(call: Call) -> Reply:
    """Queue a replay of the newest version, and give its result if it is done soon."""
    settings = call.parts.settings
    span = read_range(call.body.start, call.body.end, zone=settings.programme.time_zone)
    if span.end - span.start > timedelta(days=settings.privacy.ping_days, hours=1):  # a day may have 25 hours
        raise Invalid(errors=[FieldError("to", f"is more than {settings.privacy.ping_days} days after from")])
    await call.parts.rules.refresh()
    async with call.transaction() as db:
        offer, _ = await tried(db, offer_id=call.uuid("id"), version=None, snapshot=call.parts.rules.current)
        row = await replays.ask(
            db,
            id=new_id(),
            offer_id=offer.id,
            version=offer.version,
            start=span.start,
            end=span.end,
            asked_by=call.principal.id,
            most=settings.replay.queue,
        )
    if row is None:
        raise TooMany("Other replays wait already; they are done one after the other.", retry_after_s=_RETRY_S)
    call.parts.workshop.wake()
    row = await _soon(call, row)
    return Reply(200 if row.state == "done" else 202, await _answer(call, row))


async def _soon(call: Call, row: ReplayRow) -> ReplayRow:
    """Wait a moment for the result."""
    for _ in range(round(call.parts.settings.replay.answer_s / _LOOK_S)):
        if row.state not in ("queued", "running"):
            break
        await asyncio.sleep(_LOOK_S)
        async with call.connection() as db:
            row = await replays.find(db, replay_id=row.id) or row
    return row


@door("GET", "/v1/replays/{id}", answer=ReplayAnswer, summary="How far a replay is, or its result", tags=("Marketing",))
async def show(call: Call) -> ReplayAnswer:
    """Show a replay."""
    async with call.connection() as db:
        row = await replays.find(db, replay_id=call.uuid("id"))
    if row is None:
        raise NotFound
    return await _answer(call, row)


@door("DELETE", "/v1/replays/{id}", status=204, summary="Cancel a replay that is not done", tags=("Marketing",))
async def cancel(call: Call) -> None:
    """Cancel a replay; one that is over stays as it is."""
    async with call.transaction() as db:
        if await replays.find(db, replay_id=call.uuid("id")) is None:
            raise NotFound
        await replays.cancel(db, replay_id=call.uuid("id"))


async def _answer(call: Call, row: ReplayRow) -> ReplayAnswer:
    async with call.connection() as db:
        offer = await offers.find(db, offer_id=row.offer_id, version=row.version)
    said: dict[str, Any] = {
        "id": str(row.id),
        "state": row.state,
        "progress": round(row.progress, 4),
        "offer": f"{offer.document.get('name', offer.name)}@{row.version}" if offer is not None else f"@{row.version}",
        "from": row.from_at.astimezone(UTC),
        "to": row.to_at.astimezone(UTC),
        "reason": row.reason,
    }
    return msgspec.convert(said | dict(row.result or {}), ReplayAnswer)
