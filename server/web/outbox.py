"""/v1/outbox: how each way out of the house stands; and dead letters retried or dropped many at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from server.errors import FieldError, Invalid
from server.store import letters
from server.web import audit
from server.web.call import Call
from server.web.door import door

Ids = Annotated[tuple[UUID, ...], msgspec.Meta(min_length=1)]
Deed = Callable[..., Awaitable[Iterable[UUID]]]
"""What is done to dead letters; tells to which."""


class WayOut(msgspec.Struct, frozen=True):
    """One service that takes what leaves the house. `waits_since` is when the one that is due longest was due."""

    way: str
    waiting: int
    sending: int
    dead: int
    waits_since: datetime | None


class Ways(msgspec.Struct, frozen=True):
    """Every way on which something waits or lies."""

    items: list[WayOut]


class Chosen(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which dead letters."""

    ids: Ids


class Outcome(msgspec.Struct, frozen=True):
    """To which it was done; the others are no dead letters, or their time is over."""

    done: list[UUID]
    left: list[UUID]


@door("GET", "/v1/outbox", answer=Ways, summary="What waits to leave the house, by way", tags=("House",))
async def ways(call: Call) -> Ways:
    """Count what waits."""
    async with call.connection() as db:
        found = await letters.standings(db)
    return Ways([WayOut(each.way, each.waiting, each.sending, each.dead, each.due_at) for each in found])


@door(
    "POST",
    "/v1/deliveries/retry",
    body=Chosen,
    answer=Outcome,
    idempotency="optional",
    summary="Try dead letters once more, from their first try on",
    example={"ids": ["0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b"]},
    tags=("House",),
)
async def retry(call: Call) -> Outcome:
    """Put them back into the queue; whether they may still go is asked again there."""
    return await _each(call, letters.retry, "delivery.retry")


@door(
    "POST",
    "/v1/deliveries/drop",
    body=Chosen,
    answer=Outcome,
    idempotency="optional",
    summary="Take dead letters off the list: they are not tried again",
    example={"ids": ["0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b"]},
    tags=("House",),
)
async def drop(call: Call) -> Outcome:
    """End them for good."""
    return await _each(call, letters.drop, "delivery.drop")


def _ids(call: Call) -> list[UUID]:
    """Read which; each once. Raises Invalid."""
    ids, most = list(dict.fromkeys(call.body.ids)), call.parts.settings.limits.page_items
    if len(ids) > most:
        raise Invalid(errors=[FieldError("ids", f"must be at most {most} (limits.page_items)")])
    return ids


async def _each(call: Call, deed: Deed, action: str) -> Outcome:
    """Do it to those that are asked for, with a row in the audit for each to which it was done."""
    ids = _ids(call)
    async with call.transaction() as db:
        taken = set(await deed(db, ids=ids, now=call.parts.clock.now()))
        for id_ in (each for each in ids if each in taken):
            await audit.note(db, call, action=action, object=f"delivery:{id_}", before="dead")
    return Outcome([each for each in ids if each in taken], [each for each in ids if each not in taken])
