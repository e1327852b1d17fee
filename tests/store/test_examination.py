"""The doctor's pass is a row of nobody's: good for nothing, counted nowhere, gone without a trace."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from server.model.ids import bucket_of
from server.store import examination, passes, registrations
from server.store.examination import DOCTOR, Pushed
from server.store.ids import new_id
from server.store.pool import Connection
from tests.counter_rows import the_desk
from tests.street.scene import counts

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DEVICE = "a-device-of-the-doctors"


async def make(db: Connection, folder: Path) -> UUID:
    desk, _ = the_desk(folder)
    serial = new_id(bucket=bucket_of(DOCTOR), now=NOW)
    made = await examination.make(db, serial=serial, key_id=1, token_sealed=desk.new_token(serial, now=NOW), now=NOW)
    assert await passes.find(db, serial=serial) == made
    desk.close()
    return serial


async def test_it_is_a_row_of_passes_alone_and_goes_without_a_trace(undone: Connection, tmp_path: Path) -> None:
    before = await counts(undone)
    serial = await make(undone, tmp_path)
    assert {name: n for name, n in (await counts(undone)).items() if n != before[name]} == {"passes": 1}
    await registrations.hold(undone, serial=serial)
    await registrations.put(undone, device_id=DEVICE, pass_type="pass.a.b", serial=serial, push_token="ab" * 32)
    await examination.remove(undone, serial=serial, device_id=DEVICE)
    assert await counts(undone) == before


async def test_a_change_is_marked_and_moves_its_date(undone: Connection, tmp_path: Path) -> None:
    serial = await make(undone, tmp_path)
    before = await passes.find(undone, serial=serial)
    await examination.change(undone, serial=serial)
    after = await passes.find(undone, serial=serial)
    assert before is not None
    assert after is not None
    assert after.modified_at > before.modified_at
    assert after.card.title != before.card.title
    assert await undone.fetchval("SELECT tag FROM passes WHERE serial = $1", serial) == -1


async def test_what_became_of_the_newest_push_is_told(undone: Connection, tmp_path: Path) -> None:
    assert await examination.pushed(undone, device_id=DEVICE) is None
    device = hashlib.sha256(DEVICE.encode()).digest()
    for minute, (state, reason) in enumerate([("dead", "BadDeviceToken"), ("queued", None)]):
        await undone.execute(
            "INSERT INTO deliveries (bucket, id, customer_id, channel, way, device_hash, state, reason, not_before,"
            " deliver_by, created_at) VALUES ($1, $2, $3, 'apple_wallet', 'apple_wallet', $4, $5, $6, $7, $7, $7)",
            bucket_of(DOCTOR), new_id(bucket=bucket_of(DOCTOR), now=NOW), DOCTOR, device, state, reason,
            NOW.replace(minute=minute),
        )  # fmt: skip
    assert await examination.pushed(undone, device_id=DEVICE) == Pushed("queued", None)
    await examination.remove(undone, serial=new_id(bucket=0, now=NOW), device_id=DEVICE)
    assert await examination.pushed(undone, device_id=DEVICE) is None


async def test_what_a_walk_that_was_killed_has_left_is_swept_up_and_one_under_way_is_not(
    undone: Connection, tmp_path: Path
) -> None:
    old, fresh, own = [await make(undone, tmp_path) for _ in range(3)]
    await undone.execute("UPDATE passes SET created_at = clock_timestamp() WHERE serial = $1", fresh)
    await undone.execute("UPDATE passes SET created_at = clock_timestamp() - interval '2 hours' WHERE serial = $1", old)
    await examination.remove(undone, serial=own, device_id=DEVICE)
    assert [await passes.find(undone, serial=each) is None for each in (old, fresh, own)] == [True, False, True]
