"""GET /v1/reports/today: what happened since midnight, and a stream that tells it anew whenever it changes.

Rule 1: it counts by when things happened, and over everybody: there is no group in it that could be too small.
Rule 2: a stream ends after some minutes, and whoever may still look comes back by itself: so a log-in that ended ends it too.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from server.decision.wall import instant_of
from server.errors import TooMany
from server.store import happened
from server.store.happened import Happened
from server.web.call import Call, Reply
from server.web.codec import encode
from server.web.door import door
from server.web.parts import Parts
from server.web.streamed import Events
from server.web.tables import Table, answer_as

BEAT_S = 15.0
"""Proxies cut what is silent; the contract says 20 s at most."""

PATIENCE_S = 30.0
"""A reader who takes nothing for so long is gone."""

_TURN_S = 1.0
"""How soon a reader who left is noticed, and the end of the house."""

LASTS_S = 300.0
"""After so long whoever watches must show again that they may."""


class Today(msgspec.Struct, frozen=True):
    """What happened on the day of the programme's zone, from its midnight until `at`."""

    day: date
    zone: str
    at: datetime
    pings: int
    moments: int
    opens: int
    passes: int
    redemptions: int


class TodayQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`format=csv` gives a file instead of JSON."""

    format: Literal["json", "csv"] = "json"


class Seen(NamedTuple):
    """What the board shows: the figures of a day, without the time at which they were looked at."""

    day: date
    figures: Happened


def midnight(now: datetime, zone: str) -> tuple[date, datetime]:
    """Tell which day it is in a zone, and when it began; pure."""
    place = ZoneInfo(zone)
    day = now.astimezone(place).date()
    return day, instant_of(day, time.min, place).astimezone(UTC)


def _now(parts: Parts) -> datetime:
    """Give the real time: the figures are of the real day, also where a test moves that of the decisions."""
    return parts.clock.now() - timedelta(seconds=parts.settings.clock_shift_s)


async def look(parts: Parts) -> Seen:
    """Look at the figures now."""
    now = _now(parts)
    day, start = midnight(now, parts.settings.programme.time_zone)
    async with parts.pool.acquire() as db:
        return Seen(day, await happened.since(db, start=start, end=now))


def told(seen: Seen, parts: Parts) -> Today:
    """Put the figures into the answer's shape."""
    return Today(seen.day, parts.settings.programme.time_zone, _now(parts), *seen.figures)


@door(
    "GET",
    "/v1/reports/today",
    query=TodayQuery,
    answer=Today,
    summary="What happened since midnight: pings, moments, opens, passes, redemptions",
    tags=("Marketing",),
)
async def show_today(call: Call) -> msgspec.Struct | Reply:
    """Tell today's figures, at most two seconds old."""
    today = told(await look(call.parts), call.parts)
    return answer_as(call.query.format, today, lambda: table_of(today))


def table_of(today: Today) -> Table:
    """Write the figures as a table of one line."""
    columns = Today.__struct_fields__
    return Table("today", columns, [[getattr(today, name) for name in columns]])


@door(
    "GET",
    "/v1/reports/today/stream",
    produces="text/event-stream",
    stream=True,
    summary="Today's figures as Server-Sent Events, whenever they change",
    tags=("Marketing",),
)
async def watch_today(call: Call) -> web.StreamResponse:
    """Stream today's figures until the reader leaves, the stream has lasted, or the house closes."""
    parts, who = call.parts, call.principal.id
    most, every_s = parts.settings.reports.streams, parts.settings.reports.today_s
    if parts.board.watchers(who) >= most:
        raise TooMany(f"reports.streams is {most}.", retry_after_s=5)
    with parts.board.watch(who, lambda: look(parts), every_s=every_s) as woken:
        response = Events(sep="\n", ping_interval=BEAT_S, send_timeout=PATIENCE_S)
        response.headers["Cache-Control"] = "no-store"
        with contextlib.suppress(ConnectionError):  # the reader has left
            await response.prepare(call.request)
            async with response:  # its heart beats as long
                await _go_on(call, response, woken)
        return response


async def _go_on(call: Call, response: Events, woken: asyncio.Event) -> None:
    """Write the figures as they change."""
    parts, ends = call.parts, call.parts.clock.monotonic() + LASTS_S
    while not parts.stopping.is_set() and parts.clock.monotonic() < ends:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TURN_S):
                await woken.wait()
        if woken.is_set() and parts.board.shown is not None:
            woken.clear()
            await _send(response, told(parts.board.shown, parts))
        if not response.is_connected() or call.request.transport is None or call.request.transport.is_closing():
            return


async def _send(response: Events, today: Today) -> None:
    """Write one event; raises ConnectionError where nobody takes it."""
    try:
        await response.send(encode(today).decode(), event="today")
    except TimeoutError:  # the library has cut the connection
        raise ConnectionResetError from None
