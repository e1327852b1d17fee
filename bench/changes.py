"""Fences come and go while serving, and the start: a hundred thousand of them, two real processes.

Claimed: `kairos serve` is ready in three seconds with a hundred thousand fences; a fence that changes decides in every
process within a second; taking the change in hardly disturbs what goes on meanwhile.

Measured: from starting the process to its first line (PostgreSQL runs already). Then, in a process of our own, what
`Rules.refresh` takes for one changed fence, and the longest pause of the event loop meanwhile. Last, two processes serve:
a fence is changed and both are asked, by pings beside it, until `watch` tells of the new radius.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import statistics
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
from aiohttp import ClientSession

from bench.process import house, kairos
from bench.table import goal, options, show
from bench.town import Caller, fences, settle
from server.configuration import load
from server.model.place import Circle, Geofence
from server.pipeline.rules import Rules, programme_of
from server.store import epoch
from server.store.pool import Connection, Pool, connect, open_pool

CHANGE = "UPDATE geofences SET radius_m = $2, changed = $3 WHERE id = $1"
PATIENCE_S = 10.0


async def change(db: Connection, fence: Geofence, *, radius_m: float) -> None:
    """Change a fence, as its author does."""
    async with db.transaction():
        await db.execute(CHANGE, fence.id, radius_m, await epoch.bump(db))


async def refreshes(pool: Pool, db: Connection, made: Sequence[Geofence], *, count: int) -> tuple[list[float], float]:
    """Give what taking one changed fence in takes (s), time after time, and the loop's longest pause meanwhile (s)."""
    rules = Rules(pool, programme_of(load(environment={})))
    await rules.refresh()
    gc.collect()
    taken, longest = list[float](), 0.0
    for fence in made[:count]:
        await change(db, fence, radius_m=101.0)
        pauses = asyncio.create_task(_pauses())
        await asyncio.sleep(0.02)
        begun = time.perf_counter()
        await rules.refresh()
        taken.append(time.perf_counter() - begun)
        pauses.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pauses
        longest = max(longest, _LONGEST.pop())
    return taken, longest


_LONGEST: list[float] = []


async def _pauses() -> None:
    """Turn the loop every millisecond, and keep the longest that it was late."""
    late = 0.0
    try:
        while True:
            due = time.perf_counter() + 0.001
            await asyncio.sleep(0.001)
            late = max(late, time.perf_counter() - due)
    finally:
        _LONGEST.append(late)


def report() -> dict[str, Any]:
    """Begin the body of a report of one fix."""
    now = datetime.now(UTC).isoformat()
    return {"sent_at": now, "pings": [{"id": str(uuid4()), "captured_at": now, "accuracy_m": 12.0}]}


async def seen_after(http: ClientSession, url: str, caller: Caller, fence: Geofence, *, radius_m: float) -> float:
    """Report from where the caller is until `watch` tells of the new radius, and give how long that took (s)."""
    begun = time.perf_counter()
    while time.perf_counter() - begun < PATIENCE_S:
        body = report()
        body["pings"][0] |= {"lat": caller.at.lat, "lon": caller.at.lon}
        headers = {"Authorization": f"Bearer {caller.token}"}
        async with http.post(f"{url}/v1/pings", json=body, headers=headers) as response:
            circles = (await response.json())["watch"]["circles"]
        if any(each["id"] == str(fence.id) and each["radius_m"] == radius_m for each in circles):
            return time.perf_counter() - begun
        await asyncio.sleep(0.01)
    raise SystemExit("bench: a process does not see the change")


def beside(made: Sequence[Geofence], callers: Sequence[Caller]) -> Iterator[tuple[Caller, Geofence]]:
    """Pair callers with the fence that they are nearest to."""

    def away(caller: Caller, fence: Geofence) -> float:
        assert isinstance(fence.shape, Circle)
        return abs(fence.shape.center.lat - caller.at.lat) + abs(fence.shape.center.lon - caller.at.lon)

    return ((caller, min(made, key=lambda fence: away(caller, fence))) for caller in callers)


async def both_see(folder: Path, db: Connection, made: Sequence[Geofence], callers: Sequence[Caller]) -> list[float]:
    """Change fences while two processes serve; give how long each took until both decided by the new one (s)."""
    found = list[float]()
    async with kairos(folder) as first, kairos(folder) as second, ClientSession() as http:
        for number, (caller, fence) in enumerate(beside(made, callers)):
            radius = 200.0 + number
            await change(db, fence, radius_m=radius)
            seen = (seen_after(http, each.url, caller, fence, radius_m=radius) for each in (first, second))
            found.append(max(await asyncio.gather(*seen)))
    return found


async def bench(asked: argparse.Namespace) -> None:
    """Measure and print."""
    count = 10_000 if asked.quick else asked.fences
    rounds, offers = asked.rounds or (1 if asked.quick else 5), 20 if asked.quick else 1_000
    made = fences(count, offers=offers)
    async with house() as (folder, server), connect(server.dsn, application_name="bench") as db:
        callers = await settle(db, made=made, offers=offers, customers=5)
        await db.execute("ANALYZE")
        starts, worked = list[float](), list[float]()
        for _ in range(rounds):
            async with kairos(folder) as served:
                starts.append(served.ready_s)
                worked.append(sum(psutil.Process(served.pid).cpu_times()[:2]))
        async with await open_pool(server.dsn, size=4, application_name="bench") as pool:
            taken, longest = await refreshes(pool, db, made, count=4 * rounds)
        seen = await both_see(folder, db, made, callers)
    show(
        f"{count:,} fences, {offers:,} offers",
        ["", "median", "most"],
        [
            ["ready after start (s)", f"{statistics.median(starts):.2f}", f"{max(starts):.2f}"],
            ["… processor time of that (s)", f"{statistics.median(worked):.2f}", f"{max(worked):.2f}"],
            ["one changed fence taken in (ms)", f"{statistics.median(taken) * 1e3:.1f}", f"{max(taken) * 1e3:.1f}"],
            ["the loop's longest pause meanwhile (ms)", "", f"{longest * 1e3:.1f}"],
            ["until both processes decide by it (s)", f"{statistics.median(seen):.2f}", f"{max(seen):.2f}"],
        ],
    )
    goal(f"start: ready with {count:,} fences", min(starts), "<=", 3.0, unit=" s")
    goal("changes: every process decides by a changed fence", max(seen), "<=", 1.0, unit=" s")


def main() -> None:
    """Run."""
    parser = options("fences that change while two processes serve, and the start")
    parser.add_argument("--fences", type=int, default=100_000)
    asyncio.run(bench(parser.parse_args()))


if __name__ == "__main__":
    main()
