"""GET /v1/moments/stream: moments as Server-Sent Events, as they are made (WHATWG HTML, §9.2).

Rule 1: it carries every moment from where it starts; what a ping's answer has already told comes too, clients go by the id.
Rule 2: a moment comes at once, whichever process made it: its COMMIT wakes the streams. Looking now and then backs it up.
Rule 3: a database that is away ends no stream: the heart goes on, and what was missed comes afterwards.
Rule 4: what was put off comes once more, when its time is.
Rule 5: a reader who takes nothing is let go: the rest comes when they are back, after their Last-Event-ID.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from aiohttp import web

from server.errors import Refusal, TooMany
from server.store import customers, moments, states
from server.store.moments import Shown
from server.web.call import Call
from server.web.codec import encode
from server.web.door import door
from server.web.moments import told
from server.web.streamed import Events

LOOK_S = 2.0
"""How soon a moment is seen whose knock was lost."""

BEAT_S = 15.0
"""Proxies cut what is silent; the contract says 20 s at most."""

PATIENCE_S = 30.0
"""A reader who takes nothing for so long is gone."""

_LISTENS_S = 40.0
_PAGE = 100
_RETRY = b"retry: 2000\n\n"

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

Mark = tuple[datetime, UUID]


@door(
    "GET",
    "/v1/moments/stream",
    produces="text/event-stream",
    stream=True,
    summary="Listen for one's own moments; Last-Event-ID resumes after a moment",
    tags=("App",),
)
async def listen(call: Call) -> web.StreamResponse:
    """Stream the caller's moments until they leave, are erased, or the house closes."""
    arrivals, customer_id = call.parts.arrivals, call.customer_id
    most = call.parts.settings.limits.streams_per_customer
    if arrivals.streams(customer_id) >= most:
        raise TooMany(f"limits.streams_per_customer is {most}.", retry_after_s=1)
    woken = asyncio.Event()
    stop = arrivals.subscribe(customer_id, woken.set)
    closing = asyncio.create_task(_wake_at_end(call.parts.stopping, woken))
    try:
        begun = call.parts.clock.now()
        mark, waiting = await _begin(call, begun)
        response = Events(sep="\n", ping_interval=BEAT_S, send_timeout=PATIENCE_S)
        response.headers["Cache-Control"] = "no-store"
        with contextlib.suppress(ConnectionError):  # the client has left
            await response.prepare(call.request)
            async with response:  # its heart beats as long
                await _write_retry(response, call)
                await _send(call, response, waiting)
                await _go_on(call, response, Reading(mark, begun), woken)
        return response
    finally:
        closing.cancel()
        stop()
        if not arrivals.streams(customer_id):
            with contextlib.suppress(Refusal):  # it ends by itself soon
                async with call.parts.pool.acquire() as db:
                    await states.listen(db, customer_id=customer_id, for_s=0)


async def _write_retry(response: Events, call: Call) -> None:
    """Say how soon to come back; whoever does not even take that is cut off, as the library does with events."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await response.write(_RETRY)
    except TimeoutError:
        if call.request.transport is not None:
            call.request.transport.abort()
        raise ConnectionResetError from None


async def _wake_at_end(stopping: asyncio.Event, woken: asyncio.Event) -> None:
    """Wake the stream when the house closes."""
    await stopping.wait()
    woken.set()


async def _begin(call: Call, now: datetime) -> tuple[Mark, list[Shown]]:
    """Find where to start: after the moment last seen, else with those that still wait to be delivered.

    Either way those come along that were put off and are back.
    """
    async with call.parts.pool.acquire() as db:
        await states.listen(db, customer_id=call.customer_id, for_s=_LISTENS_S)
        back = await moments.back(db, customer_id=call.customer_id, since=_BEGINNING, now=now, limit=_PAGE)
        with contextlib.suppress(ValueError):
            last = UUID(call.request.headers.get("Last-Event-ID", ""))
            mark = await moments.mark_of(db, customer_id=call.customer_id, moment_id=last)
            if mark is not None:
                return mark, back
        newest = await moments.inbox(db, customer_id=call.customer_id, states=None, before=None, now=now, limit=1)
        if not newest:
            return (_BEGINNING, UUID(int=0)), []
        waiting = await moments.inbox(
            db, customer_id=call.customer_id, states=["created"], before=None, now=now, limit=_PAGE
        )
    mark = (newest[0].created_at, newest[0].id)
    return mark, [*(each for each in reversed(waiting) if (each.created_at, each.id) <= mark), *back]


class Reading(NamedTuple):
    """How far a stream has told: the last moment that was made, and up to when those that came back."""

    mark: Mark
    until: datetime


async def _go_on(call: Call, response: Events, read: Reading, woken: asyncio.Event) -> None:
    """Write moments as they come; the heart beats by itself as long as the stream is open."""
    monotonic, stopping = call.parts.clock.monotonic, call.parts.stopping
    noted = monotonic()
    while not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await woken.wait()
        if not stopping.is_set():
            woken.clear()
        beats = monotonic() - noted >= BEAT_S
        if beats:
            noted = monotonic()
        with contextlib.suppress(Refusal):
            found = await _look(call, read, beats=beats)
            if found is None:
                return
            read, new, back = found
            await _send(call, response, new)
            await _send(call, response, back)
        if not response.is_connected() or call.request.transport is None or call.request.transport.is_closing():
            return


async def _look(call: Call, read: Reading, *, beats: bool) -> tuple[Reading, list[Shown], list[Shown]] | None:
    """Read what was made and what came back since; None where the customer is gone."""
    now, customer_id = call.parts.clock.now(), call.customer_id
    async with call.parts.pool.acquire() as db:
        if beats:
            if await customers.find(db, customer_id=customer_id) is None:
                return None
            await states.listen(db, customer_id=customer_id, for_s=_LISTENS_S)
        new = await moments.after(db, customer_id=customer_id, mark=read.mark, limit=_PAGE)
        back = await moments.back(db, customer_id=customer_id, since=read.until, now=now, limit=_PAGE)
    until = (back[-1].snoozed_until if len(back) == _PAGE else None) or max(now, read.until)
    return Reading((new[-1].created_at, new[-1].id) if new else read.mark, until), new, back


async def _send(call: Call, response: Events, found: Sequence[Shown]) -> None:
    """Write moments as events; raises ConnectionError where nobody takes them."""
    now = call.parts.clock.now()
    try:
        for each in found:
            # One that came back is older than what was told last, so it must not become the Last-Event-ID.
            last = str(each.id) if each.snoozed_until is None else None
            await response.send(encode(told(each, now)).decode(), id=last, event="moment")
    except TimeoutError:  # the library has cut the connection
        raise ConnectionResetError from None
