"""What the clock does with passes, each job once: whatever was marked ends numbered, told, and counted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from server.opening.passes import passes_jobs
from server.pipeline import pass_jobs
from server.store.pool import Connection, Pool
from tests.counter_rows import row_of, set_scene, the_desk
from tests.store.test_pass_counts import register
from tests.web.serving import parts_of, settings_with


class Wall:
    """A clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def opened(pool: Pool, tmp_path: Path) -> Any:
    desk, _ = the_desk(tmp_path / "desk")
    return parts_of(settings_with(), pool, clock=Wall(), desk=desk)


async def test_a_change_is_numbered_told_and_counted_by_the_jobs(
    opened: Any, db: Connection, pool: Pool, tmp_path: Path
) -> None:
    scene = await set_scene(db, tmp_path)
    await register(db, scene.serial, b"phone")
    await db.execute("UPDATE registrations SET push_token = 'aa'")
    await pool.attempt(lambda own: pass_jobs.resign(own, offer_id=None, by="tests"))
    jobs = {job.name: job.work for job in passes_jobs(opened)}
    await jobs["count waiting passes"]()
    await jobs["walk passes"]()
    assert (await row_of(db, scene.serial))["tag"] == -2
    await jobs["count waiting passes"]()
    assert 'kairos_passes_waiting{what="number"} 1.0' in opened.metrics.text().decode()
    await jobs["number passes"]()
    assert (await row_of(db, scene.serial))["tag"] == 1
    assert await db.fetchval("SELECT count(*) FROM deliveries WHERE channel = 'apple_wallet'") == 1
    await db.execute("UPDATE passes SET valid_until = now()")
    for name in ("expire passes", "say farewell", "count waiting passes"):
        await jobs[name]()
    assert (await row_of(db, scene.serial))["state"] == "expired"
    text = opened.metrics.text().decode()
    assert 'kairos_passes_waiting{what="number"} 1.0' in text
    assert 'kairos_passes_waiting{what="walk"} 0.0' in text
