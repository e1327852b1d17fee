"""Fences come and go while two processes serve: both come to decide by the newest state, and never by half of one."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from uuid import UUID

from server.store import epoch, geofences
from server.store.geofences import GeofenceDraft, NewGeofence
from server.store.ids import new_id
from server.store.pool import Pool
from tests.pipeline.town import TOWN, Town, document
from tests.street.process import ROOT

ROUNDS = 25


@contextlib.asynccontextmanager
async def following(dsn: str, *fences: UUID) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of its own that follows the rules and tells of each state."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.street.following", dsn, *map(str, fences),
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def told_until(process: asyncio.subprocess.Process, number: int) -> list[str]:
    """What a process says until it has come to an epoch."""
    assert process.stdout is not None
    lines = []
    while not lines or int(lines[-1].split()[0]) < number:
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        assert line, "the process ended"
        lines.append(line.decode().strip())
    return lines


async def change(pool: Pool, a: UUID, b: UUID, c: UUID, *, radius_m: float, there: bool) -> int:
    """Change all three in one transaction: what one grows the other shrinks, and the third comes or goes."""
    async with pool.transaction() as db:
        changed = await epoch.bump(db)
        for fence, metres in ((a, radius_m), (b, 1_000 - radius_m)):
            draft = GeofenceDraft("moved", lat=TOWN.lat, lon=TOWN.lon, radius_m=metres)
            await geofences.update(db, geofence_id=fence, draft=draft, changed=changed)
        back = "UPDATE geofences SET deleted_at = CASE WHEN $2 THEN NULL ELSE now() END, changed = $3 WHERE id = $1"
        await db.execute(back, c, there, changed)
    return changed


async def test_two_processes_come_to_the_newest_fences_and_never_hold_a_mix(pool: Pool, db_dsn: str) -> None:
    fences = [NewGeofence(new_id(), GeofenceDraft(name, None, (), TOWN.lat, TOWN.lon, 500.0)) for name in "ABC"]
    a, b, c = (fence.id for fence in fences)
    async with pool.transaction() as db:
        await geofences.insert(db, fences=fences, changed=await epoch.bump(db))
    await Town(pool).publish(document(when={"trigger": "enter", "places": {"any": True}}))
    due = dict[int, str]()
    async with following(db_dsn, a, b, c) as first, following(db_dsn, a, b, c) as second:
        async with pool.acquire() as db:
            begun = int(await db.fetchval("SELECT epoch FROM ruleset_epoch"))
        due[begun] = f"{begun} {' '.join(['500'] * 6)} 1 1 1 1"
        said = [await told_until(each, begun) for each in (first, second)]
        for number in range(ROUNDS):
            radius, there = 100.0 + number, number % 2 == 1
            changed = await change(pool, a, b, c, radius_m=radius, there=there)
            radii = f"{radius:g} {radius:g} {1_000 - radius:g} {1_000 - radius:g} {radius:g} {1_000 - radius:g}"
            due[changed] = f"{changed} {radii} {' '.join(['1' if there else '0'] * 4)}"
            await asyncio.sleep(0.005 * (number % 3))  # sometimes they keep up, sometimes they skip a state
        said = [[*before, *await told_until(each, changed)] for before, each in zip(said, (first, second), strict=True)]
    for lines in said:
        assert [due[int(line.split()[0])] for line in lines] == lines
        assert lines[-1] == due[changed]
        assert [int(line.split()[0]) for line in lines] == sorted({int(line.split()[0]) for line in lines})
