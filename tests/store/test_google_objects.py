"""Rows of passes at Google: told when they change, once for any number of changes, those of the counter first."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from server.store import google_objects
from server.store.pool import Connection
from tests.counter_rows import Scene, set_scene

WITHIN = timedelta(days=3)
NEWS = "SELECT state, attempts, not_before < clock_timestamp() - interval '1 hour' AS first FROM deliveries"


@pytest.fixture
async def scene(db: Connection, tmp_path: Path) -> Scene:
    return await set_scene(db, tmp_path)


async def news(db: Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await db.fetch(f"{NEWS} WHERE channel = 'google_wallet' ORDER BY id")]


async def test_only_what_google_has_is_told_unless_it_is_to_have_it(db: Connection, scene: Scene) -> None:
    assert await google_objects.enqueue(db, serials=[scene.serial], within=WITHIN) == 0
    await google_objects.add(db, serial=scene.serial, kind="offer")
    assert await google_objects.enqueue(db, serials=[scene.serial], within=WITHIN) == 0
    assert await google_objects.enqueue(db, serials=[scene.serial], within=WITHIN, first=True) == 1
    assert await google_objects.kinds(db, serials=[scene.serial, scene.moment_id]) == {scene.serial: "offer"}


async def test_one_row_waits_for_any_number_of_changes_and_what_hurries_moves_it_forward(
    db: Connection, scene: Scene
) -> None:
    await google_objects.add(db, serial=scene.serial, kind="offer")
    await db.execute("UPDATE google_objects SET known_at = now()")
    await google_objects.enqueue(db, serials=[scene.serial], within=WITHIN, urgent=[False])
    assert await news(db) == [("queued", 0, False)]
    await google_objects.enqueue(db, serials=[scene.serial], within=WITHIN, urgent=[True])
    await google_objects.enqueue(db, serials=[scene.serial], within=WITHIN, urgent=[False])
    assert await news(db) == [("queued", 0, True)]
    await db.execute("UPDATE deliveries SET state = 'leased'")
    await google_objects.enqueue(db, serials=[scene.serial], within=WITHIN)
    assert len(await news(db)) == 2


async def test_a_change_is_tried_for_as_long_as_is_asked(db: Connection, scene: Scene) -> None:
    await google_objects.add(db, serial=scene.serial, kind="offer")
    for days in (5, 2, 9):  # a setting that was lowered takes nothing from what waits
        await google_objects.enqueue(db, serials=[scene.serial], within=timedelta(days=days), first=True)
        patience = await db.fetchval("SELECT deliver_by - created_at FROM deliveries")
        assert timedelta(days=max(days, 5)) <= patience < timedelta(days=max(days, 5), minutes=5)


async def test_what_was_tried_keeps_its_pause(db: Connection, scene: Scene) -> None:
    await google_objects.add(db, serial=scene.serial, kind="offer")
    await google_objects.enqueue(db, serials=[scene.serial], within=WITHIN, first=True)
    later = await db.fetchval("SELECT now() + interval '1 hour'")
    await db.execute("UPDATE deliveries SET attempts = 1, not_before = $1", later)
    await google_objects.enqueue(db, serials=[scene.serial], within=WITHIN, first=True)
    assert await db.fetchval("SELECT not_before FROM deliveries") == later


async def test_of_two_words_the_later_counts_and_an_equal_one_by_its_count(db: Connection, scene: Scene) -> None:
    until = await db.fetchval("SELECT now() + interval '1 hour'")

    async def hear(event: str, at: int, count: int | None, nonce: str) -> bool:
        return await google_objects.hear(
            db,
            serial=scene.serial,
            kind="offer",
            nonce=nonce,
            event=event,  # type: ignore[arg-type]
            until=until + timedelta(seconds=at),
            count=count,
        )

    assert await hear("save", 5, None, "a")
    assert not await hear("del", 4, None, "b")
    assert not await hear("save", 5, None, "a")
    assert await hear("del", 5, 2, "c")
    assert not await hear("save", 5, 1, "d")
    assert await db.fetchval("SELECT removed_at IS NOT NULL AND saved_at IS NOT NULL FROM google_objects")


async def test_of_a_pass_that_is_nobodys_nothing_is_kept(db: Connection, scene: Scene) -> None:
    await db.execute("UPDATE passes SET customer_id = NULL")
    until = await db.fetchval("SELECT now() + interval '1 hour'")
    assert not await google_objects.hear(
        db, serial=scene.serial, kind="offer", nonce="n", event="save", until=until, count=None
    )
    assert await db.fetchval("SELECT count(*) FROM google_callbacks") == 0


async def test_a_pass_without_a_secret_has_none(db: Connection, scene: Scene) -> None:
    assert await google_objects.secret(db, serial=scene.serial) == (None, None)
    await google_objects.add(db, serial=scene.serial, kind="offer", totp_sealed=b"sealed")
    found = await google_objects.secret(db, serial=scene.serial)
    assert found.sealed == b"sealed"
    assert found.now is not None
