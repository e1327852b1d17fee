"""GET /healthz: the process lives. GET /readyz: it can serve: database there and at head, rules loaded, not stopping.

A certificate that ended is a warning here and no more: the counter and the pings go on without it, and whoever takes the
process out of the balancer would end them, too. The doors that sign say 503 themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from server.errors import Refusal, Unavailable
from server.store import migrate
from server.web.call import Call
from server.web.door import door
from server.web.parts import Parts

_DATABASE_S = 1.0
"""Whoever asks wants to know now; a database that takes longer is none."""


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str


class Ready(msgspec.Struct, frozen=True):
    """What readiness consists of, and what somebody must see to: certificates that end, each in a sentence."""

    status: str
    database: bool
    migrations: bool
    rules: bool
    stopping: bool
    warnings: list[str]


@door("GET", "/healthz", answer=Alive, summary="Whether the process lives", tags=("Operations",))
async def alive(call: Call) -> Alive:
    """Answer without asking anybody."""
    return Alive("ok")


@door("GET", "/readyz", answer=Ready, errors=(503,), summary="Whether requests can be served", tags=("Operations",))
async def ready(call: Call) -> Ready:
    """Answer 200 with everything true (and warnings, which nothing depends on), else 503 with what is missing."""
    reached, pending = await _database(call.parts)
    found = Ready(
        status="ready",
        database=reached,
        migrations=reached and not pending,
        rules=call.parts.rules.loaded,
        stopping=call.parts.stopping.is_set(),
        warnings=_warnings(call.parts),
    )
    if not (found.database and found.migrations and found.rules) or found.stopping:
        missing = {name: value for name, value in msgspec.structs.asdict(found).items() if name != "status"}
        raise Unavailable("Not ready.", code="not_ready", retry_after_s=1, extra=missing)
    return found


def _warnings(parts: Parts) -> list[str]:
    """Say what ends; nothing while the time is not known, since the database is away."""
    try:
        return parts.watch.sentences(parts.clock.now())
    except Unavailable:
        return []


async def _database(parts: Parts) -> tuple[bool, Sequence[migrate.Migration]]:
    """Tell whether the database answers in time, and which migrations it has not seen."""
    try:
        async with asyncio.timeout(_DATABASE_S), parts.pool.acquire() as db:
            return True, await migrate.pending(db)
    except (Refusal, TimeoutError):
        return False, ()
