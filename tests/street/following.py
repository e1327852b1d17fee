"""A process that follows the rules and says of each state that it holds what it sees: `python -m … DSN A B C`.

A line is the epoch, then of the fences A and B the radius in the index, in the index of live offers and as places, then
whether there is C in each of them. It ends when its stdin does.
"""

from __future__ import annotations

import asyncio
import sys
from uuid import UUID

from server.pipeline.rules import Rules, Snapshot, programme_of
from server.store.pool import open_pool
from tests.pipeline.town import settings


def said(snapshot: Snapshot, a: UUID, b: UUID, c: UUID) -> str:
    """What a decision by this state would see of the three fences."""
    places = snapshot.ruleset.places.by_geofence
    indexes = (snapshot.fences, snapshot.live)
    radii = [circle.radius_m for fence in (a, b) for index in indexes if (circle := index.enclosing(fence))]
    radii += [places[fence].radius_m for fence in (a, b) if fence in places]
    there = [c in snapshot.fences, c in snapshot.live, c in places, snapshot.matters(c)]
    return (
        f"{snapshot.ruleset.epoch} {' '.join(f'{radius:g}' for radius in radii)} {' '.join(map(str, map(int, there)))}"
    )


async def main(dsn: str, *fences: str) -> None:
    """Follow, and look at every turn of the loop."""
    a, b, c = map(UUID, fences)
    async with await open_pool(dsn, size=2, application_name="following") as pool:
        rules, stopping = Rules(pool, programme_of(settings())), asyncio.Event()
        following = asyncio.create_task(rules.follow(every_s=0.01, stopping=stopping))
        ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        last = None
        while not ended.done():
            if rules.loaded and rules.current is not last:
                last = rules.current
                sys.stdout.write(said(last, a, b, c) + "\n")
                sys.stdout.flush()
            await asyncio.sleep(0.001)
        stopping.set()
        await following


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
