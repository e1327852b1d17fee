"""Update tags: every change gets the next number, and none is ever skipped by whoever reads in between."""

from __future__ import annotations

import asyncio
from pathlib import Path

from server.pipeline import redeem
from server.store import pass_tags, passes
from server.store.pool import Connection, Pool
from tests.counter_rows import NO_PURCHASE, Scene, row_of, set_scene

TYPE = "pass.de.kaffeeklatsch.coupon"


async def number(db: Connection, *, limit: int = 100) -> int:
    async with db.transaction():
        return len(await pass_tags.number(db, pass_type=TYPE, limit=limit))


async def use(db: Connection, scene: Scene) -> None:
    async with db.transaction():
        await redeem.redeem(db, serial=scene.serial, till=scene.till, purchase=NO_PURCHASE)


async def test_a_fresh_pass_has_nothing_to_tell(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    assert await number(db) == 0
    assert (await row_of(db, scene.serial))["tag"] == 0
    assert await pass_tags.newest(db, pass_type=TYPE) == 0


async def test_each_change_gets_the_next_number(db: Connection, tmp_path: Path) -> None:
    scenes = [await set_scene(db, tmp_path, uses=2) for _ in range(2)]
    tags = []
    for scene in (scenes[0], scenes[1], scenes[0]):
        await use(db, scene)
        assert await number(db) == 1
        tags.append((await row_of(db, scene.serial))["tag"])
    assert tags == [1, 2, 3]
    assert await pass_tags.newest(db, pass_type=TYPE) == 3


async def test_two_changes_before_a_turn_are_one(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, uses=3)
    await use(db, scene)
    await use(db, scene)
    assert await number(db) == 1


async def test_many_are_numbered_in_portions_without_a_double(db: Connection, tmp_path: Path) -> None:
    scenes = [await set_scene(db, tmp_path) for _ in range(7)]
    for scene in scenes:
        await use(db, scene)
    assert [await number(db, limit=3) for _ in range(4)] == [3, 3, 1, 0]
    tags = [(await row_of(db, scene.serial))["tag"] for scene in scenes]
    assert sorted(tags) == [1, 2, 3, 4, 5, 6, 7]


async def test_who_reads_the_newest_never_misses_a_change_that_is_committed_later(
    db: Connection, pool: Pool, tmp_path: Path
) -> None:
    """The slow change began first and is committed last: its number is larger than all that a reader was told before."""
    slow, quick = await set_scene(db, tmp_path), await set_scene(db, tmp_path)
    async with pool.transaction() as held:
        await redeem.redeem(held, serial=slow.serial, till=slow.till, purchase=NO_PURCHASE)
        await use(db, quick)
        assert await number(db) == 1
        told = await pass_tags.newest(db, pass_type=TYPE)
    assert await number(db) == 1
    assert (await row_of(db, slow.serial))["tag"] > told >= (await row_of(db, quick.serial))["tag"]


async def test_a_reader_that_polls_all_the_while_sees_every_change(db: Connection, pool: Pool, tmp_path: Path) -> None:
    scenes = [await set_scene(db, tmp_path) for _ in range(24)]
    seen: set[object] = set()
    mark = 0

    async def change(scene: Scene) -> None:
        async with pool.transaction() as own:
            await passes.void(own, serial=scene.serial, reason="race")

    async def poll() -> None:
        nonlocal mark
        await number(db, limit=5)
        newest = await pass_tags.newest(db, pass_type=TYPE)
        rows = await db.fetch("SELECT serial FROM passes WHERE tag > $1 AND tag <= $2", mark, newest)
        seen.update(row["serial"] for row in rows)
        mark = newest

    changing = asyncio.gather(*(change(scene) for scene in scenes))
    while not changing.done():
        await poll()
    await changing
    for _ in range(6):
        await poll()
    assert seen == {scene.serial for scene in scenes}


async def test_two_who_number_at_once_give_no_number_twice(db: Connection, pool: Pool, tmp_path: Path) -> None:
    scenes = [await set_scene(db, tmp_path) for _ in range(12)]
    for scene in scenes:
        await use(db, scene)

    async def turn() -> int:
        async with pool.transaction() as own:
            return len(await pass_tags.number(own, pass_type=TYPE, limit=3))

    counts = await asyncio.gather(*(turn() for _ in range(6)))
    assert sum(counts) == 12
    tags = [(await row_of(db, scene.serial))["tag"] for scene in scenes]
    assert sorted(tags) == list(range(1, 13))
